package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// downDeadline is more than all parts' grace together.
const downDeadline = time.Minute

func newDown(p *place) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the sandbox and keep its state",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			was, err := down(cmd.Context(), dir)
			if err != nil {
				return err
			}
			_, gone := os.Stat(dir)
			switch {
			case !was:
				fmt.Fprintln(cmd.ErrOrStderr(), "it was not up")
			case gone != nil:
				fmt.Fprintln(cmd.ErrOrStderr(), "down, and its ephemeral state is removed")
			default:
				fmt.Fprintln(cmd.ErrOrStderr(), "down; its state is kept in", dir)
			}
			return nil
		},
	}
}

func down(ctx context.Context, dir string) (was bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, downDeadline, fmt.Errorf("it did not stop in %s", downDeadline))
	defer cancel()
	return sandbox.StopIn(ctx, dir)
}

func newReset(p *place) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Stop the sandbox and remove its state, so that the next up begins anew",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			if _, err := down(cmd.Context(), dir); err != nil {
				return err
			}
			if err := sandbox.Remove(dir); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "removed", dir)
			return nil
		},
	}
}
