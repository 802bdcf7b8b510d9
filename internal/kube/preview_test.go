package kube

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

func (w *world) preview(text string, o ApplyOptions) ([]diff.Change, error) {
	o.DefaultNamespace = w.namespace
	return w.Preview(w.ctx, w.owner, objects(w.T, text), PreviewOptions{ApplyOptions: o})
}

// versions of what is in the namespace, to see that nothing was written.
func (w *world) versions() (v []string) {
	w.Helper()
	list, err := w.client.AppsV1().Deployments(w.namespace).List(w.ctx, metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	maps, err := w.client.CoreV1().ConfigMaps(w.namespace).List(w.ctx, metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	for _, d := range list.Items {
		v = append(v, fmt.Sprint(d.Name, d.Generation))
	}
	for _, m := range maps.Items {
		if m.Name != "kube-root-ca.crt" {
			v = append(v, m.Name+m.ResourceVersion)
		}
	}
	return v
}

func TestPreview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	changes, err := w.preview(fmt.Sprintf(web, "red", 1, "1"), ApplyOptions{})
	if d := cmp.Diff([]string{"create ConfigMap settings", "create apps/Deployment web"}, actions(changes)); d != "" || err != nil {
		t.Error(err, d)
	}
	if v := w.versions(); len(v) > 0 {
		t.Errorf("a preview made %v", v)
	}
	a := w.apply(fmt.Sprintf(web, "red", 1, "1"))
	before := w.versions()
	changes, err = w.preview(fmt.Sprintf(web, "red", 2, "1"), ApplyOptions{})
	if d := cmp.Diff([]string{"no-op ConfigMap settings", "update apps/Deployment web"}, actions(changes)); d != "" || err != nil {
		t.Fatal(err, d)
	}
	if d := cmp.Diff([]diff.Field{{Path: "spec.replicas", Before: 1.0, After: 2.0}}, changes[1].Fields); d != "" {
		t.Error(d)
	}
	if changes[1].Source != "app.yaml:11" {
		t.Errorf("source is %q", changes[1].Source)
	}
	// A field that is no longer wanted goes away, as only the server can tell.
	changes, err = w.preview("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: L}\n", ApplyOptions{})
	if d := cmp.Diff([]diff.Field{{Path: "data.color", Before: "red"}, {Path: "data.size", After: "L"}}, changes[0].Fields); d != "" || err != nil {
		t.Error(err, d)
	}
	if d := cmp.Diff(before, w.versions()); d != "" {
		t.Error("a preview wrote", d)
	}
	changes, err = w.PreviewPrune(w.ctx, w.owner, append(ids(a), "gone.example.test/Kind/x/y"))
	if d := cmp.Diff([]string{"delete ConfigMap settings", "delete apps/Deployment web"}, actions(changes)); d != "" || err != nil {
		t.Error(err, d)
	}
	if d := cmp.Diff(before, w.versions()); d != "" {
		t.Error("a preview deleted", d)
	}
	other := Owner{Environment: w.owner.Environment, Component: "other"}
	if changes, err = w.PreviewPrune(w.ctx, other, ids(a)); len(changes) > 0 || err != nil {
		t.Error("somebody else's are pruned", changes, err)
	}
}

func TestPreviewOfWhatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const app = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: "registry.invalid/web:%s"
          env: [{name: HOST, value: "%s"}, {name: NEW, value: "x"}]
`
	open := fmt.Sprintf(app, render.Placeholder, "1", "http://"+render.Placeholder+"/")
	changes, err := w.preview(open, ApplyOptions{})
	if err != nil || changes[0].Action != diff.Create {
		t.Errorf("%+v, %v", changes, err)
	}
	w.apply(fmt.Sprintf(app, "3", "1", "http://a/"))
	unknown := []diff.Field{
		{Path: "spec.replicas", Before: 3.0, After: diff.Later, Unknown: true},
		{Path: "spec.template.spec.containers[web].env[HOST].value", Before: "http://a/", After: "http://" + diff.Later + "/", Unknown: true},
	}
	changes, err = w.preview(open, ApplyOptions{})
	if err != nil || changes[0].Action != diff.Unknown {
		t.Errorf("%+v, %v", changes, err)
	}
	if d := cmp.Diff(unknown, changes[0].Fields); d != "" {
		t.Error(d)
	}
	changes, err = w.preview(fmt.Sprintf(app, render.Placeholder, "2", "http://"+render.Placeholder+"/"), ApplyOptions{})
	if err != nil || changes[0].Action != diff.Update {
		t.Errorf("%+v, %v", changes, err)
	}
	want := append(unknown, diff.Field{Path: "spec.template.spec.containers[web].image", Before: "registry.invalid/web:1", After: "registry.invalid/web:2"})
	if d := cmp.Diff(want, changes[0].Fields); d != "" {
		t.Error(d)
	}
	changes, err = w.preview("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x-"+render.Placeholder+"}\n", ApplyOptions{})
	if err != nil || changes[0].Action != diff.Unknown || changes[0].Reason == "" {
		t.Errorf("%+v, %v", changes, err)
	}
}

func TestPreviewSaysWhatWouldBeRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(fmt.Sprintf(web, "red", 1, "1"))
	text := fmt.Sprintf(web, "blue", 1, "1")
	changes, err := w.preview(strings.ReplaceAll(text, "app: web", "app: other"), ApplyOptions{})
	var refused *ApplyError
	if !errors.As(err, &refused) || refused.Advice == "" || !strings.Contains(err.Error(), "app.yaml:11: apps/Deployment") {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"update ConfigMap settings", "unknown apps/Deployment web"}, actions(changes)); d != "" {
		t.Error(d)
	}
	for name, bad := range map[string]string{
		"a field that there is not": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: new}\nspec: {replica: 2, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n",
		"a field that is missing":   "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: new}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: []}}}\n",
	} {
		if _, err := w.preview(bad, ApplyOptions{}); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What only has to wait for something else is no error.
	changes, err = w.preview("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: not-there-yet}\n", ApplyOptions{})
	if err != nil || changes[0].Action != diff.Create {
		t.Errorf("%+v, %v", changes, err)
	}
	own := w.owner
	w.owner.Component = "other"
	var owned *OwnedError
	if _, err = w.preview(text, ApplyOptions{}); !errors.As(err, &owned) || owned.Owner != own {
		t.Error(err)
	}
	if changes, err = w.preview(text, ApplyOptions{TakeFrom: func(Owner, string) bool { return true }}); err != nil || changes[0].Action != diff.Update {
		t.Errorf("%+v, %v", changes, err)
	}
}

// Whoever may only read still sees what differs.
func TestPreviewWithoutTheRightToPatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(fmt.Sprintf(web, "red", 1, "1"))
	changes, err := w.preview(fmt.Sprintf(web, "red", 2, "2"), ApplyOptions{ServiceAccount: w.namespace + ":default"})
	if d := cmp.Diff([]string{"no-op ConfigMap settings", "update apps/Deployment web"}, actions(changes)); d != "" || err != nil {
		t.Fatal(err, d)
	}
	if changes[1].Reason != notAsked {
		t.Errorf("reason is %q", changes[1].Reason)
	}
	want := []diff.Field{{Path: "spec.replicas", Before: 1.0, After: 2.0},
		{Path: "spec.template.spec.containers[web].image", Before: "registry.invalid/web:1", After: "registry.invalid/web:2"}}
	if d := cmp.Diff(want, changes[1].Fields); d != "" {
		t.Error(d)
	}
}

func TestPreviewShowsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const hidden = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: %s}\n"
	w.apply(fmt.Sprintf(hidden, "swordfish"))
	changes, err := w.preview(fmt.Sprintf(hidden, "marlin"), ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]diff.Field{{Path: "data.password", Sensitive: true}}, changes[0].Fields); d != "" {
		t.Error(d)
	}
}

func TestPreviewOfALiveObjectThatNobodyManages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.client.CoreV1().ConfigMaps(w.namespace).Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"color": "red"}}, metav1.CreateOptions{FieldManager: "helm"})
	if err != nil {
		t.Fatal(err)
	}
	changes, err := w.preview("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: blue}\n", ApplyOptions{})
	if err != nil || changes[0].Action != diff.Update || !strings.Contains(changes[0].Reason, "helm") {
		t.Errorf("%+v, %v", changes, err)
	}
}
