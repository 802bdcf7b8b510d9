package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Errors of Open, for errors.Is.
var (
	ErrForeign = errors.New("not a ledger of Drawbridge")
	ErrNewer   = errors.New("written by a newer version of Drawbridge")
	ErrCorrupt = errors.New("damaged")
)

// Ledger is an open ledger. See the package comment for its promises.
type Ledger struct {
	file string
	// write has one connection, so that writers of this process queue here
	// and not at SQLite's lock, where the luckiest goes first.
	write, read *sql.DB
}

// Open opens the ledger in the file, which is made when it is missing or empty;
// its folder must exist. It brings the schema of an older version up to date.
func Open(ctx context.Context, file string) (*Ledger, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := recognise(file); err != nil {
		return nil, err
	}
	l := &Ledger{file: file}
	if l.write, err = connect(file, 1); err != nil {
		return nil, fmt.Errorf("ledger %s: %w", file, err)
	}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(err, l.write.Close())
	}
	if l.read, err = connect(file, 4, "query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", file, err), l.write.Close())
	}
	return l, nil
}

// Close closes the file. Calls that are under way end first.
func (l *Ledger) Close() error { return errors.Join(l.read.Close(), l.write.Close()) }

func connect(file string, connections int, pragmas ...string) (*sql.DB, error) {
	pragmas = append([]string{"busy_timeout(10000)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)"}, pragmas...)
	dsn := url.URL{Scheme: "file", Path: file, RawQuery: url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}.Encode()}
	if connections > 1 {
		dsn.RawQuery = url.Values{"_pragma": pragmas}.Encode() // readers take no write lock
	}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	return db, nil
}

// recognise reads the header by hand: once SQLite has opened a file for writing
// it may change it. The application's number is in the header from the first
// commit on, as files are made before they are switched to WAL.
func recognise(file string) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	header := make([]byte, 100)
	switch n, err := io.ReadFull(f, header); {
	case err == io.EOF:
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ledger %s: %w", file, err)
	case n < len(header) || string(header[:16]) != "SQLite format 3\x00":
		return fmt.Errorf("ledger %s: %w: it is not an SQLite database; name another file", file, ErrForeign)
	}
	if id := binary.BigEndian.Uint32(header[68:]); id != applicationID {
		return fmt.Errorf("ledger %s: %w: it is another program's SQLite database (application %#x); name another file", file, ErrForeign, id)
	}
	return nil
}

// prepare checks the file, makes or migrates the schema, and switches to WAL.
func (l *Ledger) prepare(ctx context.Context) error {
	var problem string
	err := l.write.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&problem)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		problem = err.Error()
	}
	if problem != "ok" {
		return fmt.Errorf("ledger %s: %w: %s; restore it from a backup", l.file, ErrCorrupt, problem)
	}
	if err := migrate(ctx, l.write, migrations); err != nil {
		return fmt.Errorf("ledger %s: %w", l.file, err)
	}
	var mode string
	if err := l.write.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
		return fmt.Errorf("ledger %s: switch to WAL: %w", l.file, err)
	}
	if mode != "wal" {
		return fmt.Errorf("ledger %s: the file system does not allow SQLite's write-ahead log (journal mode stays %q); use a local disk", l.file, mode)
	}
	return nil
}

// migrate runs what the file has not seen yet, all of it or nothing.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version, tables int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case version > len(steps):
		return fmt.Errorf("%w: its schema is version %d, this program knows %d; upgrade Drawbridge", ErrNewer, version, len(steps))
	case version == 0 && tables > 0:
		return fmt.Errorf("%w: it has tables but no version", ErrForeign)
	case version == len(steps):
		return nil
	}
	for i, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("bring the schema to version %d: %w", version+i+1, err)
		}
	}
	// PRAGMA takes no parameters; both numbers are ours.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}
