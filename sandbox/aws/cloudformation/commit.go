package cloudformation

import (
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// load reads a stack.
func (c *CloudFormation) load(k key) (s stack, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		s, err = mustGet(tx, k)
		return err
	})
	return s, err
}

// look reads a stack that need not be there.
func (c *CloudFormation) look(k key) (s stack, there bool, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		if _, there, err = stacks.Get(tx, k.Scope, k.ID); err == nil && there {
			s, err = mustGet(tx, k)
		}
		return err
	})
	return s, there, err
}

func mustGet(tx *store.Tx, k key) (stack, error) {
	s, ok, err := stacks.Get(tx, k.Scope, k.ID)
	if err == nil && !ok {
		err = fmt.Errorf("stack %s is not in the store", k.ID)
	}
	if s.Resources == nil {
		s.Resources = map[string]*live{}
	}
	return s, err
}

// change changes a stack, writes it with its new events, and then publishes
// these. Where edit fails nothing changes.
func (c *CloudFormation) change(k key, edit func(*stack) error) (stack, error) {
	return c.commit(func(tx *store.Tx) (key, *stack, error) {
		s, err := mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		return k, &s, edit(&s)
	})
}

// commit writes the stack that do returns, if it returns one, in do's
// transaction, and publishes its new events.
func (c *CloudFormation) commit(do func(*store.Tx) (key, *stack, error)) (out stack, err error) {
	err = c.commitAll(func(tx *store.Tx) ([]keyed, error) {
		k, s, err := do(tx)
		if err != nil || s == nil {
			return nil, err
		}
		out = *s
		out.pending = nil
		return []keyed{{k, s}}, nil
	})
	if err != nil {
		return stack{}, err
	}
	return out, nil
}

// keyed is a stack to write.
type keyed struct {
	key
	*stack
}

// commitAll is commit for several stacks.
func (c *CloudFormation) commitAll(do func(*store.Tx) ([]keyed, error)) error {
	// Held until the events are out, so that they go out in their order.
	c.commits.Lock()
	defer c.commits.Unlock()
	var written []keyed
	err := c.Store.Update(func(tx *store.Tx) (err error) {
		if written, err = do(tx); err != nil {
			return err
		}
		for _, w := range written {
			if err := save(tx, w.Scope, w.stack); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || c.OnEvent == nil {
		return err
	}
	for _, w := range written {
		for _, e := range w.pending {
			if e.Mistake == nil {
				c.OnEvent(e.describe())
			}
		}
	}
	return nil
}

// save writes a stack and its new events.
func save(tx *store.Tx, scope store.Scope, s *stack) error {
	for i, e := range s.pending {
		n := s.LastEvent - len(s.pending) + i + 1
		if err := events.Put(tx, scope, fmt.Sprintf("%s/%012d", s.ID, n), e); err != nil {
			return err
		}
	}
	if s.LastOperation != nil && len(s.pending) > 0 {
		if err := operations.Put(tx, scope, s.LastOperation.ID, s.ID); err != nil {
			return err
		}
	}
	return stacks.Put(tx, scope, s.ID, *s)
}

// walkStacks calls visit with each stack of a scope; store.Stop ends the walk.
func walkStacks(tx *store.Tx, scope store.Scope, visit func(*stack) error) error {
	return stacks.Walk(tx, scope, "", func(_ string, s stack) error { return visit(&s) })
}
