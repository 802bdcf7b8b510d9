// Package install tests what docs/real-aws.md tells a user to do: that the
// manifests in config/ are accepted, that the rights in them are enough and not
// more than is said, and that the policies in config/aws name the calls that are
// made.
package install

import (
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.BePart()
	os.Exit(m.Run())
}

// shop is a repository with something on both planes.
var shop = map[string]string{
	"drawbridge.yaml": `
apiVersion: drawbridge.dev/v1alpha1
components:
  - {name: settings, path: settings}
  - name: web
    path: web
    inputs: {GREETING: {from: settings.Greeting}}
`,
	"settings/template.yaml": `
Resources:
  Greeting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: hello}
Outputs:
  Greeting: {Value: !GetAtt Greeting.Value}
`,
	"web/web.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: "${GREETING}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
`,
}

// TestInstall installs the product with its own manifests and takes commits
// through with the rights that they give.
func TestInstall(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.kubectl("apply", "--validate=strict", "-k", "config")
	c.kubectl("apply", "--validate=strict", "-k", "config/team")
	c.kubectl("wait", "--for=jsonpath={.rules[0]}", "--timeout=30s", "clusterrole/drawbridge-reader")
	c.kubectl("create", "secret", "generic", "drawbridge-api", "--namespace=drawbridge-system", "--from-literal=token=t")
	c.kubectl("create", "secret", "generic", "git", "--namespace=team", "--from-literal=username=drawbridge", "--from-literal=password="+c.Token("drawbridge"))
	c.kubectl("create", "secret", "generic", "webhook", "--namespace=team", "--from-literal=token=t")
	// Strict: a field that is misspelt would be refused.
	c.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "examples/environment.yaml")

	commit := c.push(shop)
	c.check(c.client.Create(c.ctx, environment(c)))
	log := c.serve()
	if change := c.ended(commit); change.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Fatalf("the Change %s: %s", change.Status.Phase, change.Status.Message)
	}
	var web corev1.ConfigMap
	c.check(c.client.Get(c.ctx, client.ObjectKey{Namespace: "team", Name: "web"}, &web))
	if web.Data["greeting"] != "hello" {
		t.Errorf("the output of the stack did not arrive: %v", web.Data)
	}
	// Drift is noticed, corrected and told.
	c.kubectl("delete", "--namespace=team", "configmap/web")
	c.kubectl("wait", "--for=create", "--namespace=team", "--timeout=30s", "configmap/web")
	c.told("DriftCorrected")
	if text := log.String(); strings.Contains(text, "forbidden") || strings.Contains(text, "level=ERROR") {
		t.Error("the rights are not enough, see the log")
	}

	// What the team may not do, its repository may not do either.
	commit = c.push(map[string]string{"web/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: more}\n"})
	c.sync("1")
	refused(t, c.ended(commit), "Namespace more", "system:serviceaccount:team:deployer", "forbidden")

	// Secrets are not looked at unless somebody allows it.
	commit = c.push(map[string]string{"web/namespace.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: more}\n"})
	c.sync("2")
	refused(t, c.ended(commit), "watching secrets", "list and watch")
}

// environment is the example, with the sandbox's addresses in it.
func environment(c *cluster) *v1alpha1.Environment {
	text, err := os.ReadFile("../../examples/environment.yaml")
	c.check(err)
	env := &v1alpha1.Environment{}
	c.check(yaml.UnmarshalStrict(text, env))
	env.Spec.Source.URL, env.Spec.AWS.Region = c.GitURL("shop"), c.Region()
	env.Spec.Rollout.Timeout = &metav1.Duration{Duration: 30 * time.Second}
	return env
}

func refused(t *testing.T, change *v1alpha1.Change, words ...string) {
	t.Helper()
	for _, w := range words {
		if change.Status.Phase != v1alpha1.PhaseFailed || !strings.Contains(change.Status.Message, w) {
			t.Errorf("the Change %s without saying %q: %s", change.Status.Phase, w, change.Status.Message)
		}
	}
}
