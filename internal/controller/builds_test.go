package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

func TestAJobIsNamedForItsAttempt(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, component := range []string{"team/production/ci", "team/staging/ci", "team/production/" + strings.Repeat("long", 15) + "-x"} {
		for _, change := range []string{"uid-1", "uid-2"} {
			name := jobName(component, change)
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				t.Errorf("%s: %v", name, problems)
			}
			if names[name] || name != jobName(component, change) {
				t.Errorf("%s is not the one of its attempt", name)
			}
			names[name] = true
		}
	}
}

func TestBuildsRunHereUnlessTheEnvironmentSaysOtherwise(t *testing.T) {
	t.Parallel()
	here := build.NewBuilder(t.TempDir(), contain.Limits{})
	r := &changes{&world{builds: here}}
	env, change := &v1alpha1.Environment{}, &v1alpha1.Change{}
	if got := r.builderFor(t.Context(), env, change); got != here {
		t.Errorf("%v", got)
	}
	env.Spec.Build.Job = &v1alpha1.BuildJob{Image: "builder:1"}
	if _, err := r.builderFor(t.Context(), env, change).Build(t.Context(), build.Order{}); err == nil || !strings.Contains(err.Error(), "--agent-image") {
		t.Errorf("without an image of our own: %v", err)
	}
}
