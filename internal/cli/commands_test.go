package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/internal/server"
)

// desk is where commands are given: a cluster with objects, a ledger behind the
// controller's API, and what the commands printed.
type desk struct {
	t      *testing.T
	client client.WithWatch
	apiURL string
	token  string
	stdout lockedBuffer
	stderr lockedBuffer
}

// lockedBuffer may be read while a command writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func newDesk(t *testing.T, objects ...client.Object) *desk {
	t.Helper()
	s := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, client: fake.NewClientBuilder().WithScheme(s).WithReturnManagedFields().WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.Environment{}, &v1alpha1.Change{}).Build()}
}

// record puts rows into a ledger that the controller's API serves.
func (d *desk) record(entries ...*ledger.Entry) {
	d.t.Helper()
	l, err := ledger.Open(d.t.Context(), filepath.Join(d.t.TempDir(), "ledger.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := l.Append(d.t.Context(), e.Record); err != nil {
			d.t.Fatal(err)
		}
	}
	api := httptest.NewServer(server.New(server.Options{Ledger: l, Token: "t0ken", Log: slog.New(slog.DiscardHandler)}))
	d.t.Cleanup(func() { api.Close(); l.Close() })
	d.apiURL, d.token = api.URL, "t0ken"
}

// run gives a command, and returns its exit code.
func (d *desk) run(ctx context.Context, args ...string) int {
	d.stdout.Reset()
	d.stderr.Reset()
	c := &connection{open: func() (client.WithWatch, string, error) { return d.client, "team", nil }}
	root := commands(c)
	c.apiURL, c.apiToken = d.apiURL, d.token
	return run(ctx, root, args, strings.NewReader(""), &d.stdout, &d.stderr)
}

func (d *desk) want(code int, says string, args ...string) {
	d.t.Helper()
	got := d.run(d.t.Context(), args...)
	if got != code || !strings.Contains(d.stdout.String()+d.stderr.String(), says) {
		d.t.Errorf("drawbridge %s: exit code %d, want %d with %q\n%s%s", strings.Join(args, " "), got, code, says, d.stdout.String(), d.stderr.String())
	}
}

func pointer[T any](v T) *T { return &v }

func TestExitCodesOfAnswers(t *testing.T) {
	t.Parallel()
	failed := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseFailed, databaseFails, blogSkipped)
	d := newDesk(t, &failed, pointer(environmentOf("production", v1alpha1.ReasonChangeFailed, "…", failed.Name)), pointer(environmentOf("staging", v1alpha1.ReasonDeployed, "well", "")))
	d.want(exitUnwell, "database: stack production-database", "status")
	d.want(exitUnwell, "production", "status", "production", "-o", "json")
	d.want(exitOK, "staging", "status", "staging")
	d.want(exitNotFound, `no Environment "test" in namespace team`, "status", "test")
	d.want(exitNotFound, `no Environment "test"`, "changes", "-e", "test")
	d.want(exitNotFound, `no Environment "test"`, "components", "-e", "test")
	d.want(exitOK, "Failed", "changes")
	d.want(exitOK, "no components in namespace team", "components")
	d.want(exitOK, "[]", "components", "-o", "json")
	d.want(exitOK, "[]", "changes", "-e", "staging", "-o", "json")
	d.want(exitOK, "no Changes", "changes", "-e", "staging")
	// Two Environments, and none named.
	for _, args := range [][]string{{"graph"}, {"sync"}, {"show"}, {"changes", "--watch", "--commit", "bbbbbbb"}} {
		d.want(exitUsage, "which Environment? -e with one of production, staging", args...)
	}
	d.want(exitNotFound, "has no Change yet", "show", "-e", "staging")
	d.want(exitUnwell, "Failed in 10.0s at database", "show", "-e", "production")

	empty := newDesk(t)
	for _, args := range [][]string{{"status"}, {"graph"}, {"sync"}, {"show"}} {
		empty.want(exitNotFound, "no Environment in namespace team (another one? -n NAMESPACE)", args...)
	}
}

func TestDataForPrograms(t *testing.T) {
	t.Parallel()
	change := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, databaseRuns)
	env := environmentOf("production", v1alpha1.ReasonDeployed, "well", change.Name)
	d := newDesk(t, &change, &env, &v1alpha1.Component{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production-database"}, Spec: v1alpha1.ComponentSpec{Environment: "production", Name: "database"}})
	for command, list := range map[string]any{"status": &[]v1alpha1.Environment{}, "changes": &[]v1alpha1.Change{}, "components": &[]v1alpha1.Component{}, "show": &v1alpha1.Change{}, "graph": &map[string]any{}} {
		for format, decode := range map[string]func([]byte, any) error{"json": json.Unmarshal, "yaml": func(b []byte, v any) error { return yaml.UnmarshalStrict(b, v) }} {
			d.want(exitOK, "production", "status")
			if code := d.run(t.Context(), command, "-o", format); code != exitOK {
				t.Errorf("%s -o %s: exit code %d: %s", command, format, code, d.stderr.String())
			}
			if err := decode([]byte(d.stdout.String()), list); err != nil {
				t.Errorf("%s -o %s: %v\n%s", command, format, err, d.stdout.String())
			}
			if kind := map[string]string{"status": "Environment", "changes": "Change", "components": "Component", "show": "Change"}[command]; !strings.Contains(strings.ReplaceAll(d.stdout.String(), `"`, ""), "kind: "+kind) {
				t.Errorf("%s -o %s does not say its kind:\n%s", command, format, d.stdout.String())
			}
			if strings.Contains(d.stdout.String(), "managedFields") {
				t.Errorf("%s -o %s has managedFields", command, format)
			}
		}
	}
}

func TestShowFindsTheRecord(t *testing.T) {
	t.Parallel()
	running := changeOf("production-3-ccccccc", 3, v1alpha1.PhaseRunning, databaseRuns)
	done := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseSucceeded, databaseDone)
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", running.Name)), &running, &done)
	entry := entryOf(done.Name, ledger.Succeeded, "all well", componentOf(databaseDone))
	other := entryOf(done.Name, ledger.Failed, "of another Environment of that name")
	other.Record.UID, other.Record.Environment = "uid-other", "elsewhere/production"
	gone := entryOf("production-1-aaaaaaa", ledger.Failed, "nothing was applied: a.yaml:1: no")
	foreign := entryOf("shop-1-eeeeeee", ledger.Succeeded, "")
	foreign.Record.Environment = "elsewhere/shop"
	d.record(entry, other, gone, foreign)
	d.want(exitOK, "all well", "show", done.Name)
	d.want(exitOK, "all well", "show", "production-2")
	d.want(exitOK, `"hash"`, "show", "production-2", "-o", "json")
	d.want(exitOK, "under way for", "show")
	d.want(exitOK, "under way for", "show", "production-3-")
	d.want(exitUsage, "production-3-ccccccc, production-2-bbbbbbb", "show", "production-")
	d.want(exitUnwell, "a.yaml:1", "show", "production-1-aaaaaaa")
	d.want(exitNotFound, "the ledger has one of Environment elsewhere/shop", "show", "shop-1-eeeeeee")
	d.want(exitNotFound, "neither in namespace team nor in the ledger", "show", "nowhere")
	// Without the API, what the cluster knows.
	d.token = "wrong"
	d.want(exitOK, "DRAWBRIDGE_API_TOKEN", "show", "production-2")
	d.want(exitOK, "Outcome       Succeeded", "show", "production-2")
	d.apiURL = ""
	d.want(exitOK, "DRAWBRIDGE_API_URL", "show", "production-2")
	d.want(exitError, "its record can't be read", "show", "production-1-aaaaaaa")
	d.apiURL = "http://127.0.0.1:1"
	d.want(exitOK, "is DRAWBRIDGE_API_URL right?", "show", "production-2")
}

func TestGraphOfComponents(t *testing.T) {
	t.Parallel()
	component := func(name string, needs ...string) *v1alpha1.Component {
		c := &v1alpha1.Component{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "production-" + name}, Spec: v1alpha1.ComponentSpec{Environment: "production", Name: name, Kind: "kubernetes"}}
		for _, n := range needs {
			c.Spec.DependsOn = append(c.Spec.DependsOn, v1alpha1.Dependency{Component: n, Reasons: []v1alpha1.DependencyReason{{Reason: "dependsOn", Source: "drawbridge.yaml:4"}}})
		}
		return c
	}
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonDeployed, "", "")), component("b", "a", "taken-down"), component("a"))
	d.want(exitOK, "b (kubernetes)\n└── a (kubernetes)\n        dependsOn, drawbridge.yaml:4\n", "graph")
	d.want(exitOK, `c0 -->|"dependsOn"| c1`, "graph", "--format", "mermaid")
	d.want(exitOK, `"a" -> "b" [label="dependsOn"]`, "graph", "--format", "dot")
	d.want(exitUsage, "expected tree, mermaid or dot", "graph", "--format", "svg")
	d.want(exitUsage, "two forms", "graph", "--format", "dot", "-o", "json")
}

func TestAdviceOnTheClustersErrors(t *testing.T) {
	t.Parallel()
	group := schema.GroupResource{Group: "drawbridge.dev", Resource: "environments"}
	absent := apierrors.NewGenericServerResponse(404, "GET", group, "", "404 page not found", 0, true)
	for says, err := range map[string]error{
		"log in again":                      apierrors.NewUnauthorized("Unauthorized"),
		"takes get, list and watch":         apierrors.NewForbidden(group, "", fmt.Errorf("no")),
		"kubectl apply -f api/crds":         absent,
		"etcd is full (get environments.dr": apierrors.NewInternalError(fmt.Errorf("etcd is full (get environments.drawbridge.dev)")),
	} {
		d := newDesk(t)
		d.client = interceptor.NewClient(d.client, interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return err },
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				return err
			},
		})
		for _, args := range [][]string{{"status"}, {"status", "production"}, {"changes"}, {"changes", "--watch"}, {"components"}, {"show", "x"}, {"graph"}, {"sync"}} {
			d.want(exitError, says, args...)
		}
	}
}
