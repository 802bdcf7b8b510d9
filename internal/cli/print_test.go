package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

func TestStatusTable(t *testing.T) {
	t.Parallel()
	failed := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseFailed, databaseFails, blogSkipped)
	running := changeOf("staging-9-bbbbbbb", 9, v1alpha1.PhaseRunning, databaseDone, blogRuns)
	running.Status.Message = "1 of 2 components done"
	good := changeOf("test-1-bbbbbbb", 1, v1alpha1.PhaseSucceeded, databaseDone)
	envs := []v1alpha1.Environment{
		environmentOf("production", v1alpha1.ReasonChangeFailed, "Change production-2-bbbbbbb: database: environment team/production: …", failed.Name),
		environmentOf("staging", v1alpha1.ReasonProgressing, "Change staging-9-bbbbbbb is under way", running.Name),
		environmentOf("test", v1alpha1.ReasonDeployed, "bbbbbbbbbb Survive the loss of a zone", good.Name),
		environmentOf("rewritten", v1alpha1.ReasonHistoryRewritten, "history was rewritten:\nwith a second line", failed.Name),
		environmentOf("lost", v1alpha1.ReasonChangeFailed, "Change lost-1: its Change is not in the cluster", "lost-1"),
		environmentOf("new", "", "", ""),
	}
	golden.Check(t, "testdata/status.golden", written(t, func(b *bytes.Buffer) error {
		return printStatus(b, envs, []v1alpha1.Change{failed, running, good}, noon)
	}))
}

func TestChangesTable(t *testing.T) {
	t.Parallel()
	running := changeOf("production-3-ccccccc", 3, v1alpha1.PhaseRunning)
	running.Spec.Subject = "A subject\twith a tab"
	waiting := changeOf("production-4-ddddddd", 4, "")
	waiting.Spec.Author = ""
	golden.Check(t, "testdata/changes.golden", written(t, func(b *bytes.Buffer) error {
		return printChanges(b, []v1alpha1.Change{
			waiting, running, changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseFailed), changeOf("production-1-aaaaaaa", 1, v1alpha1.PhaseSuperseded),
		}, noon)
	}))
}

func TestComponentsTable(t *testing.T) {
	t.Parallel()
	component := func(name string, owns int, condition ...metav1.Condition) v1alpha1.Component {
		c := v1alpha1.Component{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team"},
			Spec:       v1alpha1.ComponentSpec{Environment: "production", Name: name, Kind: "kubernetes", Path: "apps/" + name},
			Status:     v1alpha1.ComponentStatus{Revision: strings.Repeat("a", 40), Conditions: condition},
		}
		for i := range owns {
			c.Spec.Owns = append(c.Spec.Owns, fmt.Sprint(i))
		}
		return c
	}
	golden.Check(t, "testdata/components.golden", written(t, func(b *bytes.Buffer) error {
		return printComponents(b, []v1alpha1.Component{
			component("api", 12, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Healthy"}),
			component("blog", 3, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Failed", Message: "environment team/production: component blog: not healthy in time\nPod blog-1: no image"}),
			component("new", 0),
		})
	}))
}

func TestShow(t *testing.T) {
	t.Parallel()
	updated := diff.Change{
		Resource: diff.Resource{Plane: diff.AWS, Type: "AWS::RDS::DBInstance", Namespace: "production-database", Name: "Database", ID: "production-database-1"},
		Action:   diff.Update, Reason: "requested by a change of the template",
		Fields: []diff.Field{
			{Path: "MultiAZ", Before: false, After: true},
			{Path: "MasterUserPassword", Sensitive: true},
			{Path: "Tags[owner]", After: map[string]any{"a": 1}},
			{Path: "Gone", Before: "one\ntwo"},
			{Path: "Long", Before: strings.Repeat("é", 200), After: ""},
		},
	}
	created := diff.Change{Resource: diff.Resource{Type: "Service", Namespace: "ghost", Name: "ghost"}, Action: diff.Create, Fields: []diff.Field{{Path: "spec", After: "in Git"}}}
	old := entryOf("production-2-bbbbbbb", ledger.Succeeded, "2 components rolled out and healthy, 0 unchanged", componentOf(databaseDone, updated), componentOf(blogDone, created))
	old.Record.Pusher, old.Record.Tickets, old.Record.Base, old.Record.AuthoredAt = "", nil, "", time.Time{}
	left := componentOf(blogRuns, created)
	left.Outcome = ledger.Superseded
	running := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, databaseDone, blogRuns)
	running.Status.Message, running.Status.Unchanged = "1 of 2 components done", 998
	unread := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseFailed, blogDone, databaseFails)
	waiting := changeOf("production-3-ccccccc", 3, "")
	for name, r := range map[string]record{
		"succeeded": recordOfEntry(old),
		"failed":    recordOfEntry(entryOf("production-2-bbbbbbb", ledger.Failed, "database: environment team/production: …", componentOf(blogDone, created), componentOf(databaseFails), componentOf(v1alpha1.Step{Component: "web", Kind: "kubernetes", Action: "update", Phase: v1alpha1.PhaseSkipped, Message: "not begun: database, which it depends on, did not become healthy"}))),
		"refused":   recordOfEntry(entryOf("production-2-bbbbbbb", ledger.Failed, "nothing was applied: web/a.yaml:3: tab in indentation\nweb/b.yaml:1: no kind")),
		"left":      recordOfEntry(entryOf("production-2-bbbbbbb", ledger.Superseded, "superseded by a newer commit", componentOf(databaseDone, updated), left)),
		"running":   recordOfChange(&running, noon),
		"unread":    recordOfChange(&unread, noon),
		"waiting":   recordOfChange(&waiting, noon),
	} {
		golden.Check(t, "testdata/show-"+name+".golden", written(t, func(b *bytes.Buffer) error { return r.write(b) }))
	}
}

func TestTableFitsItsTerminal(t *testing.T) {
	t.Parallel()
	var table table
	table.row("NAME", "MESSAGE")
	table.row("a", strings.Repeat("wörter ", 20))
	for _, width := range []int{0, 2, 20, 80, 1000} {
		text := written(t, func(b *bytes.Buffer) error { return table.fit(b, width) })
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); width > 0 && n > width || strings.HasSuffix(line, " ") {
				t.Errorf("width %d: %d characters: %q", width, n, line)
			}
		}
		if cut := strings.Contains(text, "…"); cut != (width > 0 && width < 140) {
			t.Errorf("width %d: cut %t: %q", width, cut, text)
		}
	}
	if n := width(&bytes.Buffer{}); n != 0 {
		t.Errorf("a buffer is %d characters wide", n)
	}
}

func TestDurationsAndAges(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 40 * time.Millisecond: "40ms", 3240 * time.Millisecond: "3.2s", 59970 * time.Millisecond: "1m0s", 250 * time.Second: "4m10s",
	} {
		if got := human(d); got != want {
			t.Errorf("human(%v) = %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 59 * time.Second: "59s", time.Minute: "1m", 90 * time.Minute: "1h", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		if got := age(noon.Add(-d), noon); got != want {
			t.Errorf("age of %v = %s, want %s", d, got, want)
		}
	}
	if got := age(time.Time{}, noon) + duration(nil, nil, noon); got != "" {
		t.Errorf("what has no beginning is %q old", got)
	}
}

func TestWithinTakesOnlyWhatIsKnown(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"environment team/production: component blog: stack s: no": "stack s: no",
		"blog: environment team/production: component blog: no":    "no",
		"component other: no":              "component other: no",
		"environment team/production2: no": "environment team/production2: no",
		"":                                 "",
	} {
		if got := within(message, "team/production", "blog"); got != want {
			t.Errorf("within(%q) = %q, want %q", message, got, want)
		}
	}
	if got := within(": no", "team/production", ""); got != ": no" {
		t.Errorf("no component took %q", got)
	}
}
