package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func newUp(p *place) *cobra.Command {
	var o sandbox.Options
	var detach bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the sandbox up, as it was when it went down",
		Long: `Bring the sandbox up and keep it up until Ctrl-C or 'down'. What it was before is
there again, on the same ports if they are free. With --detach it goes on in the
background once it is ready.

If a part dies, its name, the way it ended and the last lines of its log are
printed, the sandbox comes down, and the exit code is 1. The controller is an
exception: it is started again, at most five times a minute.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.Ephemeral || p.dir != "" {
				dir, err := p.path()
				if err != nil {
					return err
				}
				o.StateDir = dir
			}
			if detach {
				return upDetached(cmd.Context(), cmd.ErrOrStderr())
			}
			return up(cmd.Context(), o, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&detach, "detach", "d", false, "return once it is ready, and leave it running")
	f.BoolVar(&o.Ephemeral, "ephemeral", false, "keep the state in a temporary folder (below --state, if given) and remove it at the end")
	f.StringSliceVar(&o.Without, "without", nil, "parts to leave out: controller-manager, scheduler, nodes, aws, forge, controller")
	f.StringVar(&o.Region, "region", "us-east-1", "AWS region of a new sandbox")
	f.DurationVar(&o.PodStartLatency, "pod-start-latency", 300*time.Millisecond, "how long a simulated container takes to start")
	f.BoolVar(&o.Exec, "exec", false, "let Pods run the command of their annotation sandbox.drawbridge.dev/exec on this machine, with your rights")
	f.StringVar(&o.ControlPlane, "control-plane", "", "folder of the control plane's programs (default $KUBEBUILDER_ASSETS, then controlplane beside this program)")
	f.StringVar(&o.Controller, "controller", "", "the program drawbridge (default the one beside this program)")
	return cmd
}

// up brings the sandbox up and stays until ctx ends, or until it comes down.
func up(ctx context.Context, o sandbox.Options, stderr io.Writer) error {
	parent := parentPipe()
	o.Log = stderr
	if parent != nil {
		o.Log = io.MultiWriter(stderr, parent)
	}
	s, err := sandbox.Up(ctx, o)
	if err != nil {
		parent.failed(err)
		return err
	}
	fmt.Fprint(o.Log, next(s)) //nolint:errcheck // there is nobody else to tell
	parent.ready()
	select {
	case <-ctx.Done():
		fmt.Fprintln(stderr, "going down")
		return s.Down(context.Background())
	case <-s.Done():
		return s.Err()
	}
}

// next says how to go on.
func next(s *sandbox.Sandbox) string {
	self := "drawbridge-sandbox"
	if program, err := os.Executable(); err == nil {
		self = shorter(program)
	}
	state := ""
	if byDefault, err := sandbox.DefaultStateDir(); err != nil || byDefault != s.StateDir() {
		state = " --state " + quote(s.StateDir())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "use it:   eval \"$(%s env%s)\"\n", self, state)
	fmt.Fprintf(&b, "look:     %s status%s\n", self, state)
	fmt.Fprintf(&b, "stop it:  %s down%s\n", self, state)
	return b.String()
}
