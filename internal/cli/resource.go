package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

var actionMarks = map[diff.Action]string{
	diff.Create: "+", diff.Update: "~", diff.Replace: "±", diff.Delete: "-", diff.NoOp: " ", diff.Unknown: "?",
}

// printResource writes what happened to a resource, a line for it and one for
// each field; of a created resource the fields are its definition, which is in
// Git.
func printResource(w io.Writer, c diff.Change) {
	fmt.Fprintf(w, "    %s %s", actionMarks[c.Action], c.Resource)
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
		switch {
		case f.Sensitive:
			fmt.Fprintf(w, "        %s: changed (secret)\n", f.Path)
		case f.Before == nil:
			fmt.Fprintf(w, "        %s: %s (new)\n", f.Path, value(f.After))
		case f.After == nil:
			fmt.Fprintf(w, "        %s: was %s, removed\n", f.Path, value(f.Before))
		default:
			fmt.Fprintf(w, "        %s: %s → %s\n", f.Path, value(f.Before), value(f.After))
		}
	}
}

// value on one line, cut where it gets long.
func value(v any) string {
	text, ok := v.(string)
	if !ok || text == "" {
		out, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		text = string(out)
	}
	text = strings.ReplaceAll(text, "\n", "⏎")
	const most = 100
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}
