package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

// memory is a Store that counts what is written.
type memory struct {
	mu     sync.Mutex
	stored map[string]v1alpha1.Component
	writes []string
}

func (m *memory) List(context.Context) ([]v1alpha1.Component, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []v1alpha1.Component
	for _, c := range m.stored {
		all = append(all, c)
	}
	return all, nil
}

func (m *memory) put(verb string, c *v1alpha1.Component) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes = append(m.writes, verb+" "+c.Spec.Name)
	if verb != "status" {
		c.Generation++ // as the API server does
	}
	m.stored[c.Spec.Name] = *c.DeepCopy()
	return nil
}

func (m *memory) Create(_ context.Context, c *v1alpha1.Component) error { return m.put("create", c) }
func (m *memory) UpdateSpec(_ context.Context, c *v1alpha1.Component) error {
	return m.put("spec", c)
}
func (m *memory) UpdateStatus(_ context.Context, c *v1alpha1.Component) error {
	return m.put("status", c)
}
func (m *memory) Delete(_ context.Context, c *v1alpha1.Component) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes = append(m.writes, "delete "+c.Spec.Name)
	delete(m.stored, c.Spec.Name)
	return nil
}

// cluster is a Kubernetes cluster that does what it is told at once.
type cluster struct {
	mu      sync.Mutex
	log     []string
	objects map[string]render.Object
	fail    map[string]error // by component, from Apply
	// reported is the status that operators give to objects, by kind.
	reported map[string]map[string]any
	hang     map[string]chan struct{}             // by component: closed when its Wait began
	notYet   map[string]bool                      // kinds that are not served
	seen     func(component, verb string)         // called before each verb
	owners   map[string]kube.Owner                // by object
	options  map[string]kube.ApplyOptions         // by component
	pruned   map[string][]string                  // by component
	reads    map[string]string                    // what is in the Secret that an object reads, by object
	claimed  func() map[string]v1alpha1.Component // what is stored when Apply is called
	before   map[string]v1alpha1.Component        // by component, as stored when it was applied
}

func (c *cluster) note(component, verb string) {
	if c.seen != nil {
		c.seen(component, verb)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, verb+" "+component)
}

func idOf(o render.Object) string {
	gvk := o.Object.GroupVersionKind()
	return gvk.Group + "/" + gvk.Kind + "/" + o.Object.GetNamespace() + "/" + o.Object.GetName()
}

func (c *cluster) Identify(_ context.Context, objects, crds []render.Object, _ string) ([]string, error) {
	var ids []string
	for _, o := range objects {
		if c.notYet[o.Object.GetKind()] && len(crds) == 0 {
			return nil, fmt.Errorf("%s: the cluster does not serve %s", o.Source, o.Object.GetKind())
		}
		ids = append(ids, idOf(o))
	}
	return ids, nil
}

func (c *cluster) Apply(_ context.Context, owner kube.Owner, objects []render.Object, o kube.ApplyOptions) (kube.Applied, error) {
	c.note(owner.Component, "apply")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.options[owner.Component] = o
	c.before[owner.Component] = c.claimed()[owner.Component]
	var a kube.Applied
	for _, object := range objects {
		id := idOf(object)
		if had, ok := c.owners[id]; ok && had != owner && (o.TakeFrom == nil || !o.TakeFrom(had, id)) {
			return a, &kube.OwnedError{Owner: had, Wanted: owner}
		}
		action := diff.Create
		if _, there := c.objects[id]; there {
			action = diff.Update
		}
		c.objects[id], c.owners[id] = object, owner
		done := v1alpha1.AppliedObject{Object: id, Version: "v1", Fields: "f"}
		if sum, ok := c.reads[id]; ok && len(o.RestartOn) > 0 {
			done.Reads = []v1alpha1.ReadContent{{Object: "/Secret/shop/db", Sum: sum}}
		}
		a.Objects = append(a.Objects, done)
		a.Changes = append(a.Changes, diff.Change{Resource: diff.Resource{Name: id}, Action: action})
	}
	return a, c.fail[owner.Component]
}

func (c *cluster) Prune(_ context.Context, owner kube.Owner, ids []string, _ kube.PruneOptions) ([]diff.Change, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	c.note(owner.Component, "prune")
	c.mu.Lock()
	defer c.mu.Unlock()
	var deleted []diff.Change
	for _, id := range ids {
		if c.owners[id] == owner {
			delete(c.objects, id)
			delete(c.owners, id)
			deleted = append(deleted, diff.Change{Resource: diff.Resource{Name: id}, Action: diff.Delete})
		}
	}
	c.pruned[owner.Component] = append(c.pruned[owner.Component], ids...)
	return deleted, nil
}

func (c *cluster) Wait(ctx context.Context, objects []v1alpha1.AppliedObject, _ func(kube.Progress)) error {
	c.mu.Lock()
	owner := c.owners[objects[0].Object]
	began := c.hang[owner.Component]
	c.mu.Unlock()
	if began != nil {
		close(began)
		<-ctx.Done()
		return &kube.NotReadyError{Objects: []kube.Progress{{Message: "0 of 1 replicas are ready"}}, Err: ctx.Err()}
	}
	c.note(owner.Component, "ready")
	return nil
}

// Follow sees what was applied, with the status that a test gives to its kind.
func (c *cluster) Follow(_ context.Context, s kube.Selection, _ func()) (func() []*unstructured.Unstructured, error) {
	return func() []*unstructured.Unstructured {
		c.mu.Lock()
		defer c.mu.Unlock()
		var all []*unstructured.Unstructured
		for _, o := range c.objects {
			if o.Object.GetKind() != s.Kind || s.Namespace != "" && o.Object.GetNamespace() != s.Namespace {
				continue
			}
			seen := o.Object.DeepCopy()
			if status := c.reported[s.Kind]; status != nil {
				seen.Object["status"] = status
			}
			all = append(all, seen)
		}
		return all
	}, nil
}

func (c *cluster) Annotate(context.Context, kube.ID, string, string, string, string) error {
	return nil
}

// stacks is CloudFormation that gives each stack the outputs that it is told.
type stacks struct {
	cluster  *cluster // for its log
	outputs  map[string]map[string]string
	fail     map[string]error
	requests map[string]stack.Request
	names    []string // of the stacks, as they were deployed
	mu       sync.Mutex
}

func (s *stacks) Deploy(_ context.Context, r stack.Request, _ func(stack.Event)) (stack.Result, error) {
	s.cluster.note(r.Component, "deploy")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.Component] = r
	s.names = append(s.names, r.StackName)
	return stack.Result{StackID: "arn:" + r.StackName, Outputs: s.outputs[r.Component]}, s.fail[r.Component]
}

func (s *stacks) Delete(_ context.Context, r stack.DeleteRequest, _ func(stack.Event)) (stack.Result, error) {
	s.cluster.note(r.Component, "delete stack "+r.StackName+" of")
	return stack.Result{}, nil
}

// world is an Environment and what it deploys to.
type world struct {
	t       testing.TB
	env     *v1alpha1.Environment
	store   *memory
	state   *State
	cluster *cluster
	stacks  *stacks
	blobs   *gittest.Blobs
	trees   map[string]*git.Tree
	commits int
	cache   component.Cache
	timeout time.Duration
	apps    Apps
	builds  Builds
	account Account
	logged  sync.Mutex
	lines   []string
}

func newWorld(t testing.TB) *world {
	store := &memory{stored: map[string]v1alpha1.Component{}}
	c := &cluster{
		objects: map[string]render.Object{}, owners: map[string]kube.Owner{}, fail: map[string]error{}, hang: map[string]chan struct{}{},
		options: map[string]kube.ApplyOptions{}, pruned: map[string][]string{}, before: map[string]v1alpha1.Component{},
	}
	synced := map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}, "refreshTime": "2026-03-01T12:00:00Z"}
	c.reported = map[string]map[string]any{"ExternalSecret": synced}
	c.claimed = func() map[string]v1alpha1.Component { return store.stored }
	_, blobs := gittest.Tree(t, nil)
	w := &world{
		t: t, store: store, cluster: c, blobs: blobs, trees: map[string]*git.Tree{}, timeout: time.Minute,
		stacks: &stacks{cluster: c, outputs: map[string]map[string]string{}, fail: map[string]error{}, requests: map[string]stack.Request{}},
		env: &v1alpha1.Environment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production"},
			Spec:       v1alpha1.EnvironmentSpec{AWS: &v1alpha1.AWS{Region: "eu-west-1"}},
		},
	}
	w.restart()
	return w
}

// restart forgets what only the process knew.
func (w *world) restart() {
	state, err := LoadState(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	w.state = state
}

func (w *world) Blob(ctx context.Context, oid string) ([]byte, error) { return w.blobs.Blob(ctx, oid) }

func (w *world) Tree(_ context.Context, treeish, _ string) (*git.Tree, error) {
	if tree := w.trees[treeish]; tree != nil {
		return tree, nil
	}
	return nil, errors.New("no tree " + treeish)
}

// commit makes a commit of the files and takes it through.
func (w *world) commit(files string) Outcome {
	w.t.Helper()
	return w.run(w.t.Context(), w.add(files))
}

// add makes a commit of the files, given as a txtar.
func (w *world) add(files string) git.Commit {
	byPath := map[string]string{}
	for _, f := range txtar.Parse([]byte(files)).Files {
		byPath[f.Name] = string(f.Data)
	}
	w.commits++
	oid := fmt.Sprintf("%040x", w.commits)
	tree := w.blobs.Tree(w.t, byPath)
	w.trees[oid], w.trees["tree "+oid] = tree, tree
	return git.Commit{OID: oid, Tree: "tree " + oid}
}

func (w *world) run(ctx context.Context, c git.Commit) Outcome {
	w.cluster.log, w.store.writes = nil, nil
	return Run(ctx, *w.request(c))
}

func (w *world) request(c git.Commit) *Request {
	return &Request{
		Environment: w.env, Commit: c, Change: fmt.Sprintf("production-%d", w.commits), Repository: w, Components: &w.cache,
		State: w.state, Cluster: w.cluster, Stacks: w.stacks, Timeout: w.timeout, Steps: NewSteps(time.Now, func() {}),
		Elsewhere: w.elsewhere, Apps: w.apps, Builds: w.builds, Account: w.account, Log: w.log,
	}
}

// elsewhere is the same account in another region, whose stacks have it in the log.
func (w *world) elsewhere(_ context.Context, region string) (Stacks, Account, error) {
	return inRegion{w.stacks, region}, w.account, nil
}

type inRegion struct {
	*stacks
	region string
}

func (s inRegion) Deploy(ctx context.Context, r stack.Request, f func(stack.Event)) (stack.Result, error) {
	s.cluster.note(r.StackName, s.region)
	return s.stacks.Deploy(ctx, r, f)
}

func (s inRegion) Delete(ctx context.Context, r stack.DeleteRequest, f func(stack.Event)) (stack.Result, error) {
	s.cluster.note(r.StackName, s.region)
	return s.stacks.Delete(ctx, r, f)
}

func (w *world) log(component, line string) {
	w.logged.Lock()
	defer w.logged.Unlock()
	w.lines = append(w.lines, component+": "+line)
}

// did is what was done to both planes, in order.
func (w *world) did() string { return strings.Join(w.cluster.log, ", ") }

func (w *world) succeeded(o Outcome) {
	w.t.Helper()
	if o.Phase != v1alpha1.PhaseSucceeded {
		w.t.Fatalf("%s: %s", o.Phase, o.Message)
	}
}

func (w *world) failed(o Outcome, says ...string) {
	w.t.Helper()
	if o.Phase != v1alpha1.PhaseFailed {
		w.t.Fatalf("%s: %s; want it to fail", o.Phase, o.Message)
	}
	for _, s := range says {
		if !strings.Contains(o.Message, s) {
			w.t.Errorf("%q does not say %q", o.Message, s)
		}
	}
}

func phases(o Outcome) string {
	var all []string
	for _, s := range o.Steps {
		all = append(all, fmt.Sprintf("%s %s %s", s.Action, s.Component, s.Phase))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
