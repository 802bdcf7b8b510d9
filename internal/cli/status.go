package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func newStatus(c *connection) *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "status [ENVIRONMENT]",
		Short: "Show what each Environment is at, and whether it is well",
		Long: `Show what each Environment is at, what is under way in it and since when, and
whether it is well.

Exit code 3 unless every Environment shown is Ready.`,
		Example: `  drawbridge status
  drawbridge status production -o json`,
		Args: atMostOneArg("the name of an Environment"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, namespace, err := c.openFor(out)
			if err != nil {
				return err
			}
			envs, err := environmentsOf(cmd.Context(), k, namespace, args)
			if err != nil {
				return err
			}
			changes, err := changesOf(cmd.Context(), k, namespace, "")
			if err != nil {
				return err
			}
			if err := out.print(cmd.OutOrStdout(), envs, func(w io.Writer) error {
				return printStatus(w, envs, changes, time.Now())
			}); err != nil {
				return err
			}
			for _, env := range envs {
				if r, _ := ready(env.Status.Conditions); r != "True" {
					return errUnwell
				}
			}
			return nil
		},
	}
	out.add(cmd)
	return cmd
}

// environmentsOf a namespace, or those that are named. There is at least one.
func environmentsOf(ctx context.Context, k client.Client, namespace string, names []string) ([]v1alpha1.Environment, error) {
	if len(names) > 0 {
		var envs []v1alpha1.Environment
		for _, name := range names {
			env, err := environment(ctx, k, namespace, name)
			if err != nil {
				return nil, err
			}
			envs = append(envs, *env)
		}
		return envs, nil
	}
	var list v1alpha1.EnvironmentList
	if err := k.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("environments in namespace %s: %w", namespace, err)
	}
	if len(list.Items) == 0 {
		return nil, noEnvironment(namespace)
	}
	for i := range list.Items {
		list.Items[i].ManagedFields, list.Items[i].TypeMeta = nil, typeMeta("Environment")
	}
	return list.Items, nil
}

func printStatus(w io.Writer, envs []v1alpha1.Environment, changes []v1alpha1.Change, now time.Time) error {
	byName := map[string]*v1alpha1.Change{}
	for i := range changes {
		byName[changes[i].Name] = &changes[i]
	}
	var t table
	t.row("ENVIRONMENT", "BRANCH", "READY", "DEPLOYED", "HEAD", "CHANGE", "AGE", "MESSAGE")
	for _, e := range envs {
		r, message := ready(e.Status.Conditions)
		since := ""
		if change := byName[e.Status.Change]; change != nil {
			since = age(change.CreationTimestamp.Time, now)
			message = environmentMessage(r, message, change)
		}
		t.row(e.Name, e.Spec.Source.Branch, r, short(e.Status.Deployed), short(e.Status.Head), e.Status.Change, since, message)
	}
	return t.write(w)
}

// environmentMessage says what the table does not say already.
func environmentMessage(ready, message string, change *v1alpha1.Change) string {
	switch {
	case ready == "True":
		return strings.TrimPrefix(message, short(change.Spec.Commit)+" ")
	case strings.Contains(ready, v1alpha1.ReasonChangeFailed):
		return failure(change)
	case strings.Contains(ready, v1alpha1.ReasonProgressing):
		return underWay(change)
	}
	return message
}
