package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// format is the -o flag of a command that can answer programs.
type format string

func (f *format) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP((*string)(f), "output", "o", "", "json or yaml, for programs (default: text for people)")
}

// check refuses a format that is none.
func (f format) check() error {
	switch f {
	case "", "json", "yaml":
		return nil
	}
	return usageError{fmt.Errorf("-o %s: expected json or yaml", f)}
}

// print writes data in the wanted form, or lets people write it for people.
func (f format) print(w io.Writer, data any, people func(io.Writer) error) error {
	switch f {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(data)
	case "yaml":
		out, err := yaml.Marshal(data)
		if err != nil {
			return err
		}
		_, err = w.Write(out)
		return err
	}
	return people(w)
}

// table lines its rows up in columns. On a terminal a line ends where the
// terminal does; elsewhere nothing is cut.
type table struct{ rows [][]string }

// row adds a row. A cell is one line of text; an empty one becomes a dash.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		if cells[i] = strings.ReplaceAll(firstLine(c), "\t", " "); cells[i] == "" {
			cells[i] = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

func (t *table) write(w io.Writer) error { return t.fit(w, width(w)) }

// fit writes the rows no wider than that many characters; 0 is without limit.
func (t *table) fit(w io.Writer, width int) error {
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimRight(line, " \n")
		if width > 1 && utf8.RuneCountInString(line) > width {
			line = string([]rune(line)[:width-1]) + "…"
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// width of a terminal in characters, 0 of anything else.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// facts lines up names and what is to be said of them. What takes more lines
// goes on below itself.
type facts struct{ names, texts []string }

func (f *facts) add(name, text string) {
	if text == "" {
		return
	}
	f.names, f.texts = append(f.names, name), append(f.texts, strings.TrimSpace(text))
}

func (f *facts) write(w io.Writer) {
	column := 0
	for _, n := range f.names {
		column = max(column, len(n)+3)
	}
	for i, n := range f.names {
		fmt.Fprintf(w, "%-*s%s\n", column, n, strings.ReplaceAll(f.texts[i], "\n", "\n"+strings.Repeat(" ", column)))
	}
}

// firstLine keeps tables in shape; `show` has the rest.
func firstLine(s string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(s), "\n")
	if more && strings.TrimSpace(rest) != "" {
		return line + " …"
	}
	return line
}

// indent puts something in front of each line that is not empty.
func indent(s, by string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "\n")
}
