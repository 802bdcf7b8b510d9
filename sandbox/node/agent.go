package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
)

// workers is how many Pods are written at the same time.
const workers = 8

// lastGrace is what commands have to stop when the nodes go down: less than the
// nodes have themselves.
const lastGrace = 2 * time.Second

// agent is the kubelet of all machines.
type agent struct {
	k            kubernetes.Interface
	log          *slog.Logger
	startLatency time.Duration
	begun        time.Time
	machines     map[string]*machineState
	network      *network
	processes    *processes
	watches
	queue workqueue.TypedRateLimitingInterface[cache.ObjectName]

	mu sync.Mutex
	// memories are those of the Pods that this agent has seen. A Pod's memory is
	// used by one worker at a time, as its key is.
	memories map[types.UID]memory
}

type machineState struct {
	Machine
	addresses *addresses
	events    record.EventRecorder
}

func newAgent(k kubernetes.Interface, o Options) *agent {
	a := &agent{
		k: k, log: o.Log, startLatency: o.StartLatency, begun: time.Now(),
		machines: map[string]*machineState{}, memories: map[types.UID]memory{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](20*time.Millisecond, 10*time.Second)),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.network = newNetwork(a)
	a.processes = &processes{Exec: o.Exec, changed: a.queue.Add, of: map[types.UID]*process{}}
	for _, m := range o.Machines {
		a.machines[m.Name] = &machineState{Machine: m, addresses: newAddresses(m.Pods)}
	}
	return a
}

// work takes care of Pods until ctx ends.
func (a *agent) work(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: a.k.CoreV1().Events("")})
	defer broadcaster.Shutdown()
	for _, m := range a.machines {
		m.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet", Host: m.Name})
	}
	stop := context.AfterFunc(ctx, a.queue.ShutDown)
	defer stop()
	defer a.processes.endAll(lastGrace)
	var g errgroup.Group
	for range workers {
		g.Go(func() error {
			for {
				key, down := a.queue.Get()
				if down {
					return nil
				}
				a.one(ctx, key)
				a.queue.Done(key)
			}
		})
	}
	return g.Wait()
}

// one takes one Pod one step further.
func (a *agent) one(ctx context.Context, key cache.ObjectName) {
	pod := a.pod(key)
	if pod == nil {
		return
	}
	m := a.ours(pod)
	if m == nil {
		return
	}
	l := &look{
		pod: pod, cluster: a.watches, now: time.Now(), behaviour: behaviourOf(pod, a.startLatency),
		memory: a.memoryOf(pod.UID), hostIP: m.Address.String(),
		address: func() (string, error) { return m.addresses.give(pod.UID) },
	}
	if l.command != "" && a.processes.Exec != nil {
		l.exec = &execution{processes: a.processes, pod: pod, environ: func(port int) ([]string, error) {
			return environ(ctx, a.k, pod, executed(pod), port)
		}}
	}
	l.take()
	if err := a.carryOut(ctx, m, l); err != nil {
		if ctx.Err() == nil {
			a.log.Warn("pod", "name", key, "error", err)
			a.queue.AddRateLimited(key)
		}
		return
	}
	a.queue.Forget(key)
	if l.again > 0 {
		a.queue.AddAfter(key, l.again)
	}
}

// carryOut writes what a look found. A Pod that changed or went away meanwhile
// is no error: its event brings it back here.
func (a *agent) carryOut(ctx context.Context, m *machineState, l *look) error {
	pods := a.k.CoreV1().Pods(l.pod.Namespace)
	for _, w := range l.warnings {
		m.events.Event(l.pod, corev1.EventTypeWarning, w.reason, w.message)
	}
	if l.changed() {
		update := &corev1.Pod{ObjectMeta: *l.pod.ObjectMeta.DeepCopy(), Spec: l.pod.Spec, Status: l.status}
		if _, err := pods.UpdateStatus(ctx, update, metav1.UpdateOptions{}); err != nil {
			if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
				return nil
			}
			return err
		}
	}
	if terminal(l.status.Phase) {
		m.addresses.free(l.pod.UID)
		a.processes.forget(l.pod.UID)
	}
	if !l.remove {
		return nil
	}
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(l.pod.UID))}
	err := pods.Delete(ctx, l.pod.Name, now)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func (a *agent) memoryOf(pod types.UID) memory {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.memories[pod] == nil {
		a.memories[pod] = memory{}
	}
	return a.memories[pod]
}

// forget drops what is known about a Pod that is gone.
func (a *agent) forget(pod *corev1.Pod) {
	a.mu.Lock()
	delete(a.memories, pod.UID)
	a.mu.Unlock()
	a.processes.forget(pod.UID)
	if m := a.ours(pod); m != nil {
		m.addresses.free(pod.UID)
	}
}

var errNotSynced = errors.New("the caches of Pods, Secrets, ConfigMaps and claims did not fill")
