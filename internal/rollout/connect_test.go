package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
)

// By their names alone they would come in the wrong order.
const reader = `
-- app/pod.yaml --
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: shop}
spec: {containers: [{name: c, image: i, envFrom: [{configMapRef: {name: settings}}]}]}
-- settings/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {a: "1"}
`

// readsSettings is the edge that the files of reader speak of.
var readsSettings = []v1alpha1.Dependency{{Component: "settings", Reasons: []v1alpha1.DependencyReason{
	{Reason: "Pod shop/app reads ConfigMap shop/settings", Source: "app/pod.yaml:1", Inferred: true},
}}}

func (w *world) waitsFor(name string, want []v1alpha1.Dependency) {
	w.t.Helper()
	if d := cmp.Diff(want, w.store.stored[name].Spec.DependsOn); d != "" {
		w.t.Errorf("%s waits for (-want +got):\n%s", name, d)
	}
}

func TestInferredEdgesOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.succeeded(w.commit(reader))
	if got := w.did(); got != "apply settings, ready settings, apply app, ready app" {
		t.Error(got)
	}
	w.waitsFor("app", readsSettings)

	// What is needed fails: what needs it is not begun.
	w.cluster.fail["settings"] = errors.New("refused")
	w.failed(w.commit(edit(edit(reader, `"1"`, `"2"`), "image: i", "image: j")), "settings: refused", "1 component not begun because of that")
	delete(w.cluster.fail, "settings")

	// They go the other way round.
	w.succeeded(w.commit(reader))
	w.succeeded(w.commit("-- other/x.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"))
	if got := w.did(); got != "apply other, ready other, prune app, prune settings" {
		t.Error(got)
	}
}

func TestInferredEdgesFollowTheFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.succeeded(w.commit(reader))
	// What an unchanged component needs goes elsewhere.
	w.succeeded(w.commit(edit(reader, "settings/config.yaml", "config/config.yaml")))
	moved := slices.Clone(readsSettings)
	moved[0].Component = "config"
	w.waitsFor("app", moved)
	if strings.Contains(w.did(), " app") {
		t.Errorf("did %s", w.did())
	}
	// It is no longer what is read.
	w.succeeded(w.commit(edit(reader, "name: settings, namespace: shop", "name: settings, namespace: other")))
	w.waitsFor("app", nil)
}

// The secret's name is literal on both sides; the input beside it is not known at first.
func TestInferredEdgesAcrossThePlanes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stacks.outputs["a"] = map[string]string{"Host": "h"}
	w.succeeded(w.commit(`
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - {path: app, inputs: {HOST: {from: a.Host}}}
-- a/template.yaml --
Resources: {T: {Type: AWS::SNS::Topic}}
Outputs: {Host: {Value: x}}
-- app/es.yaml --
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: "${HOST}"}
spec: {data: [{secretKey: x, remoteRef: {key: production-vault/db}}]}
-- vault/template.yaml --
Resources: {S: {Type: AWS::SecretsManager::Secret, Properties: {Name: !Sub "${AWS::StackName}/db"}}}
`))
	apply := slices.Index(w.cluster.log, "apply app")
	if apply < 0 || slices.Index(w.cluster.log, "deploy vault") > apply || slices.Index(w.cluster.log, "deploy a") > apply {
		t.Error(w.did())
	}
	if d := w.store.stored["app"].Spec.DependsOn; len(d) != 2 || d[1].Component != "vault" || !d[1].Reasons[0].Inferred {
		t.Errorf("app waits for %+v", d)
	}
}

func TestInferredCircle(t *testing.T) {
	t.Parallel()
	circle := edit(reader, "data: {a", "---\napiVersion: v1\nkind: Pod\nmetadata: {name: other, namespace: shop}\nspec: {serviceAccountName: app}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: third}\ndata: {a") +
		"-- app/account.yaml --\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app, namespace: shop}\n"
	w := newWorld(t)
	w.failed(w.commit(circle), "nothing was applied", "in a circle", "app needs settings (Pod shop/app reads ConfigMap shop/settings, app/pod.yaml:1)",
		"settings needs app (Pod shop/other runs as ServiceAccount shop/app, settings/config.yaml:5)", "independentOf: [app] of the component settings")
	if w.did() != "" || len(w.store.writes) > 0 {
		t.Errorf("did %q, wrote %q", w.did(), w.store.writes)
	}
	cut := func(of string) string {
		return "-- drawbridge.yaml --\napiVersion: drawbridge.dev/v1alpha1\ncomponents:\n  - {path: settings, independentOf: [" + of + "]}\n"
	}
	w.succeeded(w.commit(circle + cut("app")))
	w.waitsFor("app", readsSettings)
	w.waitsFor("settings", nil)

	w.restart()
	w.succeeded(w.commit(circle + cut("app")))
	w.waitsFor("settings", nil)
	w.failed(w.commit(circle+cut("ap")), `drawbridge.yaml:3: independentOf of the component settings names "ap"`, `did you mean "app"?`)
	w.failed(w.commit(reader+cut("app")), "drawbridge.yaml:3: independentOf: nothing in the files of the component settings needs app")
}

// After a restart a commit that changes nothing still costs nothing, and what was
// inferred stays.
func TestInferredEdgesOutliveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.succeeded(w.commit(reader))
	w.restart()
	reads := w.blobs.Reads()
	w.succeeded(w.commit(reader + "-- README.md --\nhello\n"))
	if n := w.blobs.Reads() - reads; n > 0 || len(w.store.writes) > 0 {
		t.Errorf("%d files were read, and written %q", n, w.store.writes)
	}
	w.waitsFor("app", readsSettings)
	// The first that changes something looks at all again.
	w.succeeded(w.commit(edit(reader, "image: i", "image: j")))
	w.waitsFor("app", readsSettings)
	if strings.Contains(w.did(), "settings") {
		t.Errorf("did %s", w.did())
	}
}

// What an app's stacks need and have is known once it was synthesized; a restarted
// controller goes by what is recorded, and does not synthesize it again.
func TestInferredEdgesOfAnApp(t *testing.T) {
	t.Parallel()
	w, apps, _ := cdkWorld(t)
	apps.edit = func(s *cdk.Stack) {
		s.Template = strings.Replace(s.Template, `"Name": {"Value": "x"}`, `"Name": {"Value": "x", "Export": {"Name": {"Fn::Sub": "${AWS::AccountId}-${AWS::StackName}"}}}`, 1)
	}
	files := func(name string) string {
		return twoStacks + "-- app/template.yaml --\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: " + name + ", TopicName: !ImportValue 123456789012-prod-network}}\n"
	}
	want := []v1alpha1.Dependency{{Component: "infra", Reasons: []v1alpha1.DependencyReason{
		{Reason: "T imports the export 123456789012-prod-network", Source: "app/template.yaml:2", Inferred: true},
	}}}
	w.succeeded(w.commit(files("one")))
	if got := w.did(); got != "deploy infra, deploy infra, deploy app" {
		t.Error(got)
	}
	w.waitsFor("app", want)
	w.restart()
	w.succeeded(w.commit(files("two")))
	if got := w.did(); got != "deploy app" || len(apps.requests) != 1 {
		t.Errorf("did %s, synthesized %d times", got, len(apps.requests))
	}
	w.waitsFor("app", want)
}

// thousand components, each with a Pod that reads a ConfigMap of the next one.
func thousand(changed string) string {
	var b strings.Builder
	const n = 1000
	for i := range n {
		value := "1"
		if i == n/2 {
			value = changed
		}
		fmt.Fprintf(&b, "-- c%d/all.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: %q}\n", i, i, value)
		if i+1 < n {
			fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\nspec: {volumes: [{name: v, configMap: {name: c%d}}]}\n", i, i+1)
		}
	}
	return b.String()
}

func TestOneOfAThousandIsRendered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.succeeded(w.commit(thousand("1")))
	if d := w.store.stored["c0"].Spec.DependsOn; len(d) != 1 || d[0].Component != "c1" {
		t.Errorf("c0 waits for %v", d)
	}
	reads := w.blobs.Reads()
	w.succeeded(w.commit(thousand("2")))
	if n := w.blobs.Reads() - reads; n != 2 { // found, and rendered
		t.Errorf("%d files were read for one component of a thousand; want 2", n)
	}
	if got := w.did(); got != "apply c500, ready c500" {
		t.Error(got)
	}
}

// What inferring costs when one of a thousand components changed, with the facts of
// the others known, and after a restart.
func BenchmarkConnect(b *testing.B) {
	for _, restarted := range []bool{false, true} {
		b.Run(fmt.Sprintf("restarted=%t", restarted), func(b *testing.B) {
			w := newWorld(b)
			w.succeeded(w.commit(thousand("1")))
			p, err := prepare(b.Context(), w.request(w.add(thousand("2"))), w.cluster)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if restarted {
					w.state.facts = nil
				}
				if err := p.connect(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
