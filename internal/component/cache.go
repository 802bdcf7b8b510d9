package component

import (
	"context"
	"sync"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Cache remembers what folders hold, by the object name of the folder. It may
// serve any number of repositories. The zero value is ready.
//
// It keeps what the last Discoveries used and forgets the rest, so that its size
// follows the repositories' size and not their age.
type Cache struct {
	mu         sync.Mutex
	generation int
	folders    map[string]*remembered
}

type remembered struct {
	folder *folder
	used   int // the generation that used it last
}

// keepFor is how many Discoveries a folder stays that none of them used.
const keepFor = 64

func (c *Cache) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.folders == nil {
		c.folders = map[string]*remembered{}
	}
	if c.generation++; c.generation%keepFor != 0 {
		return
	}
	for oid, r := range c.folders {
		if r.used < c.generation-keepFor {
			delete(c.folders, oid)
		}
	}
}

func (c *Cache) folder(ctx context.Context, tree *git.Tree, read BlobReader, dir string) (*folder, error) {
	e, _ := tree.Entry(dir)
	c.mu.Lock()
	if r := c.folders[e.OID]; r != nil {
		r.used = c.generation
		c.mu.Unlock()
		return r.folder, nil
	}
	c.mu.Unlock()
	f, err := look(ctx, tree, read, dir)
	if err != nil {
		return nil, err
	}
	if !f.linked {
		c.mu.Lock()
		c.folders[e.OID] = &remembered{f, c.generation}
		c.mu.Unlock()
	}
	return f, nil
}
