package cli

import (
	"fmt"
	"io"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
)

// printResource writes what happened to a resource, a line for it and one for
// each field; of a created resource the fields are its definition, which is in
// Git.
func printResource(w io.Writer, c diff.Change) {
	fmt.Fprintf(w, "    %s %s", plan.Mark(c.Action), c.Resource)
	if c.ID != "" && c.ID != c.Name {
		fmt.Fprintf(w, " (%s)", c.ID)
	}
	if c.Reason != "" {
		fmt.Fprintf(w, ": %s", c.Reason)
	}
	fmt.Fprintln(w)
	if c.Action == diff.Create || c.Action == diff.Delete {
		return
	}
	for _, f := range c.Fields {
		fmt.Fprintf(w, "        %s\n", plan.FieldLine(f))
	}
}
