package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/drawbridge-gitops/drawbridge/examples"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/demo"
)

func newDemo(p *place) *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Tell the story: one commit, both planes",
		Long: `Start a sandbox of its own, tell the core of the story in it, and show where to
look next. With a terminal the sandbox stays up until Ctrl-C. Without one the
exit code is 0 when the story came out as it should, and 1 when it did not.

Its state is kept in a folder of its own (.drawbridge-demo, beside the default
one, or --state) until the next demo begins anew.

The example ghost-cdk has its database as a CDK app in Python. It needs node, npm
and python3, and the CDK CLI to make the account ready.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			if p.dir == "" {
				dir += "-demo"
			}
			return tellStory(cmd, dir, o)
		},
	}
	cmd.Flags().StringVar(&o.Example, "example", "ghost", "repository that the story is told with: "+strings.Join(examples.Names, " or "))
	cmd.Flags().StringVar(&o.CDK, "cdk", "cdk", "CDK CLI, for the example ghost-cdk")
	return cmd
}

func tellStory(cmd *cobra.Command, dir string, o demo.Options) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if !slices.Contains(examples.Names, o.Example) {
		return usageError{fmt.Errorf("--example %s: expected %s", o.Example, strings.Join(examples.Names, " or "))}
	}
	self, program, err := programs()
	if err != nil {
		return err
	}
	if o.Example == "ghost-cdk" {
		if o.CDK, err = exec.LookPath(o.CDK); err != nil {
			return fmt.Errorf("the example ghost-cdk needs the CDK CLI: %w (make clients installs it; --cdk names another)", err)
		}
		if o.CDK, err = filepath.Abs(o.CDK); err != nil {
			return err
		}
	}
	o.Drawbridge, o.Out, o.Use = program, out, use(self, dir)
	if err := sandbox.Remove(dir); err != nil {
		return fmt.Errorf("begin anew: %w", err)
	}
	s, err := sandbox.Up(ctx, sandbox.Options{StateDir: dir, Controller: program, Log: cmd.ErrOrStderr()})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downDeadline)
		defer cancel()
		if e := s.Down(ctx); e != nil && err == nil {
			err = e
		}
	}()
	stays := isTerminal(out) && isTerminal(os.Stdin)
	if !stays {
		o.Again = fmt.Sprintf("%s up --detach --state %s", quote(shorter(self)), quote(dir))
	}
	if err := demo.Run(ctx, s, o); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if died := s.Err(); died != nil {
			return died
		}
		return fmt.Errorf("the story went wrong: %w\nlogs: %s", err, filepath.Join(dir, "logs"))
	}
	if !stays {
		return nil
	}
	fmt.Fprintln(out, "\nThe sandbox stays up until Ctrl-C.")
	select {
	case <-ctx.Done():
		return nil
	case <-s.Done():
		return s.Err()
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// use is the command line that points a shell at the sandbox in dir.
func use(self, dir string) string {
	bin := filepath.Dir(self)
	return fmt.Sprintf(`eval "$(%s env --state %s)"; export PATH=%s:%s:"$PATH"`,
		quote(shorter(self)), quote(dir), quote(bin), quote(filepath.Join(bin, "controlplane")))
}

// programs are this one, and the product's command beside it.
func programs() (self, drawbridge string, err error) {
	if self, err = os.Executable(); err != nil {
		return "", "", err
	}
	drawbridge = filepath.Join(filepath.Dir(self), "drawbridge")
	if _, err := os.Stat(drawbridge); err != nil {
		return "", "", fmt.Errorf("the demo needs the drawbridge command beside this program: %w (make build)", err)
	}
	return self, drawbridge, nil
}
