package cloudformation

import "github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"

// amendment is a change of a stack that waits to be written with others.
type amendment struct {
	key
	edit func(*stack)
	done chan error    // gets the outcome
	lead chan struct{} // closed when it is this one's turn to write all that wait
}

// amend changes a stack as change does, for edits that can't fail. Those that come
// while a commit is written are written together in the next one: a stack with
// hundreds of resources under work is a few commits and not thousands. It returns
// when the change is in the store.
func (c *CloudFormation) amend(k key, edit func(*stack)) error {
	mine := &amendment{key: k, edit: edit, done: make(chan error, 1), lead: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, mine)
	if len(c.waiting) == 1 && !c.writing {
		c.writing = true
		close(mine.lead)
	}
	c.mu.Unlock()
	select {
	case err := <-mine.done:
		return err
	case <-mine.lead:
	}
	c.mu.Lock()
	all := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	err := c.commitAll(func(tx *store.Tx) ([]keyed, error) { return c.amended(tx, all) })
	for _, a := range all {
		a.done <- err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing = len(c.waiting) > 0; c.writing {
		close(c.waiting[0].lead)
	}
	return <-mine.done
}

// amended are the stacks with all their amendments, in the order in which these came.
func (c *CloudFormation) amended(tx *store.Tx, all []*amendment) ([]keyed, error) {
	var out []keyed
	at := map[key]*stack{}
	for _, a := range all {
		s := at[a.key]
		if s == nil {
			read, err := c.mustGet(tx, a.key)
			if err != nil {
				return nil, err
			}
			s = &read
			at[a.key] = s
			out = append(out, keyed{a.key, s})
		}
		a.edit(s)
	}
	return out, nil
}
