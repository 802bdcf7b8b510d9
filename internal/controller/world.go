package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/logs"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// world is what the reconcilers share.
type world struct {
	client       client.Client // reads from the cache
	reader       client.Reader // reads from the API server
	log          *slog.Logger
	events       events.EventRecorder
	ledger       *ledger.Ledger
	logs         *logs.Store
	apps         *cdk.Synthesizer
	builds       *build.Builder
	agentImage   string
	repositories *repositories
	places       *places
	runs         *runs
	summaries    *summaries
	pushers      *pushers
	slots        chan struct{} // of the requests for Components

	mu     sync.Mutex
	states map[types.NamespacedName]*rollout.State
	heads  map[types.NamespacedName]*v1alpha1.Change // newest made here; the cache may be behind
	ended  map[types.UID]bool                        // Changes ended here, likewise
	seeded map[types.NamespacedName]string           // whose applied objects are watched for drift, under which policy
}

// filled waits until the caches hold what is reconciled. The manager's own wait
// is over before the reconcilers have told it what to cache.
func (w *world) filled(ctx context.Context) bool {
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		// A list from a cache that is not filled yet waits for it.
		err := errors.Join(w.client.List(ctx, &v1alpha1.EnvironmentList{}), w.client.List(ctx, &v1alpha1.ChangeList{}))
		return err == nil, nil // the API server is away, or the definitions are not there yet
	})
	return err == nil
}

// newest returns the newest Change of an Environment; nil when there is none.
func (w *world) newest(ctx context.Context, env types.NamespacedName) (*v1alpha1.Change, error) {
	changes, err := w.changesOf(ctx, env)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	newest := w.heads[env]
	w.mu.Unlock()
	for i := range changes {
		if c := &changes[i]; newest == nil || c.Spec.Sequence >= newest.Spec.Sequence {
			newest = c
		}
	}
	return newest, nil
}

func (w *world) changesOf(ctx context.Context, env types.NamespacedName) ([]v1alpha1.Change, error) {
	var list v1alpha1.ChangeList
	if err := w.client.List(ctx, &list, client.InNamespace(env.Namespace), client.MatchingLabels{v1alpha1.LabelEnvironment: env.Name}); err != nil {
		return nil, fmt.Errorf("changes of environment %s: %w", env, err)
	}
	return list.Items, nil
}

func (w *world) made(env types.NamespacedName, c *v1alpha1.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heads[env] = c
}

// gone forgets a newest Change that somebody deleted, so that its commit gets
// another one at the next look. One that only the cache does not have yet stays.
func (w *world) gone(ctx context.Context, change types.NamespacedName) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for env, head := range w.heads {
		if client.ObjectKeyFromObject(head) != change {
			continue
		}
		err := w.reader.Get(ctx, change, &v1alpha1.Change{})
		if apierrors.IsNotFound(err) {
			delete(w.heads, env)
			return nil
		}
		return err
	}
	return nil
}

// lastRecorded is the sequence of the newest Change in the ledger, 0 when none.
func (w *world) lastRecorded(ctx context.Context, env types.NamespacedName) (int64, error) {
	entries, err := w.ledger.List(ctx, ledger.Filter{Environment: env.String(), Limit: 1})
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	return entries[0].Record.Sequence, nil
}

// state of an Environment's components; read from the cluster the first time.
func (w *world) state(ctx context.Context, env *v1alpha1.Environment) (*rollout.State, error) {
	key := client.ObjectKeyFromObject(env)
	w.mu.Lock()
	s := w.states[key]
	w.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := rollout.LoadState(ctx, &store{client: w.client, reader: w.reader, env: env.DeepCopy(), patience: 2 * time.Minute, slots: w.slots})
	if err != nil {
		return nil, fmt.Errorf("components of environment %s: %w", key, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if first := w.states[key]; first != nil {
		return first, nil
	}
	w.states[key] = s
	return s, nil
}

// watchApplied starts, once, to watch what earlier controllers applied, so that
// drift is noticed that happened while none ran.
func (w *world) watchApplied(ctx context.Context, env *v1alpha1.Environment) error {
	key := client.ObjectKeyFromObject(env)
	w.mu.Lock()
	seeded := w.seeded[key]
	w.mu.Unlock()
	policy := cmp.Or(env.Spec.Rollout.Drift, v1alpha1.DriftCorrect)
	if seeded == policy {
		return nil
	}
	w.unwatchApplied(key) // what was left as it was under another policy is looked at again
	state, err := w.state(ctx, env)
	if err != nil {
		return err
	}
	cluster, err := w.places.cluster(ctx, env)
	if err != nil {
		return err
	}
	for name, c := range state.Components() {
		applied := c.Status.Applied
		if policy == v1alpha1.DriftIgnore { // but not what restarts Pods
			applied = slices.DeleteFunc(slices.Clone(applied), func(a v1alpha1.AppliedObject) bool { return len(a.Reads) == 0 })
		}
		if len(applied) == 0 {
			continue
		}
		if err := cluster.Expect(ctx, kube.Owner{Environment: key.String(), Component: name}, applied); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seeded[key] = policy
	return nil
}

// unwatchApplied ends it, so that what drifts meanwhile is noticed when it is
// begun again.
func (w *world) unwatchApplied(env types.NamespacedName) {
	w.mu.Lock()
	state := w.states[env]
	delete(w.seeded, env)
	w.mu.Unlock()
	if state == nil {
		return
	}
	for name := range state.Components() {
		w.places.forget(kube.Owner{Environment: env.String(), Component: name})
	}
}

// forget what is remembered of an Environment that is gone.
func (w *world) forget(env types.NamespacedName) {
	w.runs.stop(env, "", errSuperseded)
	w.summaries.forget(env)
	w.unwatchApplied(env)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.states, env)
	delete(w.heads, env)
}

// pushers remembers who pushed which commit, from webhook to Change.
type pushers struct {
	mu     sync.Mutex
	byHead map[string]string
}

// maxPushers bounds what is remembered: a push that made no Change within so
// many others never will.
const maxPushers = 1000

func (p *pushers) saw(commit, pusher string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byHead) >= maxPushers {
		clear(p.byHead)
	}
	p.byHead[commit] = pusher
}

func (p *pushers) of(commit string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byHead[commit]
}
