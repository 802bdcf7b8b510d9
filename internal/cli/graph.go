package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/graph"
)

func newGraph(c *connection) *cobra.Command {
	var out format
	var env, form string
	forms := map[string]func(*graph.Graph) string{"tree": (*graph.Graph).Tree, "mermaid": (*graph.Graph).Mermaid, "dot": (*graph.Graph).DOT}
	cmd := &cobra.Command{
		Use:   "graph",
		Short: "Show which component waits for which, and why",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text := forms[form]
			switch {
			case text == nil:
				return usageError{fmt.Errorf("--format %s: expected tree, mermaid or dot", form)}
			case out != "" && cmd.Flags().Changed("format"):
				return usageError{errors.New("--format and -o are two forms: leave one out")}
			}
			k, namespace, err := c.openFor(out)
			if err != nil {
				return err
			}
			e, err := environment(cmd.Context(), k, namespace, env)
			if err != nil {
				return err
			}
			list, err := componentsOf(cmd.Context(), k, namespace, e.Name)
			if err != nil {
				return err
			}
			g, err := graphOf(list)
			if err != nil {
				return fmt.Errorf("components of %s/%s: %w", namespace, e.Name, err)
			}
			if len(list) == 0 && out == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "Environment %s/%s has no components yet\n", namespace, e.Name)
			}
			return out.print(cmd.OutOrStdout(), g, func(w io.Writer) error {
				_, err := io.WriteString(w, text(g))
				return err
			})
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "the Environment (default: the only one)")
	cmd.Flags().StringVar(&form, "format", "tree", "tree, mermaid (for documents and pull requests) or dot (for Graphviz)")
	out.add(cmd)
	return cmd
}

// graphOf the components as they are recorded. A dependency that is gone is left
// out: it was taken down after the others were recorded.
func graphOf(list []v1alpha1.Component) (*graph.Graph, error) {
	known := map[string]bool{}
	var nodes []graph.Node
	for _, c := range list {
		known[c.Spec.Name] = true
		nodes = append(nodes, graph.Node{Name: c.Spec.Name, Kind: c.Spec.Kind, Path: c.Spec.Path})
	}
	var edges []graph.Edge
	for _, c := range list {
		for _, d := range c.Spec.DependsOn {
			if known[d.Component] {
				edges = append(edges, graph.Recorded(c.Spec.Name, d))
			}
		}
	}
	return graph.New(nodes, edges)
}
