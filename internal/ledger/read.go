package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

// ErrNotFound says that no row answers to the name.
var ErrNotFound = errors.New("no such Change in the ledger")

// AmbiguousError says that a name stands for more than one row.
type AmbiguousError struct {
	Name string
	// Candidates as "namespace/environment change (uid)", newest first; ten at
	// most.
	Candidates []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("ledger: %q stands for more than one Change; give the UID of one: %s", e.Name, strings.Join(e.Candidates, ", "))
}

// Entry is one row.
type Entry struct {
	Row      int64  `json:"row"`
	Previous string `json:"previous"`
	Hash     string `json:"hash"`
	Record   Record `json:"record"`
}

const entryColumns = "c.row, c.previous, c.hash, c.record"

// Get returns the row of a Change, by its name, its UID, or a prefix of either
// that no other Change has. A whole name or UID goes before a prefix. Errors:
// ErrNotFound, *AmbiguousError.
func (l *Ledger) Get(ctx context.Context, name string) (Entry, error) {
	if name == "" {
		return Entry{}, fmt.Errorf("ledger: the name of a Change is empty: %w", ErrNotFound)
	}
	for _, where := range []string{
		"WHERE c.change = ?1 OR c.uid = ?1",
		// Ranges, unlike LIKE, use the indexes and know no wildcards.
		"WHERE c.change >= ?1 AND c.change < ?1 || char(0x10FFFF) OR c.uid >= ?1 AND c.uid < ?1 || char(0x10FFFF)",
	} {
		entries, err := l.entries(ctx, "SELECT "+entryColumns+" FROM changes c "+where+" ORDER BY c.row DESC LIMIT 10", name)
		switch {
		case err != nil:
			return Entry{}, err
		case len(entries) == 1:
			return entries[0], nil
		case len(entries) > 1:
			ambiguous := &AmbiguousError{Name: name}
			for _, e := range entries {
				ambiguous.Candidates = append(ambiguous.Candidates, fmt.Sprintf("%s %s (%s)", e.Record.Environment, e.Record.Change, e.Record.UID))
			}
			return Entry{}, ambiguous
		}
	}
	return Entry{}, fmt.Errorf("ledger: %q: %w", name, ErrNotFound)
}

// Filter says which rows List returns; what is empty does not restrict.
type Filter struct {
	Environment string    // "namespace/name"
	Outcome     Outcome   //
	Since       time.Time // finished then or later
	Before      int64     // rows older than this one, to read on after a page
	Limit       int       // 50 when zero, all when negative
}

// List returns rows, newest first.
func (l *Ledger) List(ctx context.Context, f Filter) ([]Entry, error) {
	q := query{text: "SELECT " + entryColumns + " FROM changes c WHERE true"}
	q.and(f.Environment != "", "c.environment = ?", f.Environment)
	q.and(f.Outcome != "", "c.outcome = ?", string(f.Outcome))
	q.and(!f.Since.IsZero(), "c.finished >= ?", f.Since.UnixMicro())
	q.and(f.Before > 0, "c.row < ?", f.Before)
	return l.entries(ctx, q.text+" ORDER BY c.row DESC LIMIT ?", append(q.args, limit(f.Limit))...)
}

// ResourceFilter names a resource by ID, or by Name with any of the others; what
// is empty does not restrict.
type ResourceFilter struct {
	ID                    string // physical ID of an AWS resource
	Type, Namespace, Name string // as in diff.Resource
	Environment           string // "namespace/name"
	Limit                 int    // 50 when zero, all when negative
}

// ResourceEntry is what one Change did to a resource.
type ResourceEntry struct {
	Entry     Entry       `json:"entry"`
	Component string      `json:"component"`
	Change    diff.Change `json:"change"`
}

// Resource returns the history of a resource, newest first: the answer to why it
// is what it is.
func (l *Ledger) Resource(ctx context.Context, f ResourceFilter) ([]ResourceEntry, error) {
	if f.ID == "" && f.Name == "" {
		return nil, errors.New("ledger: the history of a resource needs its name or its ID")
	}
	q := query{text: "SELECT " + entryColumns + ", r.component, r.position FROM resources r JOIN changes c ON c.row = r.row WHERE true"}
	q.and(f.ID != "", "r.id = ?", f.ID)
	q.and(f.ID != "", "r.id <> ''") // lets SQLite use the partial index
	q.and(f.Name != "", "r.name = ?", f.Name)
	q.and(f.Type != "", "r.type = ?", f.Type)
	q.and(f.Namespace != "", "r.namespace = ?", f.Namespace)
	q.and(f.Environment != "", "c.environment = ?", f.Environment)
	rows, err := l.read.QueryContext(ctx, q.text+" ORDER BY r.row DESC, r.component DESC, r.position DESC LIMIT ?", append(q.args, limit(f.Limit))...)
	if err != nil {
		return nil, l.failed(err)
	}
	defer rows.Close()
	var found []ResourceEntry
	for rows.Next() {
		var component, position int
		e, err := scan(rows.Scan, &component, &position)
		if err != nil {
			return nil, l.failed(err)
		}
		if component >= len(e.Record.Components) || position >= len(e.Record.Components[component].Resources) {
			return nil, l.failed(fmt.Errorf("row %d: its table of resources does not fit its record; run verify", e.Row))
		}
		c := e.Record.Components[component]
		found = append(found, ResourceEntry{Entry: e, Component: c.Name, Change: c.Resources[position]})
	}
	return found, l.failed(rows.Err())
}

func (l *Ledger) entries(ctx context.Context, text string, args ...any) ([]Entry, error) {
	rows, err := l.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, l.failed(err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		e, err := scan(rows.Scan)
		if err != nil {
			return nil, l.failed(err)
		}
		entries = append(entries, e)
	}
	return entries, l.failed(rows.Err())
}

func scan(scan func(...any) error, more ...any) (Entry, error) {
	var e Entry
	var record string
	if err := scan(append([]any{&e.Row, &e.Previous, &e.Hash, &record}, more...)...); err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(record), &e.Record); err != nil {
		return e, fmt.Errorf("row %d: its record can't be read: %w; run verify", e.Row, err)
	}
	return e, nil
}

func (l *Ledger) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ledger %s: %w", l.file, err)
}

// query gathers conditions with their arguments.
type query struct {
	text string
	args []any
}

func (q *query) and(given bool, condition string, args ...any) {
	if given {
		q.text += " AND " + condition
		q.args = append(q.args, args...)
	}
}

func limit(n int) int {
	if n == 0 {
		return 50
	}
	return n // SQLite takes a negative limit for none
}
