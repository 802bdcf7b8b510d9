// Package cli is the drawbridge command: a file for each subcommand.
//
// Each subcommand reads what it needs through a connection to the cluster that
// holds the custom resources (and, for the record of a Change, through the
// controller's HTTP API), and prints it as a table for people or, with
// `-o json|yaml`, as data for programs. Messages go to standard error, results
// to standard output.
//
// The exit code tells a script how it went:
//
//	0    done, and what was asked about is well
//	1    something went wrong; standard error says what
//	2    the command line is not understood
//	3    what was asked about is not well: a Change failed, an Environment is not ready
//	4    what was asked about does not exist
//	130  interrupted (Ctrl-C) before it was done
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// The exit codes.
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2
	exitUnwell   = 3
	exitNotFound = 4
	exitSignal   = 130
)

// errUnwell marks an answer that is bad news, already printed.
var errUnwell = errors.New("not well")

// usageError marks a command line that is not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// notFoundError says that what was asked about does not exist.
type notFoundError struct{ what string }

func (e notFoundError) Error() string { return e.what }

// Run carries out one command line and returns the exit code. It is the only
// place where an error becomes one.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, newRoot(), args, stdin, stdout, stderr)
}

func run(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	var missing notFoundError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnwell):
		return exitUnwell
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "drawbridge: %v\nTry '%s --help'.\n", err, cmd.CommandPath())
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitSignal
	}
	fmt.Fprintf(stderr, "drawbridge: %v\n", err)
	if what := advice(err); what != "" {
		fmt.Fprintf(stderr, "%s.\n", what)
	}
	if errors.As(err, &missing) || apierrors.IsNotFound(err) && !notInstalled(err) {
		return exitNotFound
	}
	return exitError
}

func newRoot() *cobra.Command {
	c := &connection{apiToken: os.Getenv("DRAWBRIDGE_API_TOKEN")}
	c.open = c.connect
	return commands(c)
}

func commands(c *connection) *cobra.Command {
	root := &cobra.Command{
		Use:   "drawbridge",
		Short: "One commit, both planes: GitOps for AWS and Kubernetes as one change",
		Long: `Drawbridge takes each commit of a branch through plan, rollout and verification
on AWS and Kubernetes as one Change, and keeps the record.

Exit codes: 0 done and well; 1 an error; 2 a command line that is not
understood; 3 what was asked about is not well; 4 it does not exist; 130
interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	c.addFlags(root.PersistentFlags())
	root.AddCommand(
		newStatus(c), newComponents(c), newChanges(c), newShow(c), newLogs(c), newGraph(c), newSync(c),
		newServe(), newVersion(), newBuildAgent(),
	)
	return root
}

// noArgs and atMostOneArg are cobra's checks with an error that ends in exit code 2.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%q is not a command or argument of '%s'", args[0], cmd.CommandPath())}
}

func atMostOneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usageError{fmt.Errorf("'%s' takes at most one argument: %s", cmd.CommandPath(), name)}
	}
}
