package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Commands is the page of a command and all commands below it.
func Commands(root *cobra.Command) string {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n\n%s.\n\n%s\n", notice, root.Name(), root.Short, strings.TrimSpace(root.Long))
	fmt.Fprint(&b, "\n| Command | |\n| --- | --- |\n")
	each(root, func(c *cobra.Command) {
		if c != root {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.CommandPath(), anchor(c.CommandPath()), cell(c.Short))
		}
	})
	if root.HasAvailablePersistentFlags() {
		fmt.Fprint(&b, "\n## Flags of every command\n")
		flags(&b, root.PersistentFlags())
	}
	each(root, func(c *cobra.Command) {
		if c != root {
			section(&b, c)
		}
	})
	return b.String()
}

// each visits a command and those below it, as they are listed. The one for
// completion, which is cobra's own, stands for those below it.
func each(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	if c.Name() == completion {
		return
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			each(sub, visit)
		}
	}
}

const completion = "completion"

func section(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Name() == completion {
		var shells []string
		for _, sub := range c.Commands() {
			shells = append(shells, sub.Name())
		}
		fmt.Fprintf(b, "\n```sh\nsource <(%s bash)\n```\n\nIt speaks %s; `%s SHELL --help` says how to keep it.\n",
			c.CommandPath(), strings.Join(shells, ", "), c.CommandPath())
		return
	}
	if c.Runnable() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
	}
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(c.Long))
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(b, "\nAlso: `%s`.\n", strings.Join(c.Aliases, "`, `"))
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimSpace(c.Example), "\n  ", "\n"))
	}
	c.InitDefaultHelpFlag()
	flags(b, c.NonInheritedFlags())
}

func flags(b *strings.Builder, set *pflag.FlagSet) {
	var rows strings.Builder
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind != "" {
			name += " " + kind
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", code(name), code(byDefault(f)), cell(usage))
	})
	if rows.Len() > 0 {
		fmt.Fprintf(b, "\n| Flag | Default | Meaning |\n| --- | --- | --- |\n%s", rows.String())
	}
}

// byDefault is the default of a flag, where it is not the empty value.
func byDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return f.DefValue
}

// anchor is how the heading is referred to.
func anchor(heading string) string { return strings.ReplaceAll(heading, " ", "-") }
