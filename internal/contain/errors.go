package contain

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Limits that a command was killed for. They are found with errors.Is.
var (
	ErrTime   = errors.New("time limit")
	ErrOutput = errors.New("output limit")
	ErrDisk   = errors.New("disk limit")
)

// LimitError says which limit a command went over. It unwraps to it.
type LimitError struct {
	// Command is the program, without arguments.
	Command string
	Limit   error
	// Allowed is in nanoseconds for ErrTime, else in bytes.
	Allowed int64
	// Used is known for ErrDisk only, in bytes.
	Used int64
}

func (e *LimitError) Unwrap() error { return e.Limit }

// Error is one sentence with the figures.
func (e *LimitError) Error() string {
	switch e.Limit {
	case ErrTime:
		return fmt.Sprintf("%s: killed, because it ran for longer than its %v of %v", e.Command, e.Limit, time.Duration(e.Allowed))
	case ErrDisk:
		return fmt.Sprintf("%s: killed, because its files take %d bytes, more than its %v of %d bytes", e.Command, e.Used, e.Limit, e.Allowed)
	}
	return fmt.Sprintf("%s: killed, because it printed more than its %v of %d bytes", e.Command, e.Limit, e.Allowed)
}

// ExitError is a command that failed by itself.
type ExitError struct {
	// Command is the program, without arguments.
	Command string
	// Code is its exit status, or 0 when a signal ended it.
	Code int
	// Signal that ended it, or 0.
	Signal syscall.Signal
}

func (e *ExitError) Error() string {
	switch {
	case e.Signal == syscall.SIGXFSZ:
		return fmt.Sprintf("%s: ended, because it wrote a file larger than is allowed", e.Command)
	case e.Signal != 0:
		return fmt.Sprintf("%s: ended by signal %d (%v)", e.Command, int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("%s: exit status %d", e.Command, e.Code)
}
