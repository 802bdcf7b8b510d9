package sandbox

import (
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/drawbridge-gitops/drawbridge/sandbox/pki"
)

// nodesGroup is the group of the simulated nodes' agent. It is no kubelet: one
// program stands for all nodes and watches all Pods, which the Node authorizer
// grants to nobody.
const nodesGroup = "drawbridge-sandbox:nodes"

// identities are the users that the control plane's clients are. The names of
// the controller manager and the scheduler are those that Kubernetes' built-in
// roles are bound to.
var identities = map[string]struct {
	user   string
	groups []string
}{
	"admin":           {"sandbox-admin", []string{"system:masters"}},
	ControllerManager: {"system:kube-controller-manager", nil},
	Scheduler:         {"system:kube-scheduler", nil},
	Nodes:             {"drawbridge-sandbox:nodes", []string{nodesGroup}},
}

// openKeys makes everything that the parts prove themselves with: servers' and
// clients' certificates in pki/, kubeconfigs in kubeconfigs/, and the
// administrator's kubeconfig at the top.
func (s *Sandbox) openKeys() error {
	dir := s.path("pki")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	authority, err := pki.Open(dir, "drawbridge-sandbox")
	if err != nil {
		return err
	}
	s.authority = authority
	if err := pki.SigningKey(dir, "service-account"); err != nil {
		return err
	}
	for _, name := range []string{Etcd, APIServer, ControllerManager, Scheduler} {
		pair, err := authority.Server(name, "127.0.0.1", "localhost",
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", firstServiceIP)
		if err != nil {
			return err
		}
		if err := pair.Write(dir, name); err != nil {
			return err
		}
	}
	etcdClient, err := authority.Client(APIServer)
	if err != nil {
		return err
	}
	if err := etcdClient.Write(dir, "etcd-client"); err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("kubeconfigs"), 0o700); err != nil {
		return err
	}
	for name, id := range identities {
		pair, err := authority.Client(id.user, id.groups...)
		if err != nil {
			return err
		}
		path := s.kubeconfig(name)
		if name == "admin" {
			path = s.Kubeconfig()
			s.admin = &rest.Config{
				Host: s.APIServerURL(),
				TLSClientConfig: rest.TLSClientConfig{
					CAData: authority.Certificate(), CertData: pair.Certificate, KeyData: pair.Key,
				},
				// A loopback API server needs no protection from its own supervisor.
				QPS: -1,
			}
		}
		if err := writeKubeconfig(path, s.APIServerURL(), id.user, authority.Certificate(), pair); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sandbox) kubeconfig(identity string) string {
	return s.path("kubeconfigs", identity)
}

func writeKubeconfig(path, server, user string, authority []byte, pair pki.Pair) error {
	const name = "drawbridge-sandbox"
	return clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{name: {Server: server, CertificateAuthorityData: authority}},
		AuthInfos:      map[string]*api.AuthInfo{user: {ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}},
		Contexts:       map[string]*api.Context{name: {Cluster: name, AuthInfo: user, Namespace: "default"}},
		CurrentContext: name,
	}, path)
}

func (s *Sandbox) path(elem ...string) string { return inDir(s.dir, elem...) }
