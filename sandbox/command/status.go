package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func newStatus(p *place) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the parts: state, address, process, memory, uptime, log",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "" && output != "json" {
				return usageError{fmt.Errorf("-o %q is not known; json is", output)}
			}
			dir, err := p.path()
			if err != nil {
				return err
			}
			st, err := sandbox.ReadStatus(dir)
			if err != nil {
				return err
			}
			if output == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(st)
			} else {
				err = PrintStatus(cmd.OutOrStdout(), st, time.Now())
			}
			if err == nil && st.State != sandbox.StateUp {
				err = errNotUp
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json for programs")
	return cmd
}

// PrintStatus prints the status for people.
func PrintStatus(w io.Writer, st sandbox.Status, now time.Time) error {
	fmt.Fprintf(w, "sandbox in %s: %s", st.StateDir, st.State) //nolint:errcheck // Flush tells
	if st.Supervisor != 0 {
		fmt.Fprintf(w, ", process %d with %s", st.Supervisor, mebibytes(st.Memory)) //nolint:errcheck // Flush tells
	}
	if st.Took > 0 {
		fmt.Fprintf(w, ", was ready in %.1f s", st.Took) //nolint:errcheck // Flush tells
	}
	fmt.Fprintln(w) //nolint:errcheck // Flush tells
	if st.Error != "" {
		fmt.Fprintln(w, st.Error) //nolint:errcheck // Flush tells
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "PART\tSTATE\tADDRESS\tPID\tMEMORY\tUPTIME\tLOG") //nolint:errcheck // Flush tells
	total := st.Memory
	for _, p := range st.Parts {
		total += p.Memory
		pid, uptime := "-", "-"
		if p.PID != 0 {
			pid = fmt.Sprint(p.PID)
		}
		if p.Started != nil {
			uptime = now.Sub(*p.Started).Round(time.Second).String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.State, orDash(p.Address), pid, mebibytes(p.Memory), uptime, p.Log) //nolint:errcheck // Flush tells
	}
	if total > 0 {
		fmt.Fprintf(t, "all together\t\t\t\t%s\t\t\n", mebibytes(total)) //nolint:errcheck // Flush tells
	}
	if err := t.Flush(); err != nil || st.DNS == "" {
		return err
	}
	_, port, err := net.SplitHostPort(st.DNS)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "DNS of the hosted zones: dig @127.0.0.1 -p %s NAME; load balancers: drawbridge-sandbox names\n", port)
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func mebibytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", (n+1<<19)>>20)
}
