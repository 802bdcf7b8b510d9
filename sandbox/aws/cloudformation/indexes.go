package cloudformation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// What is asked of all stacks is kept apart from them, so that no question reads
// them all.
var (
	// existing and gone hold the IDs of stacks, the newest first.
	existing = store.Table[string]{Name: "cloudformation/existing"}
	gone     = store.Table[string]{Name: "cloudformation/gone"}
	// exports holds exports by name, and imports the names of stacks under
	// "export\x00stack ID".
	exports = store.Table[exported]{Name: "cloudformation/exports"}
	imports = store.Table[string]{Name: "cloudformation/imports"}
)

type exported struct{ Name, Value, StackID, StackName string }

// index brings what is kept apart up to date with a change of a stack.
func index(tx *store.Tx, scope store.Scope, old, s *stack) error {
	var err error
	at := fmt.Sprintf("%019d/%s", math.MaxInt64-s.Created.UnixNano(), s.ID)
	switch {
	case s.Deleted != nil && old.Deleted == nil:
		err = cmpOr(existing.Delete(tx, scope, at), gone.Put(tx, scope, at, s.ID))
	case old.ID == "":
		err = existing.Put(tx, scope, at, s.ID)
	}
	if !slices.Equal(old.Outputs, s.Outputs) {
		for _, o := range old.Outputs {
			if o.Export != "" {
				err = cmpOr(err, exports.Delete(tx, scope, o.Export))
			}
		}
		for _, o := range s.Outputs {
			if o.Export != "" {
				err = cmpOr(err, exports.Put(tx, scope, o.Export, exported{o.Export, o.Value, s.ID, s.Name}))
			}
		}
	}
	if !slices.Equal(old.Imports, s.Imports) {
		for _, name := range old.Imports {
			err = cmpOr(err, imports.Delete(tx, scope, name+"\x00"+s.ID))
		}
		for _, name := range s.Imports {
			err = cmpOr(err, imports.Put(tx, scope, name+"\x00"+s.ID, s.Name))
		}
	}
	return err
}

// importers are the names of the stacks that use an export.
func importers(tx *store.Tx, scope store.Scope, export string) ([]string, error) {
	out, err := imports.List(tx, scope, export+"\x00")
	slices.Sort(out)
	return out, err
}

// newestFirst are the IDs of the stacks that exist and, if asked, of those that
// are gone.
func newestFirst(tx *store.Tx, scope store.Scope, deleted bool) ([]string, error) {
	var at, ids []string
	collect := func(key, _ string) error {
		at = append(at, key)
		return nil
	}
	err := existing.Walk(tx, scope, "", collect)
	if deleted {
		err = cmpOr(err, gone.Walk(tx, scope, "", collect))
		slices.Sort(at)
	}
	for _, key := range at {
		_, id, _ := strings.Cut(key, "/")
		ids = append(ids, id)
	}
	return ids, err
}
