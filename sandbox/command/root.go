// Package command is the drawbridge-sandbox command: a file for each subcommand.
//
// Results go to standard output, what happens meanwhile to standard error. The
// exit code is 0 when it went well, 1 when it did not, 2 when the command line is
// not understood, and 3 from status when the sandbox is not up.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
	exitNotUp = 3
)

// errNotUp is bad news that was already printed.
var errNotUp = errors.New("not up")

// usageError marks a command line that is not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Run carries out one command line and returns the exit code. The first
// interrupt ends the command in order, a second one at once.
func Run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNotUp):
		return exitNotUp
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "drawbridge-sandbox: %v\nTry 'drawbridge-sandbox --help'.\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "drawbridge-sandbox: %v\n", err)
	return exitError
}

func newRoot() *cobra.Command {
	var place place
	root := &cobra.Command{
		Use:   "drawbridge-sandbox",
		Short: "A Kubernetes control plane, an AWS endpoint, a Git server and Drawbridge on this machine",
		Long: `drawbridge-sandbox runs a real Kubernetes control plane, two simulated nodes, an
AWS endpoint, a Git server and the Drawbridge controller on this machine, with
no account, no containers and no network.

    drawbridge-sandbox up --detach
    eval "$(drawbridge-sandbox env)"
    kubectl get nodes
    drawbridge-sandbox down

The state folder is --state, or $DRAWBRIDGE_SANDBOX_STATE, or .drawbridge at the
top of the Git work tree you are in, or else ~/.local/state/drawbridge-sandbox.

Exit codes: 0 it went well; 1 it did not; 2 the command line is not understood;
3 from status: the sandbox is not up.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&place.dir, "state", "", "folder that holds the sandbox's state")
	root.AddCommand(newUp(&place), newDown(&place), newStatus(&place), newEnv(&place), newReset(&place), newEnvironment(&place), newFault(&place), newNames(&place), newDemo(&place))
	return root
}

// place is the state folder that a command is about.
type place struct{ dir string }

func (p *place) path() (string, error) {
	if p.dir == "" {
		return sandbox.DefaultStateDir()
	}
	return filepath.Abs(p.dir)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument %q", cmd.CommandPath(), args[0])}
	}
	return nil
}
