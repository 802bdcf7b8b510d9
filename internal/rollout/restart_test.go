package rollout

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// New content of what Pods read is recorded, before the Component says that it is dealt
// with; and what did not change is not.
func TestCorrectRecordsARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cluster.reads = map[string]string{configMap + "web": "one"}
	w.stacks.outputs["db"] = map[string]string{"Endpoint": "db.example.com"}
	w.succeeded(w.commit(shop))
	if d := w.cluster.options["web"].RestartOn; d != nil {
		t.Errorf("restarts on %v, which nobody asked for", d)
	}
	w.succeeded(w.commit(edit(shop, "    path: web\n", "    path: web\n    restartOn: [secrets, configMaps]\n")))
	if d := cmp.Diff([]string{"Secret", "ConfigMap"}, w.cluster.options["web"].RestartOn); d != "" {
		t.Error(d)
	}

	var recorded []string
	var fails error
	r := Request{Environment: w.env, Repository: w, Components: &w.cache, State: w.state, Cluster: w.cluster, Stacks: w.stacks,
		Restarted: func(_ context.Context, r Restart) error {
			recorded = append(recorded, r.String()+" in "+r.Component.Spec.Name)
			return fails
		}}
	correct := func() error {
		w.store.writes = nil
		_, err := Correct(t.Context(), r, "web", []string{configMap + "web"})
		return err
	}
	if err := correct(); err != nil || recorded != nil {
		t.Error(recorded, err)
	}
	w.cluster.reads[configMap+"web"] = "two"
	fails = errors.New("the disk is full")
	if err := correct(); !errors.Is(err, fails) || len(w.store.writes) > 0 {
		t.Errorf("%v, and wrote %q", err, w.store.writes)
	}
	fails = nil
	if err := correct(); err != nil || !slices.Equal(w.store.writes, []string{"status web"}) {
		t.Errorf("%v, and wrote %q", err, w.store.writes)
	}
	if err := correct(); err != nil || len(w.store.writes) > 0 {
		t.Errorf("%v, and wrote %q", err, w.store.writes)
	}
	said := "restarted ConfigMap shop/web: Secret shop/db has new content in web"
	if d := cmp.Diff([]string{said, said}, recorded); d != "" {
		t.Error(d)
	}
}
