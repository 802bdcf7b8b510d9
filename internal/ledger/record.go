package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// Outcome is how a Change, or its part in one component, ended.
type Outcome string

// The outcomes. Skipped is for components only: a dependency failed.
const (
	Succeeded  Outcome = "Succeeded"
	Failed     Outcome = "Failed"
	Superseded Outcome = "Superseded"
	Skipped    Outcome = "Skipped"
)

// format of the records that this version writes. Readers of the file that find
// another number must not guess.
const format = 1

// Record is a Change that has ended. Make it of stored facts alone (the custom
// resource, Git), so that it comes out the same when it is made again after a
// crash.
type Record struct {
	// Format is set by Append.
	Format int `json:"format"`
	// Change is the name of the Change and UID its identity; both are required.
	Change string `json:"change"`
	UID    string `json:"uid"`
	// Environment as "namespace/name"; required.
	Environment string `json:"environment"`
	// Sequence counts the Changes of the Environment, from 1.
	Sequence int64 `json:"sequence"`

	Commit string `json:"commit"`
	// Base is the commit that the Environment was at before; empty at first.
	Base           string    `json:"base,omitempty"`
	Author         string    `json:"author,omitempty"`
	AuthorEmail    string    `json:"authorEmail,omitempty"`
	AuthoredAt     time.Time `json:"authoredAt,omitzero"`
	Committer      string    `json:"committer,omitempty"`
	CommitterEmail string    `json:"committerEmail,omitempty"`
	CommittedAt    time.Time `json:"committedAt,omitzero"`
	// Pusher is who moved the branch, where the forge said it.
	Pusher string `json:"pusher,omitempty"`
	// Message of the commit, subject and body.
	Message string `json:"message,omitempty"`
	// Tickets that the message refers to; set by Append.
	Tickets []string `json:"tickets,omitempty"`

	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt"`
	// Outcome: Succeeded, Failed or Superseded; Reason in one sentence.
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`

	// Components that the Change touched, each after those that it depends on.
	Components []Component `json:"components,omitempty"`
}

// Component is what the Change did to one component.
type Component struct {
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	Action     string    `json:"action,omitempty"`
	Outcome    Outcome   `json:"outcome"`
	Message    string    `json:"message,omitempty"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// Resources that were changed. Secret values do not reach the ledger.
	Resources []diff.Change `json:"resources,omitempty"`
	// Verified is what was found of the component to the end of the wire.
	Verified []Verification `json:"verified,omitempty"`
}

// Verification is what a check found of an object.
type Verification struct {
	Object string `json:"object"`
	Check  string `json:"check"`
	// Result: Passed, Skipped, or Waiting for what did not come.
	Result  string `json:"result"`
	Message string `json:"message"`
}

// check tells what is wrong with a record, or nil.
func (r Record) check() error {
	switch {
	case r.UID == "" || r.Change == "":
		return fmt.Errorf("ledger: a record needs the name and the UID of its Change, got %q and %q", r.Change, r.UID)
	case r.Environment == "":
		return fmt.Errorf("ledger: Change %s: the record names no Environment", r.Change)
	case r.Outcome != Succeeded && r.Outcome != Failed && r.Outcome != Superseded:
		return fmt.Errorf("ledger: Change %s: outcome %q is not one in which a Change ends (Succeeded, Failed, Superseded)", r.Change, r.Outcome)
	case r.FinishedAt.IsZero():
		return fmt.Errorf("ledger: Change %s: the record has no time at which it finished", r.Change)
	}
	return nil
}

// stored is the record as the ledger keeps it: times in UTC to the microsecond,
// tickets found, secret values gone. The given record is not altered.
func (r Record) stored() Record {
	r.Format = format
	r.Tickets = Tickets(r.Message)
	for _, t := range []*time.Time{&r.AuthoredAt, &r.CommittedAt, &r.StartedAt, &r.FinishedAt} {
		*t = instant(*t)
	}
	components := make([]Component, len(r.Components))
	for i, c := range r.Components {
		c.StartedAt, c.FinishedAt = instant(c.StartedAt), instant(c.FinishedAt)
		resources := make([]diff.Change, len(c.Resources))
		for j, change := range c.Resources {
			resources[j] = secret.Redact(change)
		}
		c.Resources = resources
		components[i] = c
	}
	r.Components = components
	return r
}

func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// canonical encodes a value in the form that doc.go describes. Going through
// maps sorts the members; json.Number keeps numbers as they were written.
func canonical(v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return "", err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}
