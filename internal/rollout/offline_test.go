package rollout

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
)

// planFiles plans a commit against the files of another one, with nothing deployed.
func (w *world) planFiles(before, after string) *plan.Plan {
	w.t.Helper()
	r := w.planRequest(w.add(after))
	var base git.Commit
	if before != "" {
		base = w.add(before)
	}
	r.Cluster, r.Stacks = nil, nil
	r, err := FromFiles(w.t.Context(), r, base)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := Plan(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	if d := cmp.Diff([]diff.Plane{diff.AWS, diff.Kubernetes}, p.Offline); d != "" {
		w.t.Error(d)
	}
	return p
}

func TestPlanFromFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after string
		want          string
		unchanged     int
	}{
		"nothing":   {shop, shop, "", 3},
		"all":       {"", shop, "create db\n  create Topic\ncreate other\n  create other\ncreate web HOST<-db.Endpoint\n  create web\n", 0},
		"in place":  {shop, edit(shop, "DisplayName: one", "DisplayName: two"), "update db\n  update Topic DisplayName:one>two\n", 2},
		"an object": {shop, shop + "data: {a: b}\n", "update other\n  update other data:<nil>>map[a:b]\n", 2},
		"replaced": {shop, edit(shop, "DisplayName: one", "TopicName: two"),
			"replace db\n  replace Topic DisplayName:one><nil> TopicName:<nil>>two\nunknown web HOST<-db.Endpoint\n  unknown web data.host:${db.Endpoint}>(known after apply)\n", 1},
		"an input": {shop, edit(shop, `"${HOST}"`, `"http://${HOST}"`), "update web\n  update web data.host:${db.Endpoint}>http://${db.Endpoint}\n", 2},
		"a parameter that is a number": {
			edit(edit(shop, "    inputs:", "  - name: queue\n    path: queue\n    parameters: {Size: {from: db.Endpoint}}\n  - name: w2\n    path: web\n    inputs:"), "  - name: web\n    path: web\n", "") + queue,
			edit(edit(shop, "    inputs:", "  - name: queue\n    path: queue\n    parameters: {Size: {from: db.Endpoint}}\n  - name: w2\n    path: web\n    inputs:"), "  - name: web\n    path: web\n", "") + strings.Replace(queue, "q1", "q2", 1),
			"replace queue\n  replace Queue QueueName:q1>q2\n", 3},
		"removed": {shop, shop[:strings.Index(shop, "-- other")], "delete other\n  delete other\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newWorld(t).planFiles(tt.before, tt.after)
			if d := cmp.Diff(tt.want, outline(p)); d != "" || p.Unchanged != tt.unchanged {
				t.Errorf("%d unchanged, want %d; %s", p.Unchanged, tt.unchanged, d)
			}
		})
	}
}

const queue = `
-- queue/template.yaml --
Parameters: {Size: {Type: Number}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: q1, DelaySeconds: !Ref Size}
`

// An app is not run, and says so; what takes its outputs is planned all the same.
func TestPlanOfAnAppFromFiles(t *testing.T) {
	t.Parallel()
	const app = `
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - {name: app, path: app}
  - name: web
    path: web
    inputs: {HOST: {from: app.Endpoint}}
-- app/cdk.json --
{"app": "node app.js"}
-- app/app.js --
1
-- web/config.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {host: "${HOST}"}
`
	p := newWorld(t).planFiles(app, edit(app, "\n1\n", "\n2\n"))
	want := "update app\nunknown web HOST<-app.Endpoint\n  unknown web data.host:${app.Endpoint}>(known after apply)\n"
	if d := cmp.Diff(want, outline(p)); d != "" || !strings.Contains(p.Components[0].Reason, "not run") {
		t.Error(d, p.Components[0].Reason)
	}
	if p := newWorld(t).planFiles(app, edit(app, `"${HOST}"`, `"x${HOST}"`)); outline(p) != "update web\n  update web data.host:${app.Endpoint}>x${app.Endpoint}\n" {
		t.Error(outline(p))
	}
}

// One plane is asked, the other is told from the commit that is deployed.
func TestPlanWithStacksFromFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "db.example.com"}
	base := w.add(shop)
	w.succeeded(w.run(t.Context(), base))
	r := w.planRequest(w.add(edit(shop, "DisplayName: one", "TopicName: two")))
	r.Stacks = nil
	r, err := StacksFromFiles(t.Context(), r, base)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := "replace db\n  replace Topic DisplayName:one><nil> TopicName:<nil>>two\nunknown web HOST<-db.Endpoint\n  unknown web data.host:db.example.com>(known after apply)\n"
	if d := cmp.Diff(want, outline(p)); d != "" || !slices.Equal(p.Offline, []diff.Plane{diff.AWS}) {
		t.Error(d, p.Offline)
	}
}

func TestPlanFromABaseThatIsBad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.add("-- a/x.yaml --\nkind: ConfigMap\nmetadata: {name: x}\n-- drawbridge.yaml --\nnonsense: 1\n")
	if _, err := FromFiles(t.Context(), w.planRequest(w.add(shop)), base); err == nil || !strings.Contains(err.Error(), "base "+base.OID) {
		t.Error(err)
	}
	if _, err := FromFiles(t.Context(), w.planRequest(w.add(shop)), git.Commit{OID: "none", Tree: "none"}); err == nil || errors.Is(err, git.ErrObjectNotFound) {
		t.Error(err)
	}
}
