package rollout

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
)

// workshop runs no build and tells what it is told to.
type workshop struct {
	mu     sync.Mutex
	orders []build.Order
	result build.Result
	fail   error
}

func (s *workshop) Build(_ context.Context, o build.Order) (build.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, o)
	o.Log(build.Line{Text: "phase build begins", Mark: true})
	o.Log(build.Line{Text: "compiling"})
	return s.result, s.fail
}

const releaseAndApp = `
-- ci/buildspec.yml --
version: 0.2
env: {exported-variables: [VERSION]}
phases: {build: {commands: [make]}}
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {value: "${VERSION}"}
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - {name: release, path: ci, kind: build, inputs: {STAGE: test}}
  - {path: app, inputs: {VERSION: {from: release.VERSION}}}
`

func buildWorld(t *testing.T) (*world, *workshop, *amazon) {
	w := newWorld(t)
	s := &workshop{result: build.Result{Exported: map[string]string{"VERSION": "1.2"}, Artifacts: []build.Artifact{{}}}}
	aws := &amazon{}
	w.builds, w.account = s, aws
	return w, s, aws
}

func TestABuildsVariablesAreInputs(t *testing.T) {
	t.Parallel()
	w, s, _ := buildWorld(t)
	outcome := w.commit(releaseAndApp)
	w.succeeded(outcome)
	if diff := cmp.Diff("apply app, ready app", w.did()); diff != "" {
		t.Error(diff)
	}
	if got := outcome.Steps[0].Summary; got != "built, exports VERSION, 1 artifact" {
		t.Errorf("the step says %q", got)
	}
	if diff := cmp.Diff([]string{"release: ── phase build begins", "release: compiling"}, w.lines); diff != "" {
		t.Error(diff)
	}
	o := s.orders[0]
	if diff := cmp.Diff(map[string]string{"STAGE": "test"}, o.Variables); diff != "" {
		t.Errorf("no role, no credentials: %s", diff)
	}
	if o.About.Commit == "" || o.About.Branch != w.env.Spec.Source.Branch || o.Component != "team/production/release" {
		t.Errorf("%+v", o.About)
	}
	// The same build is not run again; a commit without it has nothing to delete.
	w.succeeded(w.commit(releaseAndApp))
	w.succeeded(w.commit("-- app/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"))
	if len(s.orders) != 1 || w.state.Component("release") != nil {
		t.Errorf("%d builds, %+v", len(s.orders), w.state.Component("release"))
	}
}

func TestABuildGetsTheRoleOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w, s, aws := buildWorld(t)
	w.env.Spec.Build.RoleARN = "arn:aws:iam::123456789012:role/builds"
	w.succeeded(w.commit(releaseAndApp))
	if diff := cmp.Diff([]string{"arn:aws:iam::123456789012:role/builds"}, aws.sessions); diff != "" {
		t.Error(diff)
	}
	if v := s.orders[0].Variables; v["AWS_ACCESS_KEY_ID"] != "x" || v["AWS_ACCOUNT_ID"] != "123456789012" {
		t.Errorf("%v", v)
	}
	// Another role is another input.
	w.env.Spec.Build.RoleARN += "-of-others"
	w.succeeded(w.commit(releaseAndApp))
	if len(s.orders) != 2 {
		t.Errorf("%d builds, want 2", len(s.orders))
	}
}

func TestAFailedBuildStopsItsDependents(t *testing.T) {
	t.Parallel()
	w, s, _ := buildWorld(t)
	s.fail = errors.New("time limit")
	w.failed(w.commit(releaseAndApp), "release: ci/buildspec.yml: time limit")
	if w.did() != "" {
		t.Errorf("it did %s", w.did())
	}
	s.fail = nil
	w.succeeded(w.commit(releaseAndApp))
	if w.did() != "apply app, ready app" {
		t.Errorf("it did %s", w.did())
	}
}

func TestAWrongBuildspecAppliesNothing(t *testing.T) {
	t.Parallel()
	w, s, _ := buildWorld(t)
	w.failed(w.commit(`
-- ci/buildspec.yml --
version: 0.2
phases: {deploy: {commands: [make]}}
-- app/a.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components: [{path: ci, kind: build}]
`), "nothing was applied", "ci/buildspec.yml:2", "deploy")
	if w.did() != "" || len(s.orders) != 0 {
		t.Errorf("it did %s, %d builds", w.did(), len(s.orders))
	}
}
