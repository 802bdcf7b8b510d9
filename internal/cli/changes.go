package cli

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// commitDigits is what --commit takes.
var commitDigits = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

func newChanges(c *connection) *cobra.Command {
	var out format
	var env, commit string
	var watch bool
	var limit int
	cmd := &cobra.Command{
		Use:   "changes",
		Short: "List the Changes, newest first",
		Long: `List the Changes, newest first, or print their steps as they happen.

With --watch --commit it ends when the newest Change of that commit does: exit
code 0 when it succeeded, 3 when it failed or a newer commit superseded it. That
makes a pipeline wait until what it pushed is live.`,
		Example: `  drawbridge changes -e production
  drawbridge changes --watch
  drawbridge changes --watch --commit $(git rev-parse HEAD)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case commit != "" && !watch:
				return usageError{errors.New("--commit needs --watch")}
			case commit != "" && !commitDigits.MatchString(commit):
				return usageError{fmt.Errorf("--commit %s: expected at least 7 hexadecimal digits, as of 'git rev-parse HEAD'", commit)}
			case watch && out != "":
				return usageError{errors.New("--watch prints text for people: leave -o out")}
			}
			k, namespace, err := c.openFor(out)
			if err != nil {
				return err
			}
			if env != "" || commit != "" {
				e, err := environment(cmd.Context(), k, namespace, env)
				if err != nil {
					return err
				}
				env = e.Name
			}
			if watch {
				return follow(cmd.Context(), k, goal{namespace: namespace, environment: env, commit: commit}, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			list, err := changesOf(cmd.Context(), k, namespace, env)
			if err != nil {
				return err
			}
			if limit > 0 && len(list) > limit {
				list = list[:limit]
			}
			return out.print(cmd.OutOrStdout(), list, func(w io.Writer) error {
				if len(list) == 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "no Changes in namespace %s (another one? -n NAMESPACE)\n", namespace)
					return nil
				}
				return printChanges(w, list, time.Now())
			})
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "only of this Environment")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print the steps of Changes as they happen, until Ctrl-C")
	cmd.Flags().StringVar(&commit, "commit", "", "with --watch: only the Change of this commit, and end when it does; exit code 3 unless it succeeded")
	cmd.Flags().IntVar(&limit, "limit", 20, "at most this many; 0 for all that the cluster keeps (the ledger has older ones)")
	out.add(cmd)
	return cmd
}

func printChanges(w io.Writer, list []v1alpha1.Change, now time.Time) error {
	var t table
	t.row("CHANGE", "COMMIT", "PHASE", "TOOK", "AGE", "AUTHOR", "SUBJECT")
	for _, c := range list {
		phase := c.Status.Phase
		if phase == "" {
			phase = v1alpha1.PhasePending
		}
		t.row(c.Name, short(c.Spec.Commit), string(phase), duration(c.Status.StartedAt, c.Status.FinishedAt, now),
			age(c.CreationTimestamp.Time, now), c.Spec.Author, c.Spec.Subject)
	}
	return t.write(w)
}
