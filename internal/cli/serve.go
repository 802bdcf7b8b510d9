package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drawbridge-gitops/drawbridge/internal/controller"
)

func newServe() *cobra.Command {
	var o controller.Options
	var kubeconfig, tokenFile, logFormat string
	var debug bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the controller",
		Long: `Run the controller until it is told to stop (SIGINT, SIGTERM). It takes the
branches of all Environments of its cluster through, serves their webhooks at
/webhooks/push, and the record of Changes under /api (see 'drawbridge show').

AWS is reached with the identity of the process (environment, web identity or
instance role), or with the role that an Environment names. AWS_ENDPOINT_URL
points it at another endpoint.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelInfo
			if debug {
				level = slog.LevelDebug
			}
			var handler slog.Handler
			switch logFormat {
			case "text":
				handler = slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})
			case "json":
				handler = slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})
			default:
				return usageError{fmt.Errorf("--log-format %s: expected text or json", logFormat)}
			}
			o.Log = slog.New(handler)
			var err error
			if kubeconfig == "" {
				o.Config, err = rest.InClusterConfig()
			} else {
				o.Config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
			}
			if err != nil {
				return fmt.Errorf("no cluster to run against: %w (outside a cluster, give --kubeconfig)", err)
			}
			if tokenFile != "" {
				token, err := os.ReadFile(tokenFile)
				if err != nil {
					return fmt.Errorf("API token: %w", err)
				}
				o.Token = strings.TrimSpace(string(token))
				path, err := filepath.Abs(tokenFile)
				if err != nil {
					return fmt.Errorf("API token: %w", err)
				}
				o.Hidden = append(o.Hidden, path)
			}
			return controller.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig of the cluster that holds the Environments (default: the cluster that this runs in)")
	f.StringVar(&o.DataDir, "data-dir", "/var/lib/drawbridge", "directory for the mirror of the repositories and the ledger; keep it")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address for health, webhooks and the API")
	f.StringVar(&tokenFile, "api-token-file", "", "file with the token that the API asks for; without it the API is closed")
	f.BoolVar(&o.LeaderElection, "leader-elect", false, "wait until no other replica leads")
	f.StringVar(&o.LeaderElectionNamespace, "leader-elect-namespace", "", "namespace of the lease (default: the Pod's own)")
	f.DurationVar(&o.StackInterval, "stack-poll-interval", 2*time.Second, "how often stacks under way are looked at; and how soon, at first, what an account tells of health is asked again")
	f.StringVar(&o.AgentImage, "agent-image", "", "the controller's own image, for builds that run as Jobs (spec.build.job)")
	f.StringVar(&o.ProfileListen, "pprof-listen", "", "address for Go's profiles (default: none)")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	f.BoolVar(&debug, "debug", false, "log more")
	return cmd
}
