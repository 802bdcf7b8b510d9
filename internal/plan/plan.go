// Package plan is what a commit would do to an Environment, as data: the components that
// change, what happens to each of their resources on either plane, what of it can't be
// undone, and what a reviewer should know. Package rollout makes a Plan; the printers here
// show it as text for a terminal, as Markdown for a forge, and it is its own JSON.
//
// # What is in it
//
// Resources are diff.Changes, the words that rollouts and the ledger have too. Those that
// stay as they are are left out, and so are components that nothing happens to. Values that
// are known only once something else is applied say so (diff.Field.Unknown); secret values
// are in no Plan. The same commit against the same state of both planes gives the same
// Plan, to the byte.
//
// # The digest
//
// Digest binds an approval to what was seen. It is "sha256:" and the hexadecimal SHA-256 of
// the canonical JSON (encoding/json's, without HTML escapes: fields in the order of the
// types, keys of maps sorted) of: the format's number; Environment; Offline; and of each
// component, in order, its name, kind, operation, the inputs that may change, and its
// resources with all of their JSON but reason and source; the rules and resources of
// Destructive; and the errors' rules and resources. What it leaves out can't change what
// happens: words (reasons, messages, notes, advice), warnings, places in files, counts,
// and the commits and the tree themselves, which an approval names beside the digest.
//
// All functions are pure and safe for concurrent use.
package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Plan is what a commit would do to an Environment. Seal it once it is complete.
type Plan struct {
	// Environment is "namespace/name", or only a name where it is not known to a cluster.
	Environment string `json:"environment"`
	// Base is the commit that is deployed, or whose files were taken for it; Head the one
	// that is planned. Head is empty for files that are not committed.
	Base string `json:"base,omitempty"`
	Head string `json:"head,omitempty"`
	// Tree is the object name of all the files that are planned.
	Tree string `json:"tree"`
	// Offline are the planes that were not asked: what happens there is told from the files.
	Offline []diff.Plane `json:"offline,omitempty"`
	// Notes say what the plan does not show, and why.
	Notes []string `json:"notes,omitempty"`

	Digest string `json:"digest"`
	// Totals count the resources of all components by action.
	Totals map[diff.Action]int `json:"totals"`
	// Destructive is what needs a second look before all else; a part of Components.
	Destructive []Danger `json:"destructive,omitempty"`
	// Components that change or may change, each after those that it waits for, and after
	// them those that are taken down.
	Components []Component `json:"components"`
	// Unchanged counts the components that nothing happens to.
	Unchanged int       `json:"unchanged"`
	Warnings  []Finding `json:"warnings,omitempty"`
	// Errors are what the commit would be refused for.
	Errors []Finding `json:"errors,omitempty"`
}

// Component is what happens to one component.
type Component struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Path string `json:"path"`
	// Operation is Replace when a resource is replaced, and Unknown when nothing happens
	// for certain.
	Operation diff.Action `json:"operation"`
	// Reason in words, where the operation alone does not say it.
	Reason string `json:"reason,omitempty"`
	// After are the components of the plan that it waits for.
	After []string `json:"after,omitempty"`
	// Inputs are those that it takes from others in the plan and that may change.
	Inputs    []Input       `json:"inputs,omitempty"`
	Resources []diff.Change `json:"resources,omitempty"`
}

// Input is a value that a component takes from another one.
type Input struct {
	Name      string `json:"name"`
	Component string `json:"component"`
	Output    string `json:"output"`
}

// Finding is something to know of a component, or of one of its resources.
type Finding struct {
	// Rule names what was looked for: "requests/readiness-gate".
	Rule      string `json:"rule"`
	Component string `json:"component,omitempty"`
	// Resource is diff.Resource.String, where it is about one.
	Resource string `json:"resource,omitempty"`
	// Source is the file and line, where known.
	Source  string `json:"source,omitempty"`
	Message string `json:"message"`
	// Reference is where the fact behind it is documented.
	Reference string `json:"reference,omitempty"`
}

// Danger is something that can't be taken back.
type Danger struct {
	Finding
	Action diff.Action `json:"action"`
}

// The rules of dangers.
const (
	RuleData       = "destructive/data"       // a resource that holds data is deleted or replaced
	RuleNamespace  = "destructive/namespace"  // a Namespace goes, and all that is in it
	RuleDefinition = "destructive/definition" // a CustomResourceDefinition goes, and all objects of its kind
	RulePrune      = "destructive/prune"      // more goes than Budget
)

// Budget is how many resources a commit may delete before that alone is a danger.
const Budget = 20

// RuleRefused is the rule of errors that the preparation or a plane gave.
const RuleRefused = "refused"

// Seal sorts what has no order of its own, and works out what follows from the components:
// Destructive, Totals and Digest. What is called later replaces what it worked out before.
func (p *Plan) Seal() {
	p.Totals = map[diff.Action]int{}
	if p.Components == nil {
		p.Components = []Component{}
	}
	for i := range p.Components {
		c := &p.Components[i]
		c.Resources = slices.DeleteFunc(slices.Clone(c.Resources), func(r diff.Change) bool { return r.Action == diff.NoOp })
		slices.SortStableFunc(c.Resources, func(a, b diff.Change) int {
			return cmp.Or(cmp.Compare(a.Plane, b.Plane), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
		})
		for _, r := range c.Resources {
			p.Totals[r.Action]++
		}
	}
	slices.Sort(p.Offline)
	p.Offline = slices.Compact(p.Offline)
	p.Warnings, p.Errors = sorted(p.Warnings), sorted(p.Errors)
	p.Destructive = p.dangers()
	p.Digest = p.digest()
}

func sorted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(all)
}

// Empty tells whether nothing would happen, as far as is known.
func (p *Plan) Empty() bool { return len(p.Components) == 0 && len(p.Errors) == 0 }

// OperationOf says what happens to a component whose resources change like this.
func OperationOf(resources []diff.Change) diff.Action {
	op := diff.NoOp
	for _, r := range resources {
		switch {
		case r.Action == diff.Replace:
			return diff.Replace
		case r.Action == diff.Unknown && op == diff.NoOp:
			op = diff.Unknown
		case r.Action != diff.NoOp && r.Action != diff.Unknown:
			op = diff.Update
		}
	}
	return op
}

// format is raised when the digest is made of something else.
const format = 1

// digest is the package comment's.
func (p *Plan) digest() string {
	type about struct {
		Rule, Component, Resource string
		Action                    diff.Action `json:",omitempty"`
	}
	type part struct {
		Name, Kind string
		Operation  diff.Action
		Inputs     []Input
		Resources  []diff.Change
	}
	in := struct {
		Format              int
		Environment         string
		Offline             []diff.Plane
		Components          []part
		Destructive, Errors []about
	}{Format: format, Environment: p.Environment, Offline: p.Offline}
	for _, c := range p.Components {
		bare := slices.Clone(c.Resources)
		for i := range bare {
			bare[i].Reason, bare[i].Source = "", ""
		}
		in.Components = append(in.Components, part{c.Name, c.Kind, c.Operation, c.Inputs, bare})
	}
	for _, d := range p.Destructive {
		in.Destructive = append(in.Destructive, about{d.Rule, d.Component, d.Resource, d.Action})
	}
	for _, e := range p.Errors {
		in.Errors = append(in.Errors, about{e.Rule, e.Component, e.Resource, ""})
	}
	sum := sha256.Sum256(canonical(in))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonical JSON, as the package comment has it.
func canonical(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // values that came from JSON always marshal
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
