package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// network is what listens at the Pods' addresses. Connections to simulated
// containers never leave the process: one server answers for all of them.
type network struct {
	agent *agent
	conns chan net.Conn
	ended chan struct{}
	end   sync.Once
}

func newNetwork(a *agent) *network {
	return &network{agent: a, conns: make(chan net.Conn), ended: make(chan struct{})}
}

// serve answers for simulated containers until ctx ends.
func (n *network) serve(ctx context.Context) error {
	s := &http.Server{
		Handler: http.HandlerFunc(n.answer),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, endKey{}, c.(*end))
		},
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(n); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// Accept, Close and Addr make the network the listener of its server.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.ended:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (n *network) Close() error {
	n.end.Do(func() { close(n.ended) })
	return nil
}

// Addr is of no place.
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

// end is the Pod's end of a connection.
type end struct {
	net.Conn
	pod       cache.ObjectName
	uid       types.UID
	container corev1.Container
}

type endKey struct{}

// dial connects to a Pod. A container listens at the ports that it declares; a Pod
// that declares none listens at all of them, since a port need not be declared.
func (n *network) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	pods, err := n.agent.pods.GetIndexer().ByIndex(byAddress, to.Addr().String())
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("no Pod has the address %s: %w", to.Addr(), syscall.EHOSTUNREACH)
	}
	for _, o := range pods {
		pod := o.(*corev1.Pod)
		container, ok := listening(pod, to.Port())
		if !ok {
			continue
		}
		if port, ok := n.agent.processes.port(pod.UID); ok && container.Name == executed(pod).Name {
			return connect(ctx, port)
		}
		near, far := net.Pipe()
		select {
		case n.conns <- &end{Conn: far, pod: cache.MetaObjectToName(pod), uid: pod.UID, container: container}:
			return near, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-n.ended:
			return nil, fmt.Errorf("the nodes are going down: %w", syscall.ECONNREFUSED)
		}
	}
	return nil, fmt.Errorf("%s/%s does not listen on %d: %w", pods[0].(*corev1.Pod).Namespace, pods[0].(*corev1.Pod).Name, to.Port(), syscall.ECONNREFUSED)
}

// listening is the running container of a Pod that listens on a port.
func listening(pod *corev1.Pod, port uint16) (corev1.Container, bool) {
	declared := false
	all := containersOf(pod)
	for _, c := range all {
		for _, p := range c.Ports {
			declared = true
			if p.ContainerPort == int32(port) && (p.Protocol == corev1.ProtocolTCP || p.Protocol == "") {
				return c, runs(pod, c)
			}
		}
	}
	return all[0], !declared && runs(pod, all[0])
}

// containersOf are all containers of a Pod, first those of the Pod itself.
func containersOf(pod *corev1.Pod) []corev1.Container {
	return slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers)
}

func runs(pod *corev1.Pod, c corev1.Container) bool {
	for _, cs := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if cs.Name == c.Name {
			return cs.State.Running != nil
		}
	}
	return false
}

// Answer is what a simulated container says to any request, in JSON to those that
// accept it.
type Answer struct {
	Pod       string `json:"pod"`
	Namespace string `json:"namespace"`
	Container string `json:"container"`
	Image     string `json:"image"`
	Node      string `json:"node"`
	Zone      string `json:"zone"`
	Address   string `json:"address"`
	// Ready is whether all containers of the Pod are; the status is 503 when not.
	Ready bool `json:"ready"`
	// Method, Host, Path and Forwarded are of the request: its headers X-Forwarded-….
	Method    string            `json:"method"`
	Host      string            `json:"host"`
	Path      string            `json:"path"`
	Forwarded map[string]string `json:"forwarded,omitempty"`
}

func (n *network) answer(w http.ResponseWriter, r *http.Request) {
	at := r.Context().Value(endKey{}).(*end)
	pod := n.agent.pod(at.pod)
	if pod == nil || pod.UID != at.uid || !runs(pod, at.container) {
		panic(http.ErrAbortHandler) // it ended, and its connections with it
	}
	m := n.agent.ours(pod)
	a := Answer{
		Pod: pod.Name, Namespace: pod.Namespace, Container: at.container.Name, Image: at.container.Image,
		Node: m.Name, Zone: m.Zone, Address: pod.Status.PodIP, Ready: conditionTrue(pod.Status, corev1.ContainersReady),
		Method: r.Method, Host: r.Host, Path: r.URL.RequestURI(), Forwarded: map[string]string{},
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			a.Forwarded[name] = r.Header.Get(name)
		}
	}
	status := http.StatusOK
	if !a.Ready {
		status = http.StatusServiceUnavailable
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(a) //nolint:errcheck // the client is gone
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	not := ""
	if !a.Ready {
		not = "not "
	}
	fmt.Fprintf(w, "pod        %s/%s (%sready)\nimage      %s\nnode       %s in %s, address %s\nrequest    %s %s of %s\n", //nolint:errcheck // the client is gone
		a.Namespace, a.Pod, not, a.Image, a.Node, a.Zone, a.Address, a.Method, a.Path, a.Host)
}
