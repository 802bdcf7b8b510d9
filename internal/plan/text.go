package plan

import (
	"fmt"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// Text is the plan for a person at a terminal: what is dangerous and what is wrong first,
// then each component with its resources, then what to watch out for. Colour adds the
// escape sequences for colours.
func (p *Plan) Text(colour bool) string {
	t := text{colour: colour}
	t.line(t.bold("Plan for %s: %s", p.Environment, p.commits()))
	if off := p.offline(); off != "" {
		t.line(t.paint(yellow, off))
	}
	t.destructive(p.Destructive)
	t.findings(red, "Errors: the commit would be refused", p.Errors)
	for _, c := range p.Components {
		t.component(c)
	}
	t.findings(yellow, "Warnings", p.Warnings)
	for _, n := range p.Notes {
		t.line("")
		t.line("Note: %s", n)
	}
	t.line("")
	t.line(t.bold("%s", p.Summary()))
	t.line("digest %s", p.Digest)
	return t.String()
}

// The colours, as terminals know them.
const (
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
)

var colours = map[diff.Action]string{
	diff.Create: green, diff.Update: yellow, diff.Replace: magenta, diff.Delete: red, diff.Unknown: cyan,
}

// text is a page under way.
type text struct {
	strings.Builder
	colour bool
}

func (t *text) line(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	t.WriteString(strings.TrimRight(format, " ") + "\n")
}

func (t *text) paint(code, s string) string {
	if !t.colour || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) bold(format string, args ...any) string {
	return t.paint("1", fmt.Sprintf(format, args...))
}

func (t *text) destructive(all []Danger) {
	if len(all) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(red, "Destructive: this can't be taken back"))
	for _, d := range all {
		t.line("  %s %s", t.paint(colours[d.Action], Mark(d.Action)), about(d.Finding))
	}
}

// about is a finding on one line.
func about(f Finding) string {
	text := f.Message
	if f.Resource != "" {
		text = f.Resource + " " + text
	}
	if f.Source != "" {
		text += " (" + f.Source + ")"
	}
	return text
}

func (t *text) findings(code, title string, all []Finding) {
	if len(all) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(code, title))
	for _, f := range all {
		at := f.Source
		if at == "" {
			at = f.Component
		}
		t.line("  %s", strings.TrimPrefix(at+": "+named(f), ": "))
		if f.Reference != "" {
			t.line("    see %s", f.Reference)
		}
	}
}

// named is what a finding says of its resource.
func named(f Finding) string {
	message := strings.ReplaceAll(f.Message, "\n", "\n    ")
	if f.Resource == "" || strings.HasPrefix(message, f.Resource) {
		return message
	}
	return f.Resource + ": " + message
}

func (t *text) component(c Component) {
	t.line("")
	head := fmt.Sprintf("%s %s", t.paint(colours[c.Operation], Mark(c.Operation)), t.bold("%s", c.Name))
	detail := c.plane()
	if detail != c.Kind {
		detail = strings.TrimSuffix(detail+", "+c.Kind, ", "+strings.ToLower(detail))
	}
	head += "  " + detail + ", " + c.Path
	if len(c.After) > 0 {
		head += ", after " + strings.Join(c.After, ", ")
	}
	t.line("%s", head)
	if c.Reason != "" {
		t.line("    %s", c.Reason)
	}
	for _, i := range c.Inputs {
		t.line("    %s %s may change: it is %s of %s", t.paint(cyan, "?"), i.Name, i.Output, i.Component)
	}
	for _, r := range c.Resources {
		t.resource(c, r)
	}
}

func (t *text) resource(c Component, r diff.Change) {
	line := "    " + t.paint(colours[r.Action], Mark(r.Action)) + " " + c.name(r)
	if r.Reason != "" {
		line += ": " + r.Reason
	}
	if r.Source != "" {
		line += "  (" + r.Source + ")"
	}
	t.line("%s", line)
	if r.Action == diff.Create || r.Action == diff.Delete {
		return // the definition is in Git
	}
	for _, f := range r.Fields {
		if changed := lines(f); changed != nil {
			t.line("        %s:", f.Path)
			for _, l := range changed {
				t.line("          %s", t.paint(map[byte]string{'+': green, '-': red}[l[0]], l))
			}
			continue
		}
		line := FieldLine(f)
		for _, cause := range r.Causes {
			if cause == f.Path || strings.HasPrefix(f.Path, cause+".") || strings.HasPrefix(f.Path, cause+"[") {
				line += t.paint(magenta, "  ← forces the replacement")
				break
			}
		}
		t.line("        %s", line)
	}
}
