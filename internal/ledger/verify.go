package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
)

// Head is the end of the chain: how many rows there are, and the hash of the
// newest. Two Heads of one ledger at different times let a reader prove that
// nothing was cut off between them.
type Head struct {
	Rows int64  `json:"rows"`
	Hash string `json:"hash"`
}

// BrokenError names the first bad row.
type BrokenError struct {
	Row     int64
	Change  string // as far as it can be told
	Problem string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("ledger: row %d (Change %q) is broken: %s", e.Row, e.Change, e.Problem)
}

// Verify walks the chain from the first row to the newest, on one snapshot while
// others may append, and returns its Head. The error is a *BrokenError when a row
// is not what was appended.
func (l *Ledger) Verify(ctx context.Context) (Head, error) {
	tx, err := l.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Head{}, l.failed(err)
	}
	defer tx.Rollback()
	head, err := walk(ctx, tx)
	if broken, ok := err.(*BrokenError); ok {
		return head, broken
	}
	if err != nil {
		return head, l.failed(err)
	}
	var stray int64
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM resources WHERE row < 1 OR row > ?", head.Rows).Scan(&stray)
	if err == nil && stray > 0 {
		return head, &BrokenError{Row: head.Rows + 1, Problem: fmt.Sprintf("the table of resources has %d rows of no Change", stray)}
	}
	return head, l.failed(err)
}

func walk(ctx context.Context, tx *sql.Tx) (Head, error) {
	head := Head{Hash: origin}
	resources, err := tx.PrepareContext(ctx, "SELECT row, component, position, plane, type, namespace, name, id FROM resources WHERE row = ? ORDER BY component, position")
	if err != nil {
		return head, err
	}
	defer resources.Close()
	rows, err := tx.QueryContext(ctx, "SELECT row, uid, change, environment, outcome, finished, record, previous, hash FROM changes ORDER BY row")
	if err != nil {
		return head, err
	}
	defer rows.Close()
	for rows.Next() {
		var x rowColumns
		if err := rows.Scan(&x.row, &x.uid, &x.change, &x.environment, &x.outcome, &x.finished, &x.record, &x.previous, &x.hash); err != nil {
			return head, err
		}
		record, problem := x.check(head)
		if problem == "" {
			if problem, err = checkResources(ctx, resources, x.row, record); err != nil {
				return head, err
			}
		}
		if problem != "" {
			return head, &BrokenError{Row: x.row, Change: x.change, Problem: problem}
		}
		head = Head{Rows: x.row, Hash: x.hash}
	}
	return head, rows.Err()
}

type rowColumns struct {
	row, finished                                             int64
	uid, change, environment, outcome, record, previous, hash string
}

// check returns the record, and what is wrong with the row that follows head.
func (x rowColumns) check(head Head) (Record, string) {
	var r Record
	switch {
	case x.row != head.Rows+1:
		return r, fmt.Sprintf("it follows row %d: rows between them are missing", head.Rows)
	case x.previous != head.Hash:
		return r, fmt.Sprintf("it continues %.12s…, but the row before it has the hash %.12s…", x.previous, head.Hash)
	case x.hash != sum(x.previous, x.record):
		return r, "its hash is not that of its record: the record was altered"
	}
	if err := json.Unmarshal([]byte(x.record), &r); err != nil {
		return r, "its record is not JSON of a known form: " + err.Error()
	}
	if x.uid != r.UID || x.change != r.Change || x.environment != r.Environment ||
		x.outcome != string(r.Outcome) || x.finished != r.FinishedAt.UnixMicro() {
		return r, "its columns are not those of its record"
	}
	return r, ""
}

func checkResources(ctx context.Context, stmt *sql.Stmt, row int64, r Record) (problem string, err error) {
	var want [][]any
	for i, c := range r.Components {
		for j, change := range c.Resources {
			want = append(want, columns(row, i, j, change.Resource))
		}
	}
	rows, err := stmt.QueryContext(ctx, row)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var got struct {
			row                              int64
			component, position              int
			plane, kind, namespace, name, id string
		}
		if err := rows.Scan(&got.row, &got.component, &got.position, &got.plane, &got.kind, &got.namespace, &got.name, &got.id); err != nil {
			return "", err
		}
		if n >= len(want) || !slices.Equal(want[n], []any{got.row, got.component, got.position, got.plane, got.kind, got.namespace, got.name, got.id}) {
			return "its table of resources is not that of its record", nil
		}
	}
	if n < len(want) {
		return "its table of resources is not that of its record", rows.Err()
	}
	return "", rows.Err()
}
