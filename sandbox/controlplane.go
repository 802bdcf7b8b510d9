package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

const (
	serviceRange   = "10.100.0.0/16"
	firstServiceIP = "10.100.0.1"
	clusterName    = "drawbridge-sandbox"
	issuer         = "https://kubernetes.default.svc"
)

// specs says how to run each part of this sandbox.
func (s *Sandbox) specs() (map[string]spec, error) {
	programs, err := controlPlaneDir(s.options.ControlPlane)
	if err != nil {
		return nil, err
	}
	all := map[string]spec{
		Etcd:              s.upstream(programs, Etcd, "etcd", s.etcdFlags(), "/readyz"),
		APIServer:         s.upstream(programs, APIServer, "kube-apiserver", s.apiServerFlags(), "/readyz"),
		ControllerManager: s.upstream(programs, ControllerManager, "kube-controller-manager", s.controllerManagerFlags(), "/healthz"),
		Scheduler:         s.upstream(programs, Scheduler, "kube-scheduler", s.schedulerFlags(), "/healthz"),
	}
	s.addOwn(all)
	if s.options.runs(Controller) {
		if all[Controller], err = s.controller(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// upstream is a program of the control plane.
func (s *Sandbox) upstream(dir, name, program string, flags []string, health string) spec {
	sp := spec{name: name, address: "https://" + s.state.address(name), log: s.LogPath(name)}
	sp.launch = func() (*part.Child, awaitReady, error) {
		client, err := s.tlsClient()
		if err != nil {
			return nil, nil, err
		}
		child, err := part.Start(part.Command{
			Name: name, Path: inDir(dir, program), Args: append([]string{program}, flags...),
			Env: plainEnv(), Dir: s.dir, Log: sp.log,
		})
		return child, func(ctx context.Context) error {
			defer client.CloseIdleConnections()
			return awaitHealthy(ctx, client, sp.address+health)
		}, err
	}
	return sp
}

// plainEnv is the environment without what would turn a program away from this
// machine: proxies, other clusters, other accounts.
func plainEnv(more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for _, name := range []string{"LANG", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, more...)
}

// tlsClient is etcd's client and the control plane's administrator.
func (s *Sandbox) tlsClient() (*http.Client, error) {
	pair, err := tls.X509KeyPair(s.admin.CertData, s.admin.KeyData)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.authority.Certificate())
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}, nil
}

// serving are the flags by which Kubernetes' programs serve TLS on loopback.
func (s *Sandbox) serving(name string) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + s.port(name),
		"--tls-cert-file=" + s.path("pki", name+".crt"),
		"--tls-private-key-file=" + s.path("pki", name+".key"),
	}
}

func (s *Sandbox) port(name string) string { return s.state.address(name)[len("127.0.0.1:"):] }

// etcdFlags: TLS with client certificates, since the store holds every Secret
// and a loopback port is open to every user of the machine.
func (s *Sandbox) etcdFlags() []string {
	url, peer := "https://"+s.state.address(Etcd), "https://"+s.state.address(peerPort)
	ca, cert, key := s.path("pki", "ca.crt"), s.path("pki", "etcd.crt"), s.path("pki", "etcd.key")
	return []string{
		"--name=sandbox",
		"--data-dir=" + s.path("etcd"),
		"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=sandbox=" + peer,
		"--client-cert-auth", "--trusted-ca-file=" + ca, "--cert-file=" + cert, "--key-file=" + key,
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + ca, "--peer-cert-file=" + cert, "--peer-key-file=" + key,
		"--unsafe-no-fsync",
		// A member that is alone need not wait long for others before it leads.
		"--heartbeat-interval=10", "--election-timeout=100",
		"--log-level=warn",
	}
}

func (s *Sandbox) apiServerFlags() []string {
	return append(s.serving(APIServer),
		"--advertise-address=127.0.0.1",
		// Endpoints may not be loopback addresses, so that the API server could
		// not publish its own; nothing in the sandbox reaches it by its Service.
		"--endpoint-reconciler-type=none",
		"--etcd-servers=https://"+s.state.address(Etcd),
		"--etcd-cafile="+s.path("pki", "ca.crt"),
		"--etcd-certfile="+s.path("pki", "etcd-client.crt"),
		"--etcd-keyfile="+s.path("pki", "etcd-client.key"),
		"--client-ca-file="+s.path("pki", "ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--service-cluster-ip-range="+serviceRange,
		"--service-account-issuer="+issuer,
		"--service-account-key-file="+s.path("pki", "service-account.pub"),
		"--service-account-signing-key-file="+s.path("pki", "service-account.key"),
		"--allow-privileged=true",
		"--profiling=false",
	)
}

// clientFlags are those of a control plane program that is the only one of its
// kind, so that it needs no election, and that may ask as fast as it can.
func (s *Sandbox) clientFlags(name string) []string {
	kubeconfig := s.kubeconfig(name)
	return append(s.serving(name),
		"--kubeconfig="+kubeconfig,
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--profiling=false",
	)
}

func (s *Sandbox) controllerManagerFlags() []string {
	return append(s.clientFlags(ControllerManager),
		"--service-account-private-key-file="+s.path("pki", "service-account.key"),
		"--root-ca-file="+s.path("pki", "ca.crt"),
		"--cluster-signing-cert-file="+s.path("pki", "ca.crt"),
		"--cluster-signing-key-file="+s.path("pki", "ca.key"),
		"--use-service-account-credentials=true",
		"--cluster-name="+clusterName,
	)
}

func (s *Sandbox) schedulerFlags() []string { return s.clientFlags(Scheduler) }
