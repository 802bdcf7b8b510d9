package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// origin is the previous hash of the first row.
var origin = strings.Repeat("0", 64)

// ConflictError says that the Change is in the ledger already with another
// record, which stands.
type ConflictError struct {
	Change, UID string
	Row         int64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("ledger: Change %s (%s) is recorded in row %d with another record, and the ledger is append-only: that row stands", e.Change, e.UID, e.Row)
}

// Append adds the record as the newest row and returns the row's number. The row
// is on disk when it returns. A Change that has its row already gets that number
// when the record is the same, and a *ConflictError when it is not.
func (l *Ledger) Append(ctx context.Context, r Record) (row int64, err error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	r = r.stored()
	text, err := canonical(r)
	if err != nil {
		return 0, fmt.Errorf("ledger: Change %s: encode its record: %w", r.Change, err)
	}
	row, err = l.insert(ctx, r, text)
	if err != nil && !errors.As(err, new(*ConflictError)) {
		return 0, fmt.Errorf("ledger %s: append Change %s: %w", l.file, r.Change, err)
	}
	return row, err
}

func (l *Ledger) insert(ctx context.Context, r Record, text string) (int64, error) {
	tx, err := l.write.BeginTx(ctx, nil) // BEGIN IMMEDIATE: the newest row stays the newest
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()

	var row int64
	var known string
	switch err := tx.QueryRowContext(ctx, "SELECT row, record FROM changes WHERE uid = ?", r.UID).Scan(&row, &known); {
	case err == nil && known == text:
		return row, nil
	case err == nil:
		return row, &ConflictError{Change: r.Change, UID: r.UID, Row: row}
	case !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}

	previous := origin
	err = tx.QueryRowContext(ctx, "SELECT row, hash FROM changes ORDER BY row DESC LIMIT 1").Scan(&row, &previous)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	row++
	failpoint.Hit("ledger/before-insert")
	_, err = tx.ExecContext(ctx, "INSERT INTO changes (row, uid, change, environment, outcome, finished, record, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		row, r.UID, r.Change, r.Environment, string(r.Outcome), r.FinishedAt.UnixMicro(), text, previous, sum(previous, text))
	if err != nil {
		return 0, err
	}
	failpoint.Hit("ledger/inside-append")
	if err := insertResources(ctx, tx, row, r); err != nil {
		return 0, err
	}
	failpoint.Hit("ledger/before-commit")
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	failpoint.Hit("ledger/after-commit")
	return row, nil
}

func insertResources(ctx context.Context, tx *sql.Tx, row int64, r Record) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO resources (row, component, position, plane, type, namespace, name, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, c := range r.Components {
		for j, change := range c.Resources {
			if _, err := insert.ExecContext(ctx, columns(row, i, j, change.Resource)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// columns of a row in the table of resources.
func columns(row int64, component, position int, r diff.Resource) []any {
	return []any{row, component, position, string(r.Plane), r.Type, r.Namespace, r.Name, r.ID}
}

// sum is the hash of a row, as doc.go describes it.
func sum(previous, record string) string {
	h := sha256.Sum256([]byte(previous + "\n" + record))
	return hex.EncodeToString(h[:])
}
