package cloudformation

import (
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// get returns a stack, and false where there is none. Stacks that are being worked
// on are kept in memory; what is there is in the store too.
func (c *CloudFormation) get(tx *store.Tx, k key) (*snapshot, bool, error) {
	if s := c.atWork[k]; s != nil {
		return s, true, nil
	}
	return read(tx, k)
}

// look reads a stack that need not be there. Its resources must not be changed.
func (c *CloudFormation) look(k key) (s stack, there bool, err error) {
	c.commits.RLock()
	defer c.commits.RUnlock()
	if at := c.atWork[k]; at != nil {
		return *at.stack, true, nil
	}
	err = c.Store.View(func(tx *store.Tx) error {
		at, ok, err := read(tx, k)
		if ok {
			s, there = *at.stack, true
		}
		return err
	})
	return s, there, err
}

// load reads a stack that must be there.
func (c *CloudFormation) load(k key) (stack, error) {
	s, there, err := c.look(k)
	if err == nil && !there {
		err = fmt.Errorf("stack %s is not in the store", k.ID)
	}
	return s, err
}

// mustGet returns a copy of a stack to change in a commit.
func (c *CloudFormation) mustGet(tx *store.Tx, k key) (stack, error) {
	at, there, err := c.get(tx, k)
	if err == nil && !there {
		err = fmt.Errorf("stack %s is not in the store", k.ID)
	}
	if err != nil {
		return stack{}, err
	}
	return *at.stack.clone(), nil
}

// change changes a stack, writes it with its new events, and then publishes
// these. Where edit fails nothing changes.
func (c *CloudFormation) change(k key, edit func(*stack) error) (stack, error) {
	return c.commit(func(tx *store.Tx) (key, *stack, error) {
		s, err := c.mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		return k, &s, edit(&s)
	})
}

// touch changes a stack that is being worked on in memory only: the next commit
// writes it. It is for what the operation finds out again after a crash. edit must
// replace what it changes.
func (c *CloudFormation) touch(k key, edit func(*stack)) error {
	c.commits.Lock()
	at := c.atWork[k]
	if at != nil {
		next := at.stack.clone()
		edit(next)
		c.atWork[k] = &snapshot{next, at.rows}
	}
	c.commits.Unlock()
	if at != nil {
		return nil
	}
	_, err := c.change(k, func(s *stack) error {
		edit(s)
		return nil
	})
	return err
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
	var saved []*snapshot
	err := c.Store.Update(func(tx *store.Tx) (err error) {
		if written, err = do(tx); err != nil {
			return err
		}
		for _, w := range written {
			old, _, err := c.get(tx, w.key)
			if err != nil {
				return err
			}
			now, err := save(tx, w.Scope, old, w.stack)
			if err != nil {
				return err
			}
			saved = append(saved, now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, w := range written {
		if op := saved[i].stack.Operation; op != nil && !op.waits() {
			c.atWork[w.key] = saved[i]
		} else {
			delete(c.atWork, w.key)
		}
		for _, e := range w.pending {
			if c.OnEvent != nil && e.Mistake == nil {
				c.OnEvent(e.describe())
			}
		}
	}
	return nil
}

// saveOnly writes one more stack in the transaction of a commit. It must not be
// one that is being worked on.
func (c *CloudFormation) saveOnly(tx *store.Tx, scope store.Scope, s *stack) error {
	old, _, err := c.get(tx, keyOf(scope, s))
	if err != nil {
		return err
	}
	_, err = save(tx, scope, old, s)
	return err
}
