package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// Exec says where commands of Pods run.
type Exec struct {
	// Dir has the working folder of each Pod, which goes with it.
	Dir string
	// Logs has what the commands print, NAMESPACE/POD_CONTAINER.log.
	Logs string
}

// processes are those of the Pods that run a command.
type processes struct {
	*Exec
	// changed is called when something has changed for a Pod.
	changed func(cache.ObjectName)

	mu sync.Mutex
	of map[types.UID]*process
}

// process is one run of a Pod's command.
type process struct {
	run   int32 // RestartCount of the container
	port  int
	child *part.Child
	probe *prober
	stop  sync.Once
}

// executed is the container that runs the Pod's command: the first.
func executed(pod *corev1.Pod) corev1.Container { return pod.Spec.Containers[0] }

// execution is what a look at a Pod may do with its command.
type execution struct {
	processes *processes
	pod       *corev1.Pod
	environ   func(port int) ([]string, error)
}

// running is the process of a run of the container, nil when there is none.
func (e *execution) running(run int32) *process {
	e.processes.mu.Lock()
	defer e.processes.mu.Unlock()
	if p := e.processes.of[e.pod.UID]; p != nil && p.run == run {
		return p
	}
	return nil
}

// start starts the command, unless it is started already.
func (e *execution) start(command string, run int32) error {
	if e.running(run) != nil {
		return nil
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	env, err := e.environ(port)
	if err != nil {
		return err
	}
	dir := filepath.Join(e.processes.Dir, string(e.pod.UID))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	child, err := part.Start(part.Command{
		Name: "command of " + e.pod.Namespace + "/" + e.pod.Name, Path: "/bin/sh", Args: []string{"sh", "-c", command},
		Env: env, Dir: dir, Log: e.log(), Minded: true,
	})
	if err != nil {
		return err
	}
	p := &process{run: run, port: port, child: child}
	key := cache.MetaObjectToName(e.pod)
	p.probe = newProber(executed(e.pod), port, child.Done(), func() { e.processes.changed(key) })
	e.processes.mu.Lock()
	e.processes.of[e.pod.UID] = p
	e.processes.mu.Unlock()
	go func() {
		<-child.Done()
		e.processes.changed(key)
	}()
	return nil
}

// log is the file that has what the command prints.
func (e *execution) log() string {
	return filepath.Join(e.processes.Logs, e.pod.Namespace, e.pod.Name+"_"+executed(e.pod).Name+".log")
}

// executes says that a container is a process, not a simulation.
func (l *look) executes(c corev1.Container) bool {
	return l.exec != nil && c.Name == executed(l.pod).Name
}

// execute starts the command of a container, or says why it can't.
func (l *look) execute(cs *corev1.ContainerStatus) bool {
	err := l.exec.start(l.command, cs.RestartCount)
	if err == nil {
		return true
	}
	wait(cs, "CreateContainerError", err.Error())
	l.warn("Failed", "Error: "+err.Error())
	l.lookAgain(startAgain)
	return false
}

// startAgain is when a command is tried again that could not be started.
const startAgain = 5 * time.Second

// executing is a container whose command was started.
func (l *look) executing(cs *corev1.ContainerStatus) {
	p := l.exec.running(cs.RestartCount)
	switch {
	case p == nil: // the nodes went down, and it with them
		l.end(cs, killed)
	case p.child.Err() != nil:
		l.end(cs, int32(p.child.ExitCode()))
		if code := p.child.ExitCode(); code != 0 {
			l.warn("Failed", fmt.Sprintf("The command of container %s ended with code %d: what it printed is in %s", cs.Name, code, l.exec.log()))
		}
	default:
		cs.Ready = p.probe.ready() && !l.unready
	}
}

// killed is the exit code of what was killed.
const killed = 137

// stopping ends the command of a Pod that is deleted, after its preStop hook, and
// says whether it still runs.
func (l *look) stopping(preStop, grace time.Duration) bool {
	if l.exec == nil {
		return false
	}
	p := l.exec.alive()
	if p == nil {
		return false
	}
	if left := min(preStop, grace) - l.since("stop"); left > 0 {
		l.lookAgain(left)
		return true
	}
	p.end(max(0, grace-l.since("stop")))
	return true // its end brings us back
}

// endExecuted gives the container of a command that has ended its exit code.
func (l *look) endExecuted() {
	for i := range l.status.ContainerStatuses {
		cs := &l.status.ContainerStatuses[i]
		if cs.State.Running == nil || l.exec == nil || cs.Name != executed(l.pod).Name {
			continue
		}
		if p := l.exec.running(cs.RestartCount); p != nil && p.child.Err() != nil {
			l.end(cs, int32(p.child.ExitCode()))
		}
	}
}

// alive is the Pod's process, of whatever run, while it has not ended.
func (e *execution) alive() *process {
	e.processes.mu.Lock()
	defer e.processes.mu.Unlock()
	if p := e.processes.of[e.pod.UID]; p != nil && p.child.Err() == nil {
		return p
	}
	return nil
}

// end asks the process to stop, once, and kills it after its grace. It returns at
// once.
func (p *process) end(grace time.Duration) {
	p.stop.Do(func() {
		go p.child.Stop(context.Background(), grace) //nolint:errcheck // ended is ended
	})
}

// port is where the command of a Pod listens, if it runs.
func (ps *processes) port(pod types.UID) (int, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.of[pod]
	if p == nil || p.child.Err() != nil {
		return 0, false
	}
	return p.port, true
}

// forget ends at once what a Pod that is gone or over has left, and its folder.
func (ps *processes) forget(pod types.UID) {
	if ps.Exec == nil {
		return
	}
	ps.mu.Lock()
	p := ps.of[pod]
	delete(ps.of, pod)
	ps.mu.Unlock()
	go func() {
		if p != nil {
			p.child.Kill()
		}
		os.RemoveAll(filepath.Join(ps.Dir, string(pod))) //nolint:errcheck // the sandbox's own folder goes with the sandbox
	}()
}

// endAll stops all processes and returns when they have ended.
func (ps *processes) endAll(grace time.Duration) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var all sync.WaitGroup
	for _, p := range ps.of {
		all.Go(func() { p.child.Stop(context.Background(), grace) }) //nolint:errcheck // ended is ended
	}
	all.Wait()
}

// freePort is a loopback port that is free now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("a port for the command: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// connect connects to the command of a Pod.
func connect(ctx context.Context, port int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
