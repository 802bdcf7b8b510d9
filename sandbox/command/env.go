package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func newEnv(p *place) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print shell exports that point every client at the sandbox",
		Long: `Print shell exports for kubectl, AWS clients, git and drawbridge:

    eval "$(drawbridge-sandbox env)"

They hold tokens and keys of the sandbox, which are good for nothing else.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			env, err := sandbox.ReadEnv(dir)
			if err != nil {
				return err
			}
			var b strings.Builder
			for _, e := range env {
				name, value, _ := strings.Cut(e, "=")
				fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), b.String())
			return err
		},
	}
}
