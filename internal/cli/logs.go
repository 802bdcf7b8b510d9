package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/internal/logs"
)

func newLogs(c *connection) *cobra.Command {
	var env string
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "logs [CHANGE [COMPONENT]]",
		Short: "Print what the builds, CDK apps and stacks of a Change said",
		Long: `Print the log of a Change, given by its name or the beginning of it; without one,
of the newest Change: what its builds and CDK apps print, and what its stacks go
through. It is kept with the record, and read through the controller's API
(DRAWBRIDGE_API_URL).`,
		Example: `  drawbridge logs --follow
  drawbridge logs production-2-08c4a6a database`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usageError{fmt.Errorf("'%s' takes a Change and a component, found %d arguments", cmd.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			name, err := c.changeName(cmd.Context(), args[0], env)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			encoder := json.NewEncoder(out)
			return c.lines(cmd.Context(), name, args[1], follow, func(l logs.Line) error {
				if asJSON {
					return encoder.Encode(l)
				}
				_, err := fmt.Fprintf(out, "%s %s | %s\n", l.Time.Local().Format("15:04:05"), l.Component, l.Text)
				return err
			})
		},
	}
	cmd.Flags().StringVarP(&env, "environment", "e", "", "without a name: the newest Change of this Environment (default: the only one)")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the lines as they come, until the Change ends")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a JSON object a line, for programs")
	return cmd
}

// changeName completes the name of a Change by what the cluster knows. One that it
// no longer has is left to the controller.
func (c *connection) changeName(ctx context.Context, name, env string) (string, error) {
	k, namespace, err := c.open()
	if err != nil {
		return "", err
	}
	change, err := changeNamed(ctx, k, namespace, name)
	if name == "" {
		change, err = newestChange(ctx, k, namespace, env)
	}
	if err != nil || change == nil {
		return name, err
	}
	return string(change.UID), nil
}

// lines calls yield for each line of a Change's log.
func (c *connection) lines(ctx context.Context, change, component string, follow bool, yield func(logs.Line) error) error {
	query := url.Values{}
	if component != "" {
		query.Set("component", component)
	}
	if follow {
		query.Set("follow", "true")
	}
	response, err := c.get(ctx, "/api/v1/changes/"+url.PathEscape(change)+"/logs?"+query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for decoder := json.NewDecoder(response.Body); ; {
		var l logs.Line
		switch err := decoder.Decode(&l); {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("the log breaks off: %w", err)
		}
		if err := yield(l); err != nil {
			return err
		}
	}
}
