package sandbox

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

// Where things are in a sandbox, and with what they are reached. Addresses,
// tokens and keys are known from the state alone, so that they are the same
// whether or not the part runs.

// StateDir is the folder that holds everything.
func (s *Sandbox) StateDir() string { return s.dir }

// LogPath is the log file of a part.
func (s *Sandbox) LogPath(name string) string { return s.path("logs", name+".log") }

// Kubeconfig is the path of the cluster administrator's kubeconfig.
func (s *Sandbox) Kubeconfig() string { return s.path("kubeconfig") }

// RESTConfig is the cluster administrator's access, not limited in its rate.
func (s *Sandbox) RESTConfig() *rest.Config { return rest.CopyConfig(s.admin) }

// APIServerURL is where the Kubernetes API is.
func (s *Sandbox) APIServerURL() string { return "https://" + s.state.address(APIServer) }

// AWSEndpoint is the URL of the AWS endpoint, for every service.
func (s *Sandbox) AWSEndpoint() string { return "http://" + s.state.address(AWS) }

// Region is the AWS region of the nodes and of clients that name none.
func (s *Sandbox) Region() string { return s.state.Region }

// ClusterName is the cluster's name in EKS and in the tags of what belongs to it.
func (s *Sandbox) ClusterName() string { return clusterName }

// VPC is the ID of the VPC that the nodes are in.
func (s *Sandbox) VPC() string { return clusterNetwork(s.state.Region).VPC() }

// PodProxy is the address of the proxy to the Pods' addresses: see package podnet.
func (s *Sandbox) PodProxy() string { return s.state.address(Nodes) }

// Authority is the file of the certificate, in PEM, that has signed those of load
// balancers. It is there when the part aws is.
func (s *Sandbox) Authority() string { return AuthorityIn(s.dir) }

// AuthorityIn is Authority of the sandbox in dir.
func AuthorityIn(dir string) string { return inDir(dir, "aws-ca.crt") }

// DNS is the address of the server that answers from the hosted zones, over UDP and
// TCP.
func (s *Sandbox) DNS() string { return s.state.address(dnsPort) }

// AWSEnv is the environment that makes any AWS client use this sandbox.
func (s *Sandbox) AWSEnv() []string { return awsEnv(s.state) }

// GitURL is the URL of a repository on the Git server. It holds no credentials;
// see Token.
func (s *Sandbox) GitURL(repository string) string {
	return s.ForgeURL() + "/" + strings.TrimSuffix(strings.Trim(repository, "/"), ".git") + ".git"
}

// ForgeURL is where the Git server and its API are.
func (s *Sandbox) ForgeURL() string { return gitURL(s.state) }

// Token is the password of a user of the Git server: alice and bob write,
// drawbridge reads. It is empty for anybody else.
func (s *Sandbox) Token(user string) string { return s.state.Tokens[user] }

// WebhookSecret signs the webhooks that the Git server sends to the controller.
func (s *Sandbox) WebhookSecret() string { return s.state.WebhookSecret }

// APIURL is the URL of the controller's API.
func (s *Sandbox) APIURL() string { return apiURL(s.state) }

// APIToken opens the controller's API.
func (s *Sandbox) APIToken() string { return s.state.APIToken }

// Env is the environment in which every client uses this sandbox: kubectl, AWS
// clients, drawbridge. NAME=value, in a fixed order.
func (s *Sandbox) Env() []string { return env(s.dir, s.state) }

// ReadEnv is Env for the sandbox in dir, whichever process runs it, if any.
func ReadEnv(dir string) ([]string, error) {
	st, err := loadState(dir)
	if err != nil {
		return nil, noState(dir, err)
	}
	return env(dir, st), nil
}

func env(dir string, st *state) []string {
	out := append([]string{"KUBECONFIG=" + inDir(dir, "kubeconfig")}, awsEnv(st)...)
	out = append(out,
		"DRAWBRIDGE_API_URL="+apiURL(st),
		"DRAWBRIDGE_API_TOKEN="+st.APIToken,
		"DRAWBRIDGE_SANDBOX_STATE="+dir,
		"DRAWBRIDGE_SANDBOX_CA="+AuthorityIn(dir),
		"DRAWBRIDGE_SANDBOX_DNS="+st.address(dnsPort),
		"DRAWBRIDGE_GIT_URL="+gitURL(st),
	)
	for _, user := range slices.Sorted(maps.Keys(st.Tokens)) {
		out = append(out, "DRAWBRIDGE_GIT_TOKEN_"+strings.ToUpper(user)+"="+st.Tokens[user])
	}
	return append(out, "DRAWBRIDGE_WEBHOOK_SECRET="+st.WebhookSecret)
}

func awsEnv(st *state) []string {
	return []string{
		"AWS_ENDPOINT_URL=http://" + st.address(AWS),
		"AWS_ACCESS_KEY_ID=" + st.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + st.SecretAccessKey,
		"AWS_ACCOUNT_ID=" + aws.DefaultAccount,
		"AWS_REGION=" + st.Region,
		"AWS_DEFAULT_REGION=" + st.Region,
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

func gitURL(st *state) string { return "http://" + st.address(Forge) }
func apiURL(st *state) string { return "http://" + st.address(Controller) }
