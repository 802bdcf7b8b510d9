package sandbox

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// Names of the parts.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "controller-manager"
	Scheduler         = "scheduler"
	Nodes             = "nodes"
	AWS               = "aws"
	Forge             = "forge"
	Controller        = "controller"
)

// Options says what to bring up. The zero value is the whole sandbox in the
// default state folder.
type Options struct {
	// StateDir is the folder that holds everything. DefaultStateDir when empty.
	StateDir string

	// Ephemeral keeps the state in a temporary folder (below StateDir, when that
	// is given) and removes it with Down.
	Ephemeral bool

	// Log gets a line for each step, for people. Nothing is printed when nil.
	Log io.Writer

	// Without names parts that are not started. A control plane alone is
	// Without: {Nodes, AWS, Forge, Controller}.
	Without []string

	// ControlPlane is the folder with kube-apiserver, etcd and so on. Found as
	// the package says when empty.
	ControlPlane string

	// Controller is the program drawbridge. When empty it is looked for beside
	// this program and then in bin of the module that holds the current folder.
	Controller string

	// Region of the nodes, and the default of AWS clients. us-east-1 when empty.
	Region string

	// PodStartLatency is how long a simulated container takes to start. 300 ms
	// when zero.
	PodStartLatency time.Duration

	// Exec lets Pods run the commands of their annotation
	// sandbox.drawbridge.dev/exec on this machine, with the rights of this process.
	// Without it they are simulated, and an event says so.
	Exec bool

	// AWSDurations is how long operations of the simulated account take; the
	// endpoint's defaults (a few seconds for a database) when nil.
	AWSDurations simtime.Durations

	// StackPollInterval is how often the controller looks at stacks in
	// operation. 200 ms when zero: the sandbox's AWS is fast, and not metered.
	StackPollInterval time.Duration
}

func (o *Options) setDefaults() error {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.PodStartLatency == 0 {
		o.PodStartLatency = 300 * time.Millisecond
	}
	if o.StackPollInterval == 0 {
		o.StackPollInterval = 200 * time.Millisecond
	}
	for _, name := range o.Without {
		if !slices.Contains(optional, name) {
			return fmt.Errorf("the sandbox can't go without %q; it can go without %s", name, strings.Join(optional, ", "))
		}
	}
	if o.runs(Nodes) && !o.runs(ControllerManager) {
		return fmt.Errorf("%s need the %s, which takes the taint of a new node away", Nodes, ControllerManager)
	}
	return nil
}

// optional are the parts that Options.Without may name.
var optional = []string{ControllerManager, Scheduler, Nodes, AWS, Forge, Controller}

func (o *Options) runs(name string) bool { return !slices.Contains(o.Without, name) }

// DefaultStateDir is $DRAWBRIDGE_SANDBOX_STATE, or .drawbridge at the top of the
// Git work tree that holds the current folder, or else
// $XDG_STATE_HOME/drawbridge-sandbox (~/.local/state/drawbridge-sandbox).
func DefaultStateDir() (string, error) {
	if dir := os.Getenv("DRAWBRIDGE_SANDBOX_STATE"); dir != "" {
		return filepath.Abs(dir)
	}
	if top, ok := above(".git"); ok {
		return filepath.Join(top, ".drawbridge"), nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "drawbridge-sandbox"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the sandbox's state: %w; name one with --state", err)
	}
	return filepath.Join(home, ".local", "state", "drawbridge-sandbox"), nil
}

// above returns the nearest folder, from the current one upwards, that holds
// name.
func above(name string) (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return dir, true
		}
		if parent := filepath.Dir(dir); parent != dir {
			dir = parent
			continue
		}
		return "", false
	}
}

// controlPlaneDir finds the folder with the control plane's programs. A place
// that somebody named is the only one that is looked at.
func controlPlaneDir(explicit string) (string, error) {
	places := []string{besideUs("controlplane"), inModule("bin", "controlplane")}
	if named := cmp.Or(explicit, os.Getenv("KUBEBUILDER_ASSETS")); named != "" {
		places = []string{named}
	}
	for _, dir := range places {
		if _, err := exec.LookPath(filepath.Join(dir, "kube-apiserver")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", fmt.Errorf("no kube-apiserver in %s: run make controlplane, which builds it once", nor(places))
}

// controllerProgram finds the product, in the same way.
func controllerProgram(explicit string) (string, error) {
	places := []string{besideUs("drawbridge"), inModule("bin", "drawbridge")}
	if explicit != "" {
		places = []string{explicit}
	}
	for _, path := range places {
		if _, err := exec.LookPath(path); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("no program drawbridge at %s: run make build, or leave the controller out (--without controller)", nor(places))
}

func nor(places []string) string {
	return strings.Join(slices.DeleteFunc(places, func(p string) bool { return p == "" }), " nor ")
}

func besideUs(name string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(self), name)
}

func inModule(elem ...string) string {
	root, ok := above("go.mod")
	if !ok {
		return ""
	}
	return filepath.Join(append([]string{root}, elem...)...)
}
