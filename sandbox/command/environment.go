package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/onboard"
)

func newEnvironment(p *place) *cobra.Command {
	var b onboard.Binding
	cmd := &cobra.Command{
		Use:   "environment NAME",
		Short: "Make a repository and an Environment that deploys what is pushed to it",
		Long: `Make a repository on the sandbox's Git server, and an Environment (in the namespace
default) that takes what is pushed to its branch to the sandbox's cluster and AWS
region. What is there already stays as it is.`,
		Example: `  drawbridge-sandbox environment production --repository shop`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%s takes one argument: the name of the Environment", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			env, err := sandbox.ReadEnv(dir)
			if err != nil {
				return err
			}
			b.Environment = args[0]
			if b.Repository == "" {
				b.Repository = b.Environment
			}
			place := onboard.PlaceOf(env)
			if err := onboard.Bind(cmd.Context(), place, b); err != nil {
				return fmt.Errorf("%w (is the sandbox up? drawbridge-sandbox status)", err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Environment %s follows branch %s of %s\n", b.Environment, b.Branch, place.GitURL(b.Repository))
			fmt.Fprintf(out, "push to it:  git push http://alice:$DRAWBRIDGE_GIT_TOKEN_ALICE@${DRAWBRIDGE_GIT_URL#http://}/%s.git HEAD:%s\n", b.Repository, b.Branch)
			fmt.Fprintf(out, "watch it:    drawbridge changes --watch\n")
			return nil
		},
	}
	cmd.Flags().StringVar(&b.Repository, "repository", "", "name of the repository (default: the Environment's)")
	cmd.Flags().StringVar(&b.Branch, "branch", "main", "branch that is followed")
	return cmd
}
