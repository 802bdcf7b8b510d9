package rollout

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

const (
	shop = `
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - name: db
    path: aws
  - name: web
    path: web
    inputs:
      HOST: {from: db.Endpoint}
-- aws/template.yaml --
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: one}
Outputs:
  Endpoint: {Value: !Ref Topic}
-- web/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {host: "${HOST}"}
-- other/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: shop}
`
	configMap = "/ConfigMap/shop/"
)

func newShop(t *testing.T) *world {
	w := newWorld(t)
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "db.example.com"}
	w.succeeded(w.commit(shop))
	return w
}

// A NoEcho parameter does not get into a status or a manifest by way of an output,
// whether the output names it or an attribute of a resource has it.
func TestOutputsShowNoSecret(t *testing.T) {
	t.Parallel()
	files := edit(shop, "Resources:\n  Topic", "Parameters:\n  Password: {Type: String, NoEcho: true, Default: hunter2hunter2}\nResources:\n  Topic")
	files = edit(files, "  Endpoint: {Value: !Ref Topic}\n", "  Endpoint: {Value: !Ref Topic}\n  Url: {Value: !Sub 'db://${Password}'}\n  Name: {Value: !GetAtt Topic.TopicName}\n")
	w := newWorld(t)
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "db.example.com", "Url": "db://hunter2hunter2", "Name": "topic-hunter2hunter2"}
	w.succeeded(w.commit(files))
	if diff := cmp.Diff(map[string]string{"Endpoint": "db.example.com"}, w.store.stored["db"].Status.Outputs); diff != "" {
		t.Error(diff)
	}
	w.failed(w.commit(edit(files, "db.Endpoint", "db.Url")), `no output "Url"`, "NoEcho")
}

func edit(files, before, after string) string {
	if !strings.Contains(files, before) {
		panic("no " + before)
	}
	return strings.Replace(files, before, after, 1)
}

func TestStackGoesBeforeWhatNeedsItsOutputs(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	deployed, applied := slices.Index(w.cluster.log, "deploy db"), slices.Index(w.cluster.log, "apply web")
	if deployed < 0 || applied < deployed {
		t.Errorf("order: %s", w.did())
	}
	host, _, _ := nested(w, configMap+"web")
	if host != "db.example.com" {
		t.Errorf("web got host %q", host)
	}
	claimed := w.cluster.before["web"]
	if d := cmp.Diff([]string{configMap + "web"}, claimed.Spec.Owns); d != "" || claimed.Spec.InputDigest == "" || claimed.Status.InputDigest != "" {
		t.Errorf("what was written before the first apply: %+v", claimed)
	}
	if d := cmp.Diff([]v1alpha1.Dependency{{Component: "db", Reasons: []v1alpha1.DependencyReason{{Reason: "input HOST", Source: "drawbridge.yaml:8"}}}}, claimed.Spec.DependsOn); d != "" {
		t.Error(d)
	}
}

func nested(w *world, id string) (string, bool, error) {
	o, ok := w.cluster.objects[id]
	if !ok {
		return "", false, errors.New("no " + id)
	}
	data, _ := o.Object.Object["data"].(map[string]any)
	host, ok := data["host"].(string)
	return host, ok, nil
}

func TestUnchangedCostsNothing(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	for _, name := range []string{"same process", "after a restart"} {
		reads := w.blobs.Reads()
		o := w.commit(shop + "-- README.md --\nhello\n")
		w.succeeded(o)
		if w.did() != "" || len(w.store.writes) > 0 || len(o.Steps) > 0 || o.Unchanged != 3 {
			t.Errorf("%s: did %q, wrote %q, steps %v, %d unchanged", name, w.did(), w.store.writes, o.Steps, o.Unchanged)
		}
		if n := w.blobs.Reads() - reads; n > 1 { // drawbridge.yaml
			t.Errorf("%s: %d files were read", name, n)
		}
		w.restart()
	}
}

// A commit can change what a component waits for and nothing else.
func TestOrderAloneIsRecorded(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.succeeded(w.commit(edit(shop, "    path: web\n", "    path: web\n    dependsOn: [other]\n")))
	if w.did() != "" {
		t.Errorf("did %s", w.did())
	}
	c := w.store.stored["web"]
	if len(c.Spec.DependsOn) != 2 || c.Status.ObservedGeneration != c.Generation {
		t.Errorf("waits for %v, generation %d, observed %d", c.Spec.DependsOn, c.Generation, c.Status.ObservedGeneration)
	}
}

func TestOneChangedIsOneRolledOut(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	o := w.commit(edit(shop, "name: other,", "name: other, labels: {a: b},"))
	w.succeeded(o)
	if d := cmp.Diff("update other Succeeded", phases(o)); d != "" || w.did() != "apply other, ready other" {
		t.Errorf("%s; did %s", d, w.did())
	}
	if d := cmp.Diff([]string{"spec other", "status other"}, w.store.writes); d != "" {
		t.Error(d)
	}
}

func TestDependentIsLeftAloneWhenItsInputsStay(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	o := w.commit(edit(shop, "DisplayName: one", "DisplayName: two"))
	w.succeeded(o)
	if d := cmp.Diff("update db Succeeded", phases(o)); d != "" || w.did() != "deploy db" || o.Unchanged != 2 {
		t.Errorf("%s; did %s, %d unchanged", d, w.did(), o.Unchanged)
	}
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "standby.example.com"}
	w.succeeded(w.commit(edit(shop, "DisplayName: one", "DisplayName: three")))
	if host, _, _ := nested(w, configMap+"web"); host != "standby.example.com" {
		t.Errorf("web has host %q; did %s", host, w.did())
	}
}

func TestFailureStopsDependentsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stacks.fail["db"] = errors.New("Topic (AWS::SNS::Topic): quota exceeded")
	o := w.commit(shop)
	w.failed(o, "db: ", "quota exceeded", "1 component not begun")
	if d := cmp.Diff("create db Failed, create other Succeeded, create web Skipped", phases(o)); d != "" {
		t.Error(d)
	}
	if c := w.store.stored["db"]; c.Status.InputDigest != "" || c.Status.Conditions[0].Status != "False" || !strings.Contains(c.Status.Conditions[0].Message, "quota") {
		t.Errorf("recorded: %+v", c.Status)
	}
	// The next commit takes up what failed, and only that.
	delete(w.stacks.fail, "db")
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "db.example.com"}
	w.succeeded(w.commit(shop))
	if d := cmp.Diff("deploy db, apply web, ready web", w.did()); d != "" {
		t.Error(d)
	}
}

func TestBadInputAppliesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files string
		says  []string
	}{
		"YAML that does not parse":      {edit(shop, `"${HOST}"}`, `"${HOST}"`), []string{"web/config.yaml:"}},
		"an input that names no output": {edit(shop, "db.Endpoint", "db.Endpiont"), []string{"drawbridge.yaml:", `no output "Endpiont"`, "Endpoint"}},
		"an output of manifests":        {edit(shop, "db.Endpoint", "other.X"), []string{"drawbridge.yaml:", "of kind kubernetes"}},
		"a parameter that is not there": {edit(shop, "    path: aws\n", "    path: aws\n    parameters: {Size: \"2\"}\n"), []string{"drawbridge.yaml:", `no parameter "Size"`}},
		"an unknown name in a manifest": {edit(shop, "${HOST}", "${HOTS}"), []string{"web/config.yaml:4", "HOTS"}},
		"an unresolved reference":       {edit(shop, "!Ref Topic", "!Ref Topik"), []string{"aws/template.yaml:", "Topik"}},
		"one object in two components":  {edit(shop, "name: other,", "name: web,"), []string{"web/config.yaml:1", "ConfigMap shop/web", "keep one"}},
		"a circle":                      {edit(shop, "    path: aws\n", "    path: aws\n    dependsOn: [web]\n"), []string{"drawbridge.yaml:", "circle"}},
		"a kind that is not served":     {edit(shop, "kind: ConfigMap\nmetadata: {name: other", "kind: Widget\nmetadata: {name: other"), []string{"other/config.yaml:1", "Widget"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			w.cluster.notYet = map[string]bool{"Widget": true}
			o := w.commit(edit(tt.files, "DisplayName: one", "DisplayName: two"))
			w.failed(o, append(tt.says, "nothing was applied")...)
			if w.did() != "" || len(w.store.writes) > 0 {
				t.Errorf("did %q, wrote %q", w.did(), w.store.writes)
			}
			w.succeeded(w.commit(shop)) // the next good commit goes through
		})
	}
}

func TestRemovedComponentsAreTakenDown(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	const rest = `
-- other/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: shop}
`
	o := w.commit(rest)
	w.succeeded(o)
	if d := cmp.Diff("prune web, delete stack production-db of db", w.did()); d != "" {
		t.Errorf("dependents first: %s", d)
	}
	if len(w.store.stored) != 1 || w.cluster.objects[configMap+"web"].Object != nil {
		t.Errorf("left: %v %v", w.store.stored, w.cluster.objects)
	}
	w.failed(w.commit("-- README.md --\nempty\n"), "no component at all", "looks like a mistake")
	if w.cluster.objects[configMap+"other"].Object == nil {
		t.Error("an empty commit deleted something")
	}
}

func TestMovedObjectIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	moved := edit(shop, "name: other,", "name: rest,") + "-- third/config.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n"
	w.succeeded(w.commit(moved))
	if owner := w.cluster.owners[configMap+"other"]; owner.Component != "third" {
		t.Errorf("it belongs to %q now", owner.Component)
	}
	if slices.Contains(w.cluster.pruned["other"], configMap+"other") {
		t.Error("the component that gave it up deleted it")
	}
}

func TestPruneNarrowsWhatIsOwned(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	w.succeeded(w.commit(edit(shop, "name: other,", "name: rest,")))
	if d := cmp.Diff([]string{configMap + "other", configMap + "rest"}, w.cluster.before["other"].Spec.Owns); d != "" {
		t.Errorf("the union is written before the first apply: %s", d)
	}
	if d := cmp.Diff([]string{configMap + "rest"}, w.store.stored["other"].Spec.Owns); d != "" {
		t.Error(d)
	}
}

func TestSupersededLeavesWhatItHadNotFinished(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	began := make(chan struct{})
	w.cluster.hang["other"] = began
	newer := errors.New("superseded")
	go func() {
		<-began
		cancel(newer)
	}()
	o := w.run(ctx, w.add(edit(shop, "name: other,", "name: other, labels: {a: b},")))
	if o.Phase == v1alpha1.PhaseSucceeded {
		t.Fatal("it can't have succeeded")
	}
	c := w.store.stored["other"]
	if c.Spec.InputDigest == c.Status.InputDigest {
		t.Error("what was half done is taken for done")
	}
	// Back to the first commit: it was applied over, so it is applied again.
	w.cluster.hang = nil
	w.succeeded(w.commit(shop))
	if d := cmp.Diff("apply other, ready other", w.did()); d != "" {
		t.Error(d)
	}
}

func TestNotHealthyInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.timeout = 50 * time.Millisecond
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "x"}
	w.cluster.hang["other"] = make(chan struct{})
	o := w.commit(shop)
	w.failed(o, "other: not healthy in time (50ms", "0 of 1 replicas are ready")
	if c := w.store.stored["other"]; len(c.Status.Conditions) == 0 || c.Status.Conditions[0].Status != "False" {
		t.Errorf("recorded: %+v", c.Status)
	}
}

func TestCorrectAppliesOneObject(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	delete(w.cluster.objects, configMap+"web")
	w.cluster.log, w.store.writes = nil, nil
	r := Request{Environment: w.env, Repository: w, Components: &w.cache, State: w.state, Cluster: w.cluster, Stacks: w.stacks}
	changes, err := Correct(t.Context(), r, "web", []string{configMap + "web"})
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if host, _, _ := nested(w, configMap+"web"); host != "db.example.com" {
		t.Errorf("host %q", host)
	}
	if w.did() != "apply web" || len(w.store.writes) > 0 {
		t.Errorf("did %q, wrote %q", w.did(), w.store.writes)
	}
}

// A correction does not wait behind a rollout that waits itself.
func TestCorrectDoesNotWaitForARollout(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	r := Request{Environment: w.env, Repository: w, Components: &w.cache, State: w.state, Cluster: w.cluster, Stacks: w.stacks}
	synctest.Test(t, func(t *testing.T) {
		letGo, err := w.state.hold(t.Context(), "web")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(30*time.Minute, letGo)
		begun := time.Now()
		if _, err := Correct(t.Context(), r, "web", []string{configMap + "web"}); !errors.Is(err, ErrBusy) || time.Since(begun) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

func TestACommitWithoutComponentsSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.commit("-- README.md --\nA shop.\n")
	w.succeeded(o)
	if !strings.Contains(o.Message, `no component below "/"`) {
		t.Error(o.Message)
	}
}
