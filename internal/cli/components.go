package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func newComponents(c *connection) *cobra.Command {
	var out format
	var env string
	cmd := &cobra.Command{
		Use:     "components",
		Aliases: []string{"component"},
		Short:   "List the components of an Environment, and whether each is well",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, namespace, err := c.openFor(out)
			if err != nil {
				return err
			}
			if env != "" {
				if _, err := environment(cmd.Context(), k, namespace, env); err != nil {
					return err
				}
			}
			list, err := componentsOf(cmd.Context(), k, namespace, env)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), list, func(w io.Writer) error {
				if len(list) == 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "no components in namespace %s yet (another one? -n NAMESPACE)\n", namespace)
					return nil
				}
				return printComponents(w, list)
			})
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "only of this Environment")
	out.add(cmd)
	return cmd
}

// componentsOf lists the components of an Environment, or of all with an empty
// name, by Environment and name.
func componentsOf(ctx context.Context, k client.Client, namespace, environment string) ([]v1alpha1.Component, error) {
	var list v1alpha1.ComponentList
	if err := k.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("components in namespace %s: %w", namespace, err)
	}
	items := []v1alpha1.Component{} // an empty list is [], never null
	for _, c := range list.Items {
		if environment == "" || c.Spec.Environment == environment {
			c.ManagedFields, c.TypeMeta = nil, typeMeta("Component") // noise, and what it is
			items = append(items, c)
		}
	}
	slices.SortFunc(items, func(a, b v1alpha1.Component) int {
		if by := strings.Compare(a.Spec.Environment, b.Spec.Environment); by != 0 {
			return by
		}
		return strings.Compare(a.Spec.Name, b.Spec.Name)
	})
	return items, nil
}

func printComponents(w io.Writer, list []v1alpha1.Component) error {
	var t table
	t.row("ENVIRONMENT", "COMPONENT", "KIND", "READY", "REVISION", "OBJECTS", "PATH", "MESSAGE")
	for _, c := range list {
		r, message := ready(c.Status.Conditions)
		t.row(c.Spec.Environment, c.Spec.Name, c.Spec.Kind, r, short(c.Status.Revision), fmt.Sprint(len(c.Spec.Owns)), c.Spec.Path,
			within(message, c.Namespace+"/"+c.Spec.Environment, c.Spec.Name))
	}
	return t.write(w)
}
