package cloudformation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// A stack is kept in rows, so that a step of a resource writes that resource and
// not the stack: itself, its operation, its resources, and the resources that the
// operation has set aside, each in a table of its own.
var (
	operationRows = store.Table[operation]{Name: "cloudformation/operation-rows"}
	unsettledRows = store.Table[unsettled]{Name: "cloudformation/unsettled"}
	resourceRows  = store.Table[*live]{Name: "cloudformation/resources"}
	beforeRows    = store.Table[*live]{Name: "cloudformation/resources-before"}
	stableRows    = store.Table[*live]{Name: "cloudformation/resources-stable"}
	doomedRows    = store.Table[*live]{Name: "cloudformation/resources-doomed"}
)

// unsettled is an operation with all that belongs to it, in one row.
type unsettled struct {
	Operation      operation
	Before, Stable map[string]*live
	Doomed         []*live
}

// snapshot is a stack at a moment, and the rows of it that are in the store. It is
// never changed, nor is anything that it points to: who changes a resource makes
// another one.
type snapshot struct {
	stack *stack
	rows  rows
}

// rows are the resources of a stack by their keys. Two pointers that are the same
// are the same resource in the same state.
type rows struct{ resources, before, stable, doomed map[string]*live }

// rowsOf are the rows that a stack should have.
func rowsOf(s *stack) rows {
	out := rows{resources: s.Resources}
	if op := s.Operation; op != nil {
		out.before, out.stable, out.doomed = op.Before, op.Stable, map[string]*live{}
		for _, d := range op.Doomed {
			out.doomed[d.Type+"/"+d.PhysicalID] = d
		}
	}
	return out
}

// clone is a copy of the stack to change. Its maps and slices that grow are its own,
// the resources in them are shared.
func (s *stack) clone() *stack {
	out := *s
	if out.Resources = maps.Clone(s.Resources); out.Resources == nil {
		out.Resources = map[string]*live{}
	}
	if s.Operation != nil {
		op := *s.Operation
		op.Doomed = slices.Clone(op.Doomed)
		out.Operation = &op
	}
	out.pending = nil
	return &out
}

// read returns a stack as it is in the store, and false where there is none.
func read(tx *store.Tx, k key) (*snapshot, bool, error) {
	s, there, err := stacks.Get(tx, k.Scope, k.ID)
	if err != nil || !there {
		return nil, false, err
	}
	load := func(table store.Table[*live], into *map[string]*live) error {
		*into = map[string]*live{}
		return table.Walk(tx, k.Scope, k.ID+"/", func(at string, r *live) error {
			(*into)[at[len(k.ID)+1:]] = r
			return nil
		})
	}
	if err := load(resourceRows, &s.Resources); err != nil {
		return nil, false, err
	}
	op, under, err := operationRows.Get(tx, k.Scope, k.ID)
	if err == nil && under {
		s.Operation = &op
		doomed := map[string]*live{}
		err = cmpOr(load(beforeRows, &op.Before), load(stableRows, &op.Stable), load(doomedRows, &doomed))
		for _, at := range slices.Sorted(maps.Keys(doomed)) {
			op.Doomed = append(op.Doomed, doomed[at])
		}
		if len(op.Stable) == 0 && len(op.Since) == 0 {
			op.Stable = nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	last, failed, err := unsettledRows.Get(tx, k.Scope, k.ID)
	if failed {
		s.Unsettled = &last.Operation
		s.Unsettled.Before, s.Unsettled.Stable, s.Unsettled.Doomed = last.Before, last.Stable, last.Doomed
	}
	return &snapshot{&s, rowsOf(&s)}, true, err
}

// save writes what of the stack differs from old, nil for a new stack, with its new
// events, and returns it as it is by now.
func save(tx *store.Tx, scope store.Scope, old *snapshot, s *stack) (*snapshot, error) {
	if old == nil {
		old = &snapshot{stack: &stack{}}
	}
	for id, r := range s.Resources {
		if old.rows.resources[id] != r {
			own := *r // whoever made it may go on changing it
			s.Resources[id] = &own
		}
	}
	now := rowsOf(s)
	prefix := s.ID + "/"
	err := cmpOr(
		saveEvents(tx, scope, s), index(tx, scope, old.stack, s), stacks.Put(tx, scope, s.ID, *s),
		saveRows(tx, resourceRows, scope, prefix, old.rows.resources, now.resources),
		saveRows(tx, beforeRows, scope, prefix, old.rows.before, now.before),
		saveRows(tx, stableRows, scope, prefix, old.rows.stable, now.stable),
		saveRows(tx, doomedRows, scope, prefix, old.rows.doomed, now.doomed),
		saveOperation(tx, scope, old.stack, s),
	)
	kept := s.clone()
	return &snapshot{kept, rowsOf(kept)}, err
}

// saveRows writes the rows that differ.
func saveRows(tx *store.Tx, table store.Table[*live], scope store.Scope, prefix string, old, now map[string]*live) error {
	for at, r := range now {
		if old[at] != r {
			if err := table.Put(tx, scope, prefix+at, r); err != nil {
				return err
			}
		}
	}
	for at := range old {
		if now[at] == nil {
			if err := table.Delete(tx, scope, prefix+at); err != nil {
				return err
			}
		}
	}
	return nil
}

func saveOperation(tx *store.Tx, scope store.Scope, old, s *stack) error {
	var err error
	switch {
	case s.Operation != nil:
		err = operationRows.Put(tx, scope, s.ID, *s.Operation)
	case old.Operation != nil:
		err = operationRows.Delete(tx, scope, s.ID)
	}
	switch u := s.Unsettled; {
	case u == old.Unsettled:
	case u == nil:
		err = cmpOr(err, unsettledRows.Delete(tx, scope, s.ID))
	default:
		err = cmpOr(err, unsettledRows.Put(tx, scope, s.ID, unsettled{*u, u.Before, u.Stable, u.Doomed}))
	}
	return err
}

// saveEvents writes the events that are new.
func saveEvents(tx *store.Tx, scope store.Scope, s *stack) error {
	for i, e := range s.pending {
		if err := events.Put(tx, scope, eventKey(s.ID, s.LastEvent-len(s.pending)+i+1), e); err != nil {
			return err
		}
	}
	if s.LastOperation != nil && len(s.pending) > 0 {
		return operations.Put(tx, scope, s.LastOperation.ID, s.ID)
	}
	return nil
}

func eventKey(stackID string, n int) string { return fmt.Sprintf("%s/%012d", stackID, n) }
