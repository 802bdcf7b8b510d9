package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
)

func newShow(c *connection) *cobra.Command {
	var out format
	var env string
	var watch bool
	cmd := &cobra.Command{
		Use:   "show [CHANGE]",
		Short: "Show the record of a Change: who, what, when, why, and each field that changed",
		Long: `Show the record of a Change, by its name or the beginning of it; without one,
of the newest Change. While it is under way, show how far it is.

Records come from the ledger through the controller's API (DRAWBRIDGE_API_URL);
without it, what the cluster knows is shown. With -o, that is the ledger's row of
a Change that has ended, and the Change itself of one that has not.

Exit code 3 when the Change failed.`,
		Example: `  drawbridge show
  drawbridge show production-2-08c4a6a`,
		Args: atMostOneArg("the name of a Change (see 'drawbridge changes')"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, namespace, err := c.openFor(out)
			if err != nil {
				return err
			}
			var name string
			var change *v1alpha1.Change
			if len(args) > 0 {
				name = args[0]
				change, err = changeNamed(cmd.Context(), k, namespace, name)
			} else {
				change, err = newestChange(cmd.Context(), k, namespace, env)
			}
			if err != nil {
				return err
			}
			if watch && change != nil && !change.Status.Phase.Final() {
				if change, err = ended(cmd, k, change); err != nil {
					return err
				}
			}
			return c.show(cmd.Context(), namespace, name, change, out, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "without a name: the newest Change of this Environment (default: the only one)")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "if it is under way, print its steps as they happen first")
	out.add(cmd)
	return cmd
}

// changeNamed finds a Change in the cluster by its name, or a beginning that no
// other has; nil when there is none.
func changeNamed(ctx context.Context, k client.Client, namespace, name string) (*v1alpha1.Change, error) {
	found := &v1alpha1.Change{}
	switch err := k.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found); {
	case err == nil:
		found.ManagedFields, found.TypeMeta = nil, typeMeta("Change")
		return found, nil
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("change %s/%s: %w", namespace, name, err)
	}
	all, err := changesOf(ctx, k, namespace, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for i, c := range all {
		if strings.HasPrefix(c.Name, name) {
			names = append(names, c.Name)
			found = &all[i]
		}
	}
	switch len(names) {
	case 0:
		return nil, nil
	case 1:
		return found, nil
	}
	return nil, usageError{fmt.Errorf("which Change? %q begins %s", name, strings.Join(names, ", "))}
}

func newestChange(ctx context.Context, k client.Client, namespace, env string) (*v1alpha1.Change, error) {
	e, err := environment(ctx, k, namespace, env)
	if err != nil {
		return nil, err
	}
	all, err := changesOf(ctx, k, namespace, e.Name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, notFoundError{fmt.Sprintf("Environment %s/%s has no Change yet", namespace, e.Name)}
	}
	return &all[0], nil
}

// ended prints the steps of a Change until it has ended, and returns it as it is
// then.
func ended(cmd *cobra.Command, k client.WithWatch, change *v1alpha1.Change) (*v1alpha1.Change, error) {
	g := goal{namespace: change.Namespace, environment: change.Spec.Environment, change: change.Name}
	if err := follow(cmd.Context(), k, g, cmd.OutOrStdout(), cmd.ErrOrStderr()); err != nil && !errors.Is(err, errUnwell) {
		return nil, err
	}
	fmt.Fprintln(cmd.OutOrStdout())
	return changeNamed(cmd.Context(), k, change.Namespace, change.Name)
}

// show prints the record from the ledger, else what the cluster knows. change is
// nil when the cluster has no Change of the name.
func (c *connection) show(ctx context.Context, namespace, name string, change *v1alpha1.Change, out format, stdout, stderr io.Writer) error {
	if change != nil && !change.Status.Phase.Final() {
		return out.print(stdout, change, func(w io.Writer) error { return recordOfChange(change, time.Now()).write(w) })
	}
	if change != nil {
		name = string(change.UID) // names come again when an Environment is made anew
	}
	entry, err := c.record(ctx, name)
	var missing notFoundError
	switch {
	case err == nil && change == nil && !strings.HasPrefix(entry.Record.Environment, namespace+"/"):
		return notFoundError{fmt.Sprintf("no Change %q in namespace %s; the ledger has one of Environment %s", name, namespace, entry.Record.Environment)}
	case err == nil:
		if err := out.print(stdout, entry, func(w io.Writer) error { return recordOfEntry(entry).write(w) }); err != nil {
			return err
		}
		if entry.Record.Outcome == ledger.Failed {
			return errUnwell
		}
		return nil
	case change == nil && errors.As(err, &missing):
		return notFoundError{fmt.Sprintf("no Change %q, neither in namespace %s nor in the ledger; 'drawbridge changes' lists them", name, namespace)}
	case change == nil:
		return fmt.Errorf("change %s is not in namespace %s (any more), and its record can't be read: %w", name, namespace, err)
	}
	fmt.Fprintf(stderr, "drawbridge: this is what the cluster knows: %v\n", err)
	if err := out.print(stdout, change, func(w io.Writer) error { return recordOfChange(change, time.Now()).write(w) }); err != nil {
		return err
	}
	if change.Status.Phase == v1alpha1.PhaseFailed {
		return errUnwell
	}
	return nil
}
