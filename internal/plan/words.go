package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// actions in the order in which they are told, with their signs and words.
var actions = []struct {
	diff.Action
	mark, toDo string
}{
	{diff.Delete, "-", "to delete"}, {diff.Replace, "±", "to replace"}, {diff.Update, "~", "to update"},
	{diff.Create, "+", "to create"}, {diff.Unknown, "?", "that may change"}, {diff.NoOp, " ", "without a change"},
}

// Mark is the sign of an action: + ~ ± - ?
func Mark(a diff.Action) string {
	for _, x := range actions {
		if x.Action == a {
			return x.mark
		}
	}
	return " "
}

// Value on one line, cut where it gets long.
func Value(v any) string {
	text, ok := v.(string)
	if !ok || text == "" {
		text = string(canonical(v))
	}
	text = strings.ReplaceAll(text, "\n", "⏎")
	const most = 100
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}

// FieldLine says on one line what happens to a field.
func FieldLine(f diff.Field) string {
	switch {
	case f.Sensitive:
		return f.Path + ": changed (secret)"
	case f.Before == nil:
		return f.Path + ": " + Value(f.After) + " (new)"
	case f.After == nil:
		return f.Path + ": was " + Value(f.Before) + ", removed"
	}
	return f.Path + ": " + Value(f.Before) + " → " + Value(f.After)
}

// Tally is "1 to delete, 2 to update".
func Tally(totals map[diff.Action]int) string {
	var parts []string
	for _, a := range actions {
		if n := totals[a.Action]; n > 0 && a.Action != diff.NoOp {
			parts = append(parts, fmt.Sprintf("%d %s", n, a.toDo))
		}
	}
	if len(parts) == 0 {
		return "no resource changes"
	}
	return strings.Join(parts, ", ")
}

// Summary is the plan in one sentence: "1 resource to update; 998 components unchanged".
func (p *Plan) Summary() string {
	parts := []string{Tally(p.Totals)}
	for _, x := range []struct {
		n    int
		what string
	}{{len(p.Errors), "error"}, {len(p.Warnings), "warning"}} {
		if x.n > 0 {
			parts = append(parts, count(x.n, x.what))
		}
	}
	return strings.Join(append(parts, count(p.Unchanged, "component")+" unchanged"), "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// where a component's resources are.
func (c Component) plane() string {
	switch c.Kind {
	case "cloudformation", "cdk":
		return "AWS"
	case "kubernetes", "helm":
		return "Kubernetes"
	}
	return "build"
}

// commits are what the plan goes from and to.
func (p *Plan) commits() string {
	from, to := short(p.Base), short(p.Head)
	if from == "" {
		from = "nothing deployed"
	}
	if to == "" {
		to = "files that are not committed"
	}
	return from + " → " + to
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// offline says which plane was not asked; "" where both were.
func (p *Plan) offline() string {
	var planes []string
	for _, plane := range p.Offline {
		switch plane {
		case diff.AWS:
			planes = append(planes, "AWS")
		case diff.Kubernetes:
			planes = append(planes, "Kubernetes")
		}
	}
	if len(planes) == 0 {
		return ""
	}
	return "Offline: " + strings.Join(planes, " and ") + " not asked; what happens there is told from the files and the schemas alone"
}

// name of a resource within its component: a stack's name is told where it is nested.
func (c Component) name(r diff.Change) string {
	if r.Plane == diff.AWS && !strings.Contains(r.Namespace, "/") {
		return r.Type + " " + r.Name
	}
	return r.Resource.String()
}

// lines that differ between two texts of several lines; none for other values.
func lines(f diff.Field) []string {
	before, isText := f.Before.(string)
	after, isAlsoText := f.After.(string)
	if f.Sensitive || !isText || !isAlsoText || !strings.Contains(strings.TrimSpace(before)+strings.TrimSpace(after), "\n") {
		return nil
	}
	return hunks(before, after)
}

// maxHunk bounds the lines that are shown of one text.
const maxHunk = 40

// hunks are the lines that differ, with those around them, and a sign in front.
func hunks(before, after string) []string {
	text := udiff.Unified("", "", ended(before), ended(after))
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, `\`):
		case strings.HasPrefix(line, "@@"):
			if len(out) > 0 {
				out = append(out, " ⋮")
			}
		default:
			out = append(out, line)
		}
	}
	if len(out) > maxHunk {
		out = append(out[:maxHunk], fmt.Sprintf(" ⋮ %d more lines", len(out)-maxHunk))
	}
	return out
}

func ended(text string) string { return strings.TrimSuffix(text, "\n") + "\n" }
