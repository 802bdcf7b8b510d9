package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

func open(t *testing.T) *Ledger {
	t.Helper()
	return openFile(t, filepath.Join(t.TempDir(), "ledger ?#%.db"))
}

func openFile(t *testing.T, file string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func record(n int) Record {
	return Record{
		Change:      fmt.Sprintf("production-%d", n),
		UID:         fmt.Sprintf("%08d-aaaa", n),
		Environment: "team/production", Sequence: int64(n),
		Commit: strings.Repeat("a", 40), Base: strings.Repeat("b", 40),
		Author: "Ada", AuthorEmail: "ada@example.com", AuthoredAt: noon.Add(-time.Hour),
		Committer: "Grace", CommitterEmail: "grace@example.com", CommittedAt: noon.Add(-time.Minute),
		Message:   "Make the database Multi-AZ\n\nIt can't survive the loss of a zone: <OPS-7> & #12",
		StartedAt: noon.Add(-time.Second), FinishedAt: noon.Add(time.Duration(n) * time.Second),
		Outcome: Succeeded, Reason: "both planes are healthy",
		Components: []Component{{
			Name: "database", Kind: "cloudformation", Action: "update", Outcome: Succeeded,
			Resources: []diff.Change{{
				Resource:  diff.Resource{Plane: diff.AWS, Type: "AWS::RDS::DBInstance", Namespace: "production-database", Name: "Database", ID: "db-1"},
				Action:    diff.Update,
				Fields:    []diff.Field{{Path: "MultiAZ", Before: "false", After: "true"}},
				HoldsData: true,
			}},
		}, {
			Name: "blog", Kind: "kubernetes", Action: "update", Outcome: Succeeded,
			Resources: []diff.Change{{
				Resource: diff.Resource{Plane: diff.Kubernetes, Type: "apps/Deployment", Namespace: "blog", Name: "ghost"},
				Action:   diff.Update,
				Fields:   []diff.Field{{Path: "spec.replicas", Before: 1.0, After: 2.0}},
			}},
		}},
	}
}

func add(t *testing.T, l *Ledger, r Record) int64 {
	t.Helper()
	row, err := l.Append(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestAppendAndGet(t *testing.T) {
	t.Parallel()
	l := open(t)
	r := record(1)
	r.FinishedAt = r.FinishedAt.In(time.FixedZone("", 7200)).Add(999 * time.Nanosecond)
	if row := add(t, l, r); row != 1 {
		t.Errorf("row %d", row)
	}
	got, err := l.Get(t.Context(), "production-1")
	if err != nil {
		t.Fatal(err)
	}
	want := record(1)
	want.Format, want.Tickets = 1, []string{"OPS-7", "#12"}
	if d := cmp.Diff(want, got.Record); d != "" {
		t.Error(d)
	}
	if got.Previous != strings.Repeat("0", 64) {
		t.Errorf("previous %s", got.Previous)
	}
}

func TestAppendIsIdempotent(t *testing.T) {
	t.Parallel()
	l := open(t)
	add(t, l, record(1))
	add(t, l, record(2))
	if row := add(t, l, record(1)); row != 1 {
		t.Errorf("the same record again: row %d, want 1", row)
	}
	other := record(1)
	other.Outcome = Failed
	_, err := l.Append(t.Context(), other)
	var conflict *ConflictError
	if !errors.As(err, &conflict) || conflict.Row != 1 {
		t.Errorf("another record of the same Change: %v, want a ConflictError for row 1", err)
	}
	head, err := l.Verify(t.Context())
	if err != nil || head.Rows != 2 {
		t.Errorf("%+v, %v", head, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, c := range []struct {
		name string
		edit func(*Record)
	}{
		{"no UID", func(r *Record) { r.UID = "" }},
		{"no name", func(r *Record) { r.Change = "" }},
		{"no environment", func(r *Record) { r.Environment = "" }},
		{"not ended", func(r *Record) { r.Outcome = "Running" }},
		{"skipped", func(r *Record) { r.Outcome = Skipped }},
		{"no end", func(r *Record) { r.FinishedAt = time.Time{} }},
		{"value that is no JSON", func(r *Record) { r.Components[0].Resources[0].Fields[0].After = func() {} }},
	} {
		r := record(1)
		c.edit(&r)
		if _, err := l.Append(t.Context(), r); err == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
}

func TestSecretsDoNotReachTheFile(t *testing.T) {
	t.Parallel()
	l := open(t)
	const hidden = "correct horse battery staple"
	r := record(1)
	r.Components[0].Resources[0].Fields = []diff.Field{
		{Path: "Marked", Before: hidden, After: map[string]any{"x": hidden}, Sensitive: true},
		{Path: "MasterUserPassword", Before: hidden, After: hidden}, // not marked
	}
	r.Components[1].Resources = append(r.Components[1].Resources, diff.Change{
		Resource: diff.Resource{Plane: diff.Kubernetes, Type: "Secret", Name: "db"}, Action: diff.Create,
		Fields: []diff.Field{{Path: "data", After: map[string]any{"url": hidden}}},
	})
	add(t, l, r)
	var text string
	if err := l.read.QueryRow("SELECT record FROM changes").Scan(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, hidden) {
		t.Errorf("a secret value is in the record: %s", text)
	}
	got, err := l.Get(t.Context(), r.UID)
	if err != nil {
		t.Fatal(err)
	}
	want := []diff.Field{{Path: "Marked", Sensitive: true}, {Path: "MasterUserPassword", Sensitive: true}}
	if d := cmp.Diff(want, got.Record.Components[0].Resources[0].Fields); d != "" {
		t.Error(d)
	}
}

func TestGetNames(t *testing.T) {
	t.Parallel()
	l := open(t)
	for _, n := range []int{1, 2, 12} {
		add(t, l, record(n))
	}
	twin := record(77)
	twin.Change, twin.Environment = "production-2", "other/production"
	add(t, l, twin)

	for name, want := range map[string]int64{"production-1": 1, "production-12": 12, "00000012": 12, "00000001-aaaa": 1} {
		got, err := l.Get(t.Context(), name)
		if err != nil || got.Record.Sequence != want {
			t.Errorf("Get(%q): sequence %d, %v", name, got.Record.Sequence, err)
		}
	}
	for _, name := range []string{"production", "0000", "production-2"} {
		var ambiguous *AmbiguousError
		if _, err := l.Get(t.Context(), name); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) < 2 {
			t.Errorf("Get(%q): %v, want an AmbiguousError", name, err)
		}
	}
	for _, name := range []string{"", "production-3", "%", "_", "production%", "é"} {
		if _, err := l.Get(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q): %v, want ErrNotFound", name, err)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	l := open(t)
	for n := 1; n <= 6; n++ {
		r := record(n)
		if n%2 == 0 {
			r.Outcome = Failed
		}
		if n > 4 {
			r.Environment = "team/staging"
		}
		add(t, l, r)
	}
	for _, c := range []struct {
		name   string
		filter Filter
		want   []int64
	}{
		{"all", Filter{}, []int64{6, 5, 4, 3, 2, 1}},
		{"environment", Filter{Environment: "team/production"}, []int64{4, 3, 2, 1}},
		{"outcome", Filter{Outcome: Failed}, []int64{6, 4, 2}},
		{"since", Filter{Since: noon.Add(4 * time.Second)}, []int64{6, 5, 4}},
		{"limit", Filter{Limit: 2}, []int64{6, 5}},
		{"page", Filter{Limit: 2, Before: 5}, []int64{4, 3}},
		{"both", Filter{Environment: "team/staging", Outcome: Succeeded}, []int64{5}},
		{"none", Filter{Environment: "team/dev"}, nil},
	} {
		entries, err := l.List(t.Context(), c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, e := range entries {
			got = append(got, e.Row)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	l := open(t)
	for n := 1; n <= 3; n++ {
		r := record(n)
		if n == 3 {
			r.Components[0].Resources[0].ID = "db-2"
			r.Components[1].Resources[0].Namespace = "elsewhere"
		}
		add(t, l, r)
	}
	for _, c := range []struct {
		name   string
		filter ResourceFilter
		want   []string
	}{
		{"ID", ResourceFilter{ID: "db-1"}, []string{"2 database MultiAZ", "1 database MultiAZ"}},
		{"name", ResourceFilter{Name: "ghost"}, []string{"3 blog spec.replicas", "2 blog spec.replicas", "1 blog spec.replicas"}},
		{"whole", ResourceFilter{Type: "apps/Deployment", Namespace: "blog", Name: "ghost", Environment: "team/production", Limit: 1}, []string{"2 blog spec.replicas"}},
		{"other type", ResourceFilter{Type: "Service", Name: "ghost"}, nil},
	} {
		found, err := l.Resource(t.Context(), c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range found {
			got = append(got, fmt.Sprint(e.Entry.Row, " ", e.Component, " ", e.Change.Fields[0].Path))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	if _, err := l.Resource(t.Context(), ResourceFilter{Type: "Service"}); err == nil {
		t.Error("a filter without name and ID was accepted")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	a, b := openFile(t, file), openFile(t, file)
	var wg sync.WaitGroup
	for n := 1; n <= 20; n++ {
		for _, l := range []*Ledger{a, b} { // both append the same records
			wg.Go(func() {
				if _, err := l.Append(context.Background(), record(n)); err != nil {
					t.Error(err)
				}
				if _, err := l.Verify(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	head, err := a.Verify(t.Context())
	if err != nil || head.Rows != 20 {
		t.Errorf("%+v, %v; want 20 rows", head, err)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	got, err := canonical(map[string]any{"b": []any{1, 2.5, "<&>é\n"}, "a": map[string]any{"z": nil, "A": true}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":{"A":true,"z":null},"b":[1,2.5,"<&>é\n"]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
