package ledger

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// other opens the file as another program would.
func other(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestTheFileItselfIsAppendOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	l := openFile(t, file)
	add(t, l, record(1))
	add(t, l, record(2))
	db := other(t, file)
	for _, statement := range []string{
		"UPDATE changes SET outcome = 'Failed' WHERE row = 1",
		"DELETE FROM changes WHERE row = 2",
		"DELETE FROM changes",
		"UPDATE resources SET name = 'x'",
		"DELETE FROM resources",
		"INSERT OR REPLACE INTO changes SELECT * FROM changes WHERE row = 2",
		"INSERT OR REPLACE INTO changes SELECT row, uid, change, environment, outcome, finished, 'x', previous, 'y' FROM changes WHERE row = 2",
		"INSERT INTO changes SELECT 9, 'u', change, environment, outcome, finished, record, hash, 'h' FROM changes WHERE row = 2",
		"INSERT INTO changes SELECT 3, 'u', change, environment, outcome, finished, record, previous, 'h' FROM changes WHERE row = 2",
		"INSERT OR REPLACE INTO resources SELECT row, component, position, plane, type, namespace, 'x', id FROM resources WHERE row = 2",
		"INSERT INTO resources VALUES (1, 9, 9, '', '', '', '', '')",
	} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want the trigger's refusal", statement, err)
		}
	}
	if head, err := l.Verify(t.Context()); err != nil || head.Rows != 2 {
		t.Errorf("%+v, %v", head, err)
	}
}

// TestVerify takes the triggers away, as a forger would, and alters one thing.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, statement string
		row             int64
	}{
		{"record", "UPDATE changes SET record = replace(record, 'Ada', 'Eve') WHERE row = 2", 2},
		{"record and hash", "UPDATE changes SET record = replace(record, 'Ada', 'Eve'), hash = 'x' WHERE row = 2", 2},
		{"previous", "UPDATE changes SET previous = 'x' WHERE row = 3", 3},
		{"first", "UPDATE changes SET previous = 'x' WHERE row = 1", 1},
		{"a row in the middle gone", "DELETE FROM resources WHERE row = 2; DELETE FROM changes WHERE row = 2", 3},
		{"the first row gone", "DELETE FROM resources WHERE row = 1; DELETE FROM changes WHERE row = 1", 2},
		{"outcome", "UPDATE changes SET outcome = 'Failed' WHERE row = 2", 2},
		{"time", "UPDATE changes SET finished = finished + 1 WHERE row = 3", 3},
		{"resource renamed", "UPDATE resources SET name = 'x' WHERE row = 2", 2},
		{"resource gone", "DELETE FROM resources WHERE row = 2 AND component = 1", 2},
		{"resource added", "INSERT INTO resources VALUES (2, 5, 0, '', '', '', '', '')", 2},
		{"resource of no row", "INSERT INTO resources VALUES (9, 0, 0, '', '', '', '', '')", 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ledger.db")
			l := openFile(t, file)
			for n := 1; n <= 3; n++ {
				add(t, l, record(n))
			}
			db := other(t, file)
			for _, trigger := range []string{"changes_continue_the_chain", "changes_no_update", "changes_no_delete", "resources_belong_to_the_newest", "resources_no_update", "resources_no_delete"} {
				if _, err := db.Exec("DROP TRIGGER " + trigger); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := db.Exec(c.statement); err != nil {
				t.Fatal(err)
			}
			_, err := l.Verify(t.Context())
			var broken *BrokenError
			if !errors.As(err, &broken) || broken.Row != c.row {
				t.Errorf("Verify: %v, want row %d named", err, c.row)
			}
		})
	}
}

func TestVerifyTellsWhatWasCutOff(t *testing.T) {
	t.Parallel()
	l := open(t)
	empty, err := l.Verify(t.Context())
	if err != nil || empty.Rows != 0 || empty.Hash != origin {
		t.Fatalf("%+v, %v", empty, err)
	}
	add(t, l, record(1))
	one, err := l.Verify(t.Context())
	if err != nil || one.Rows != 1 || one.Hash == origin {
		t.Fatalf("%+v, %v", one, err)
	}
}
