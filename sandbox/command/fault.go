package command

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
)

func newFault(p *place) *cobra.Command {
	var f fault.Fault
	cmd := &cobra.Command{
		Use:   "fault [KIND | clear]",
		Short: "Make AWS services fail, list what is set, or clear it",
		Long: `Make the sandbox's AWS services fail, as real ones do now and then:

    throttle   refuse with the service's own code for too many requests
    fail       answer with an internal error, and do nothing
    hang       do it, and hold the answer back until the client gives up
    lose       do it, and close the connection without an answer

    drawbridge-sandbox fault throttle --service cloudformation --operation ExecuteChangeSet --count 3
    drawbridge-sandbox fault lose --service cloudformation --rate 0.2 --seed 7
    drawbridge-sandbox fault clear

Without a kind it lists the faults that are set. A restart of the sandbox clears them.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("fault takes one kind, not %s", strings.Join(args, " "))}
			}
			dir, err := p.path()
			if err != nil {
				return err
			}
			remote, err := faultsIn(dir)
			if err != nil {
				return err
			}
			var list []fault.Status
			switch {
			case len(args) == 0:
				list, err = remote.List(cmd.Context())
			case args[0] == "clear":
				list, err = remote.Clear(cmd.Context())
			default:
				f.Kind = fault.Kind(args[0])
				list, err = remote.Set(cmd.Context(), f)
			}
			if err != nil {
				return err
			}
			return printFaults(cmd.OutOrStdout(), list)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Service, "service", "", "service, such as cloudformation; all when empty")
	flags.StringVar(&f.Operation, "operation", "", "operation of the service, such as ExecuteChangeSet; all when empty")
	flags.IntVar(&f.After, "after", 0, "how many requests are left alone first")
	flags.IntVar(&f.Count, "count", 0, "how many requests it meets; 0 is no limit")
	flags.Float64Var(&f.Rate, "rate", 0, "share of requests that it meets, between 0 and 1; 0 is all")
	flags.Uint64Var(&f.Seed, "seed", 0, "what chooses those")
	return cmd
}

// faultsIn finds the faults of the sandbox that has its state in a folder.
func faultsIn(dir string) (fault.Remote, error) {
	url, err := endpointIn(dir)
	return fault.Remote(url), err
}

// endpointIn is the URL of the AWS endpoint of the sandbox that has its state in a
// folder.
func endpointIn(dir string) (string, error) {
	env, err := sandbox.ReadEnv(dir)
	if err != nil {
		return "", err
	}
	for _, e := range env {
		if url, ok := strings.CutPrefix(e, "AWS_ENDPOINT_URL="); ok {
			return url, nil
		}
	}
	return "", fmt.Errorf("the sandbox in %s runs without AWS", dir)
}

func printFaults(w io.Writer, list []fault.Status) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no faults are set")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tSERVICE\tOPERATION\tAFTER\tCOUNT\tRATE\tSEED\tSEEN\tMET") //nolint:errcheck // Flush tells
	all := func(name string) string {
		if name == "" {
			return "*"
		}
		return name
	}
	for _, s := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%g\t%d\t%d\t%d\n", s.Kind, all(s.Service), all(s.Operation), s.After, s.Count, s.Rate, s.Seed, s.Seen, s.Met) //nolint:errcheck // Flush tells
	}
	return t.Flush()
}
