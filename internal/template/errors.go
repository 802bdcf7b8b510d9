package template

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a template. Lines and columns count from 1; zero is
// not known.
type Position struct {
	File         string
	Line, Column int
}

// String is "file:line".
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Error is one mistake in a template or in the parameters given to it.
type Error struct {
	Position
	// Resource is the logical ID of the resource it is in, if it is in one.
	Resource string
	// Path is where in the template a late mistake is, as
	// "/Resources/Database/Properties/Port".
	Path string
	// Message is CloudFormation's wording, without the position.
	Message string
	// Late marks mistakes that CloudFormation finds only when it comes to the
	// resource (or in the early validation of a change set): properties that do
	// not fit the schema. All others make it refuse the request.
	Late bool
}

// Code is the error code with which CloudFormation refuses such a request.
func (e *Error) Code() string { return "ValidationError" }

func (e *Error) Error() string {
	if e.File == "" {
		return e.Message
	}
	return e.Position.String() + ": " + e.Message
}

// Errors are all the mistakes that were found, in the order of their positions.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(slices.Compact(lines), "\n") // several of one line may say the same
}

// Unwrap lets errors.As find an *Error.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// Early returns the mistakes for which CloudFormation refuses the request.
func (es Errors) Early() Errors {
	return slices.DeleteFunc(slices.Clone(es), func(e *Error) bool { return e.Late })
}

// All returns the template errors in err; a foreign error is not one of them.
func All(err error) Errors {
	var es Errors
	var e *Error
	switch {
	case errors.As(err, &es):
		return es
	case errors.As(err, &e):
		return Errors{e}
	}
	return nil
}

// err is nil when there are none, so that an empty list is no error.
func (es Errors) err() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return es
}

// add notes a mistake.
func (es *Errors) add(p Position, format string, args ...any) *Error {
	e := &Error{Position: p, Message: fmt.Sprintf(format, args...)}
	*es = append(*es, e)
	return e
}

// take adds err's mistakes; an error of another kind is kept as one with its text.
func (es *Errors) take(p Position, err error) {
	switch found := All(err); {
	case err == nil:
	case found != nil:
		*es = append(*es, found...)
	default:
		es.add(p, "%s", err)
	}
}
