package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// States of a sandbox, beside those of its parts.
const (
	StateUp   = "ready"
	StateDown = "stopped"
)

// Status is what is known about a sandbox from its state folder, whoever runs it.
type Status struct {
	StateDir   string  `json:"stateDir"`
	State      string  `json:"state"`                // starting, ready, stopping, stopped or died
	Supervisor int     `json:"supervisor,omitempty"` // its process
	Memory     int64   `json:"supervisorMemoryBytes,omitempty"`
	Took       float64 `json:"startToReadySeconds,omitempty"`
	Error      string  `json:"error,omitempty"` // why it came down by itself
	// DNS is the address of the server that answers from the hosted zones.
	DNS   string       `json:"dns,omitempty"`
	Parts []PartStatus `json:"parts"`
}

// PartStatus is what is known about a part.
type PartStatus struct {
	Name     string     `json:"name"`
	State    string     `json:"state"`
	Address  string     `json:"address,omitempty"`
	PID      int        `json:"pid,omitempty"`
	Memory   int64      `json:"memoryBytes,omitempty"` // resident
	Started  *time.Time `json:"started,omitempty"`
	Took     float64    `json:"startToReadySeconds,omitempty"`
	Restarts int        `json:"restarts,omitempty"` // in the last minute
	Log      string     `json:"log"`
}

func statusFile(dir string) string { return inDir(dir, "status.json") }

// publish writes the status file. It is called with the supervision's lock held.
func (s *Sandbox) publish([]*running) { s.publishEnd(nil) }

func (s *Sandbox) publishEnd(because error) {
	if err := writeJSON(statusFile(s.dir), s.statusLocked(because)); err != nil {
		s.logf("write the status: %v", err)
	}
}

func (s *Sandbox) statusLocked(because error) Status {
	st := Status{StateDir: s.dir, State: StateStarting, Supervisor: os.Getpid(), Took: s.took.Seconds(), Parts: []PartStatus{}}
	switch {
	case because != nil:
		st.State, st.Error = StateDied, because.Error()
	case s.closed:
		st.State = StateStopping
	case s.took > 0:
		st.State = StateUp
	}
	if s.options.runs(AWS) {
		st.DNS = s.DNS()
	}
	for _, name := range slices.Concat(stages...) {
		r := s.find(name)
		if r == nil {
			continue
		}
		p := PartStatus{
			Name: r.spec.name, State: r.state, Address: r.spec.address, Log: r.spec.log,
			Took: r.took.Seconds(), Restarts: len(r.restarts),
		}
		if r.child != nil && r.child.Err() == nil {
			started := r.child.Started().UTC()
			p.PID, p.Started = r.child.Pid(), &started
		}
		st.Parts = append(st.Parts, p)
	}
	return st
}

// Status returns the sandbox's own view of itself.
func (s *Sandbox) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.statusLocked(s.Err())
	st.measure()
	return st
}

func (s *Status) measure() {
	s.Memory = part.Memory(s.Supervisor)
	for i := range s.Parts {
		if p := &s.Parts[i]; p.PID != 0 {
			p.Memory = part.Memory(p.PID)
		}
	}
}

// ErrNoState says that a folder holds no sandbox.
var ErrNoState = errors.New("no sandbox here")

// ReadStatus returns the status of the sandbox in dir, whichever process runs it.
func ReadStatus(dir string) (Status, error) {
	// The lock is read first: a sandbox that comes down meanwhile is then
	// reported as up with its last parts, not as dead.
	pid, err := supervisor(dir)
	if err != nil {
		return Status{}, err
	}
	body, err := os.ReadFile(statusFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		if pid != 0 {
			return Status{StateDir: dir, State: StateStarting, Supervisor: pid, Parts: []PartStatus{}}, nil
		}
	}
	if err != nil {
		return Status{}, noState(dir, err)
	}
	var st Status
	if err := json.Unmarshal(body, &st); err != nil {
		return Status{}, fmt.Errorf("%s: %w", statusFile(dir), err)
	}
	st.StateDir = dir
	if pid == 0 {
		st.ended()
		return st, nil
	}
	st.measure()
	return st, nil
}

// ended corrects what a supervisor wrote that is gone: its parts went with it.
func (s *Status) ended() {
	switch s.State {
	case StateStopping:
		s.State = StateDown
	case StateStarting, StateUp:
		s.State, s.Error = StateDied, fmt.Sprintf("its supervisor, process %d, ended without stopping it", s.Supervisor)
	}
	s.Supervisor = 0
	for i := range s.Parts {
		p := &s.Parts[i]
		if p.State != StateDied {
			p.State = StateDown
		}
		p.PID, p.Started = 0, nil
	}
}

// noState turns a missing file into what it means.
func noState(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s; bring one up with drawbridge-sandbox up --state %s", ErrNoState, dir, dir)
	}
	return err
}
