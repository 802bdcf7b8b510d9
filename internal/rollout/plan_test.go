package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/plan"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// deployed is what the world's stacks were last deployed as.
func (w *world) deployed(name string) *stack.Deployed {
	for _, r := range w.stacks.requests {
		if r.StackName == name {
			return &stack.Deployed{Template: r.Template, TemplateFile: r.TemplateFile, Parameters: r.Parameters}
		}
	}
	return nil
}

func (w *world) planRequest(c git.Commit) PlanRequest {
	return PlanRequest{
		Request: *w.request(c), Base: "base", Cluster: kube.Files{Objects: w.cluster.objects},
		Stacks: func(_ context.Context, region string) (StackPreview, error) {
			return stack.Files{Region: region, Stack: w.deployed}, nil
		},
	}
}

func (w *world) plan(files string) *plan.Plan {
	w.t.Helper()
	w.cluster.log, w.store.writes = nil, nil
	p, err := Plan(w.t.Context(), w.planRequest(w.add(files)))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(w.cluster.log) > 0 || len(w.store.writes) > 0 {
		w.t.Errorf("a plan did %q and wrote %q", w.cluster.log, w.store.writes)
	}
	return p
}

// outline is a plan in a few lines.
func outline(p *plan.Plan) string {
	var b strings.Builder
	for _, c := range p.Components {
		fmt.Fprintf(&b, "%s %s", c.Operation, c.Name)
		for _, i := range c.Inputs {
			fmt.Fprintf(&b, " %s<-%s.%s", i.Name, i.Component, i.Output)
		}
		b.WriteString("\n")
		for _, r := range c.Resources {
			fmt.Fprintf(&b, "  %s %s", r.Action, r.Name)
			for _, f := range r.Fields {
				if r.Action != diff.Create {
					fmt.Fprintf(&b, " %s:%v>%v", f.Path, f.Before, f.After)
				}
			}
			b.WriteString("\n")
		}
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "error %s %s: %s\n", e.Component, e.Source, e.Message)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit      func(string) string
		want      string
		unchanged int
	}{
		"nothing": {func(s string) string { return s + "-- README.md --\nx\n" }, "", 3},
		"one object": {func(s string) string { return s + "data: {a: b}\n" },
			"update other\n  update other data:<nil>>map[a:b]\n", 2},
		// The Ref of a topic stays when it is updated in place, and so does what takes it.
		"in place": {func(s string) string { return edit(s, "DisplayName: one", "DisplayName: two") },
			"update db\n  update Topic DisplayName:one>two\n", 2},
		"replaced": {func(s string) string { return edit(s, "DisplayName: one", "TopicName: two") },
			"replace db\n  replace Topic DisplayName:one><nil> TopicName:<nil>>two\nunknown web HOST<-db.Endpoint\n  unknown web data.host:db.example.com>(known after apply)\n", 1},
		"an output of another value": {func(s string) string { return edit(s, "!Ref Topic", "!Sub '${Topic}x'") },
			"no-op db\nunknown web HOST<-db.Endpoint\n  unknown web data.host:db.example.com>(known after apply)\n", 1},
		"both": {func(s string) string {
			return edit(edit(s, "DisplayName: one", "TopicName: two"), `host: "${HOST}"`, `host: "${HOST}", port: "1"`)
		},
			"replace db\n  replace Topic DisplayName:one><nil> TopicName:<nil>>two\nupdate web HOST<-db.Endpoint\n  update web data.host:db.example.com>(known after apply) data.port:<nil>>1\n", 1},
		"removed": {func(s string) string { return edit(s, "-- other/config.yaml --", "-- new/config.yaml --") },
			"create new\n  no-op other\ndelete other\n", 2},
		"gone": {func(s string) string { return s[:strings.Index(s, "-- other")] },
			"delete other\n  delete other\n", 2},
		"a comment": {func(s string) string { return edit(s, "metadata: {name: other", "# so\nmetadata: {name: other") },
			"no-op other\n", 2},
		"bad": {func(s string) string {
			return edit(s, "kind: ConfigMap\nmetadata: {name: other", "metadata: {name: other")
		},
			"error  other/config.yaml:1: ", 0},
		"no such output": {func(s string) string { return edit(s, "db.Endpoint", "db.Nothing") },
			"error  drawbridge.yaml:8: component db has no output", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newShop(t).plan(tt.edit(shop))
			got := outline(p)
			if strings.HasPrefix(tt.want, "error") {
				if !strings.HasPrefix(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				return
			}
			if d := cmp.Diff(strings.ReplaceAll(tt.want, "  no-op other\n", ""), got); d != "" || p.Unchanged != tt.unchanged {
				t.Errorf("%d unchanged, want %d; %s", p.Unchanged, tt.unchanged, d)
			}
		})
	}
}

func TestPlanOfTheFirstCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plan(shop)
	want := "create db\n  create Topic\ncreate other\n  create other\ncreate web HOST<-db.Endpoint\n  create web\n"
	if d := cmp.Diff(want, outline(p)); d != "" {
		t.Error(d)
	}
	if p.Environment != "team/production" || p.Base != "base" || p.Head == "" || p.Tree == "" || p.Components[0].Resources[0].Source != "aws/template.yaml:2" {
		t.Errorf("%+v", p)
	}
	if d := cmp.Diff([]string{"db"}, p.Components[2].After); d != "" {
		t.Error(d)
	}
}

func TestPlanTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	files := edit(edit(shop, "DisplayName: one", "TopicName: two"), "-- other/config.yaml --", "-- new/config.yaml --")
	a, b := w.plan(files), w.plan(files)
	a.Head, b.Head, a.Tree, b.Tree = "", "", "", "" // the world makes them new
	if d := cmp.Diff(a, b); d != "" || a.Digest == "" {
		t.Error(d)
	}
}

// A component that is pruned by a rule of the Environment, or not.
func TestPlanWithoutPruning(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	no := false
	w.env.Spec.Rollout.Prune = &no
	p := w.plan(shop[:strings.Index(shop, "-- other")])
	if len(p.Components) > 0 || len(p.Notes) != 1 {
		t.Errorf("%+v", p)
	}
}

// What one plane refuses is told of the component, and the others are planned.
func TestPlanOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	r := w.planRequest(w.add(edit(shop, "DisplayName: one", "DisplayName: two") + "data: {a: b}\n"))
	r.Stacks = func(context.Context, string) (StackPreview, error) { return nil, errors.New("no such role") }
	p, err := Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := "unknown db\nupdate other\n  update other data:<nil>>map[a:b]\nunknown web HOST<-db.Endpoint\n  unknown web data.host:db.example.com>(known after apply)\nerror db : no such role\n"
	if d := cmp.Diff(want, outline(p)); d != "" {
		t.Error(d)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := Plan(ctx, r); !errors.Is(err, stopped) {
		t.Error(err)
	}
}

func TestPlanOfABuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plan(releaseAndApp)
	if c := p.Components[0]; c.Name != "release" || c.Operation != diff.Create || c.Reason == "" {
		t.Errorf("%+v", p.Components)
	}
}

// Planning beside a rollout writes nothing into its state.
func TestStateOfAPlanIsClosed(t *testing.T) {
	t.Parallel()
	s := StateOf([]v1alpha1.Component{{Spec: v1alpha1.ComponentSpec{Name: "a"}}})
	for _, err := range []error{
		s.Claim(t.Context(), v1alpha1.ComponentSpec{Name: "b"}), s.Claim(t.Context(), v1alpha1.ComponentSpec{Name: "a", Kind: "x"}),
		s.Finish(t.Context(), "a", v1alpha1.ComponentStatus{}), s.Remove(t.Context(), "a"),
	} {
		if !errors.Is(err, errClosed) {
			t.Error(err)
		}
	}
}
