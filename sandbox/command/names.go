package command

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func newNames(p *place) *cobra.Command {
	return &cobra.Command{
		Use:   "names",
		Short: "List the names that load balancers answer to, where, and how to ask them",
		Long: `List the names that load balancers answer to: records of hosted zones that point at
one, and the balancers' own names; where each listener is on this machine; and the
curl command that asks it. --connect-to leads curl there while the URL stays the
real one. The loopback port in the URL works as well:

    curl --resolve NAME:PORT:127.0.0.1 --cacert "$DRAWBRIDGE_SANDBOX_CA" https://NAME:PORT/

and dig knows the same names:

    dig @127.0.0.1 -p "${DRAWBRIDGE_SANDBOX_DNS##*:}" NAME`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.path()
			if err != nil {
				return err
			}
			endpoint, err := endpointIn(dir)
			if err != nil {
				return err
			}
			names, err := aws.ReadNames(cmd.Context(), endpoint)
			if err != nil {
				return fmt.Errorf("%w (is the sandbox up? drawbridge-sandbox status)", err)
			}
			return printNames(cmd.OutOrStdout(), names, sandbox.AuthorityIn(dir))
		},
	}
}

// printNames prints names, each with a command that asks for it. authority is the
// file of the certificate that signed those of listeners.
func printNames(w io.Writer, names []aws.Name, authority string) error {
	if len(names) == 0 {
		_, err := fmt.Fprintln(w, "no load balancer listens")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tLOAD BALANCER\tLISTENER\tADDRESS") //nolint:errcheck // Flush tells
	for _, n := range names {
		fmt.Fprintf(t, "%s\t%s\t%s %d\t%s\n", n.Name, n.Balancer, n.Protocol, n.Port, n.Address) //nolint:errcheck // Flush tells
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	for _, n := range names {
		trust := ""
		if n.Protocol == "HTTPS" {
			trust = " --cacert " + quote(filepath.Clean(authority))
		}
		if _, err := fmt.Fprintf(w, "curl%s --connect-to %s:%d:%s %s\n", trust, n.Name, n.Port, n.Address, n.URL()); err != nil {
			return err
		}
	}
	return nil
}
