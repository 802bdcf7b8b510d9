package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOpenRefusesWithoutHarm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()

	good := filepath.Join(dir, "good.db")
	l, err := Open(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		add(t, l, record(n+1))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}

	foreign := filepath.Join(dir, "foreign.db")
	if _, err := other(t, foreign).Exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}

	newer := bytes.Clone(whole)
	newer[63] = 99 // user_version
	torn := bytes.Clone(whole)
	for i := 4096; i < len(torn); i += 4096 {
		copy(torn[i:], bytes.Repeat([]byte{0xa5}, 64))
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    error
	}{
		{"text", []byte("This is a diary.\n"), ErrForeign},
		{"long text", bytes.Repeat([]byte("This is a diary.\n"), 1000), ErrForeign},
		{"another program's database", theirs, ErrForeign},
		{"newer", newer, ErrNewer},
		{"torn", torn, ErrCorrupt},
		{"cut short", whole[:len(whole)/2], ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := Open(t.Context(), file)
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("Open: %v, want %v", err, c.want)
			}
			after, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(after, c.content) {
				t.Errorf("the file was altered (%v)", err)
			}
		})
	}
}

func TestOpenAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	for n := 1; n <= 3; n++ {
		l, err := Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if row := add(t, l, record(n)); row != int64(n) {
			t.Errorf("row %d, want %d", row, n)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	l := open(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "10000", "foreign_keys": "1"} {
		var got string
		if err := l.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, want %s (%v)", pragma, got, want, err)
		}
	}
	if _, err := l.read.Exec("CREATE TABLE x (y)"); err == nil {
		t.Error("the readers can write")
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	l := openFile(t, file)
	add(t, l, record(1))

	broken := append(migrations[:1:1], "ALTER TABLE changes ADD COLUMN author TEXT; this is no SQL")
	if err := migrate(t.Context(), l.write, broken); err == nil {
		t.Fatal("a broken migration succeeded")
	}
	next := append(migrations[:1:1], "ALTER TABLE changes ADD COLUMN author TEXT GENERATED ALWAYS AS (record ->> 'author') VIRTUAL")
	for range 2 { // the second time there is nothing to do
		if err := migrate(t.Context(), l.write, next); err != nil {
			t.Fatal(err)
		}
	}
	var author string
	if err := l.read.QueryRow("SELECT author FROM changes").Scan(&author); err != nil || author != "Ada" {
		t.Errorf("author %q, %v", author, err)
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), file); !errors.Is(err, ErrNewer) {
		t.Errorf("Open of a newer file: %v, want ErrNewer", err)
	}
}
