package plan

import (
	"fmt"
	"html"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Comment is the size in bytes that forges take for a comment: GitHub takes 65,536
// characters; some are left for what goes around the plan.
const Comment = 60_000

// Markdown is the plan for a forge, GitHub's dialect, in at most limit bytes: what is
// dangerous first, each component in a fold of its own, and where it gets too long a line
// that says what is left out. A limit of 0 is Comment.
func (p *Plan) Markdown(limit int) string {
	if limit <= 0 {
		limit = Comment
	}
	end := fmt.Sprintf("\n<sub>digest `%s`</sub>\n", p.Digest)
	m := markdown{left: limit - len(end) - reserve}
	m.add(fmt.Sprintf("### Plan for %s\n\n`%s` · **%s**\n", escape(p.Environment), p.commits(), p.Summary()))
	if off := p.offline(); off != "" {
		m.add("\n> [!NOTE]\n> " + off + ".\n")
	}
	var dangers []string
	for _, d := range p.Destructive {
		dangers = append(dangers, fmt.Sprintf("`%s` %s", Mark(d.Action), escape(about(d.Finding))))
	}
	m.list("\n> [!CAUTION]\n> **Destructive: this can't be taken back**\n", "> - ", dangers)
	m.list("\n> [!WARNING]\n> **The commit would be refused**\n", "> - ", told(p.Errors))
	m.list("\n**Warnings**\n\n", "- ", told(p.Warnings))
	left := 0
	for _, c := range p.Components {
		if !m.add(section(c)) {
			left++
		}
	}
	if left > 0 {
		m.omitted = append(m.omitted, count(left, "component"))
	}
	m.list("\n**Notes**\n\n", "- ", escaped(p.Notes))
	if len(m.omitted) > 0 {
		cut := fmt.Sprintf("\n**Cut off here**: left out are %s. `drawbridge plan` shows all.\n", strings.Join(m.omitted, ", "))
		m.WriteString(cut)
	}
	return m.String() + end
}

// reserve is kept for the line that says what was left out.
const reserve = 300

// markdown is a page under way, of limited size.
type markdown struct {
	strings.Builder
	left    int
	omitted []string
}

// add writes a part, unless it does not fit.
func (m *markdown) add(part string) bool {
	if len(part) > m.left {
		return false
	}
	m.left -= len(part)
	m.WriteString(part)
	return true
}

// list writes a title and its items, as many as fit.
func (m *markdown) list(title, bullet string, items []string) {
	if len(items) == 0 {
		return
	}
	left := 0
	if !m.add(title) {
		left = len(items)
		items = nil
	}
	for _, item := range items {
		if !m.add(bullet + item + "\n") {
			left++
		}
	}
	if left > 0 {
		name := strings.ToLower(strings.Trim(title, "\n*> ![]"))
		m.omitted = append(m.omitted, fmt.Sprintf("%d of %q", left, name[strings.LastIndexByte(name, '\n')+1:]))
	}
}

func told(all []Finding) []string {
	var out []string
	for _, f := range all {
		text := escape(named(f))
		at := f.Source
		if at == "" {
			at = f.Component
		}
		if at != "" {
			text = "`" + strings.ReplaceAll(at, "`", "") + "`: " + text
		}
		if f.Reference != "" {
			text += " ([source](" + f.Reference + "))"
		}
		out = append(out, text)
	}
	return out
}

// section is a component in a fold.
func section(c Component) string {
	totals := map[diff.Action]int{}
	for _, r := range c.Resources {
		totals[r.Action]++
	}
	var b strings.Builder
	open := ""
	if c.Operation == diff.Replace || c.Operation == diff.Delete {
		open = " open"
	}
	fmt.Fprintf(&b, "\n<details%s><summary><code>%s</code> <b>%s</b> · %s · %s</summary>\n\n", open, Mark(c.Operation), html.EscapeString(c.Name), c.plane(), Tally(totals))
	if c.Reason != "" {
		b.WriteString(escape(c.Reason) + "\n\n")
	}
	if len(c.After) > 0 {
		b.WriteString("After " + escape(strings.Join(c.After, ", ")) + ".\n\n")
	}
	for _, i := range c.Inputs {
		fmt.Fprintf(&b, "- `%s` may change: it is `%s` of %s\n", i.Name, i.Output, escape(i.Component))
	}
	if len(c.Inputs) > 0 {
		b.WriteString("\n")
	}
	if len(c.Resources) > 0 {
		body := changes(c)
		fence := fenceFor(body)
		fmt.Fprintf(&b, "%sdiff\n%s%s\n\n", fence, body, fence)
	}
	b.WriteString("</details>\n")
	return b.String()
}

// changes are the resources of a component in the form that forges colour as a diff.
func changes(c Component) string {
	var b strings.Builder
	marks := map[diff.Action]string{diff.Create: "+", diff.Delete: "-", diff.Replace: "!", diff.Update: "!", diff.Unknown: "?"}
	for _, r := range c.Resources {
		fmt.Fprintf(&b, "%s %s %s", marks[r.Action], r.Action, c.name(r))
		if r.Reason != "" {
			b.WriteString(": " + oneLine(r.Reason))
		}
		if r.Source != "" {
			b.WriteString("  (" + r.Source + ")")
		}
		b.WriteString("\n")
		if r.Action == diff.Create || r.Action == diff.Delete {
			continue
		}
		for _, f := range r.Fields {
			changed := lines(f)
			switch {
			case changed != nil:
				fmt.Fprintf(&b, "    %s:\n", f.Path)
				for _, l := range changed {
					b.WriteString(l[:1] + "     " + l[1:] + "\n")
				}
			case f.Sensitive:
				fmt.Fprintf(&b, "    %s: changed (secret)\n", f.Path)
			default:
				if f.Before != nil {
					fmt.Fprintf(&b, "-   %s: %s\n", f.Path, Value(f.Before))
				}
				if f.After != nil {
					fmt.Fprintf(&b, "+   %s: %s\n", f.Path, Value(f.After))
				}
			}
		}
	}
	return b.String()
}

// fenceFor is longer than any run of backticks in the text.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

var markup = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "|", "\\|", "#", "\\#", "~", "\\~",
)

// escape makes text that is nothing but text in Markdown, on one line.
func escape(s string) string { return markup.Replace(oneLine(s)) }

func escaped(all []string) []string {
	var out []string
	for _, s := range all {
		out = append(out, escape(s))
	}
	return out
}
