package session

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// start opens a session in folders with awkward names.
func start(t *testing.T, ctx context.Context, shell string, limits contain.Limits) (*Session, *bytes.Buffer) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	dir, folder := base+"/it's the $HOME", base+"/state 'n"
	for _, d := range []string{dir, folder} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if limits.Time == 0 {
		limits.Time = time.Minute
	}
	var out bytes.Buffer
	s, err := Start(ctx, contain.Command{Dir: dir, Env: contain.Environment(dir, base, false), Limits: limits}, shell, folder, &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, &out
}

type step struct {
	script string
	status int
	output string
}

func TestSession(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]step{
		"directory and variables": {
			{"mkdir sub; cd sub; export A='a  b\n'; B=b; f() { echo \"$A$B\"; }", 0, ""},
			{"basename \"$PWD\"; f", 0, "sub\na  b\nb\n"},
		},
		"status":     {{"false", 1, ""}, {"(exit 7)", 7, ""}, {"", 0, ""}, {"true", 0, ""}},
		"text as is": {{"echo '$x' \"it's\" \\\\ `echo y`", 0, "$x it's \\ y\n"}, {"cat <<END\n a\n\n b\nEND\n", 0, " a\n\n b\n"}},
		"no newline": {{"printf one", 0, "one"}, {"printf two", 0, "two"}},
		"no input":   {{"cat; read x; echo $?", 0, "1\n"}},
		"exit ends the shell": {
			{"export A=1; cd /; f() { :; }", 0, ""},
			{"A=2; exit 3", 3, ""},
			{"echo $A $PWD", 0, "1 /\n"},
			{"exit 0", 0, ""},
			{"f 2>/dev/null", 127, ""},
		},
		"errexit": {
			{"set -e", 0, ""},
			{"echo a; false; echo b", 1, "a\n"},
			{"echo c", 0, "c\n"},
		},
		"exec":      {{"exec sh -c 'echo e; exit 4'", 4, "e\n"}, {"echo after", 0, "after\n"}},
		"break":     {{"break", 0, ""}, {"echo after", 0, "after\n"}},
		"return":    {{"return 5; echo not", 5, ""}, {"echo after", 0, "after\n"}},
		"nounset":   {{"set -u", 0, ""}, {"echo ${HOME+yes}", 0, "yes\n"}},
		"noclobber": {{"set -C", 0, ""}, {"echo", 0, "\n"}},
		"redirected": {
			{"exec >log 2>&1; echo logged", 0, ""},
			{"echo too", 0, ""},
			{"cat log >&7", 0, "logged\ntoo\n"},
		},
		"lock":          {{"exec 9>lock; flock 9; echo held", 0, "held\n"}, {"echo still", 0, "still\n"}},
		"no PATH":       {{"PATH=", 0, ""}, {"echo still", 0, "still\n"}},
		"no directory":  {{"mkdir x; cd x; rmdir ../x", 0, ""}, {"exit 1", 1, ""}, {"echo still", 0, "still\n"}},
		"NUL in output": {{"printf 'a\\000b\\n'", 0, "a\x00b\n"}},
		"background": {
			{"sleep 3600 & echo $! > pid", 0, ""},
			{"kill -0 $(cat pid) && echo alive", 0, "alive\n"},
		},
		"many variables": {{"export LONG=$(head -c 100000 /dev/zero | tr '\\0' x)", 0, ""}, {"exit 1", 1, ""}, {"echo ${#LONG}", 0, "100000\n"}},
	} {
		for _, shell := range []string{"sh", "bash"} {
			t.Run(name+" in "+shell, func(t *testing.T) {
				t.Parallel()
				s, out := start(t, t.Context(), shell, contain.Limits{})
				for _, step := range steps {
					out.Reset()
					status, err := s.Run(step.script)
					if err != nil {
						t.Fatalf("%s: %v", step.script, err)
					}
					if status != step.status {
						t.Errorf("%s: status %d, want %d", step.script, status, step.status)
					}
					if d := cmp.Diff(step.output, out.String()); d != "" {
						t.Errorf("%s (-want +got):\n%s", step.script, d)
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A trace shows the commands, and little of what stands between them.
func TestTrace(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		s, out := start(t, t.Context(), shell, contain.Limits{})
		for _, script := range []string{"set -x", "echo out"} {
			if status, err := s.Run(script); status != 0 || err != nil {
				t.Errorf("%s: status %d, %v", shell, status, err)
			}
		}
		if !strings.Contains(out.String(), "+ echo out\nout\n") || strings.Count(out.String(), "\n") > 3 || strings.Contains(out.String(), "drawbridge_") {
			t.Errorf("%s: traced %q", shell, out)
		}
	}
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		s, out := start(t, t.Context(), shell, contain.Limits{})
		if status, err := s.Run("if true; echo"); status == 0 || err != nil || out.Len() == 0 {
			t.Errorf("%s: status %d, %v, output %q", shell, status, err, out)
		}
		if status, err := s.Run("echo after"); status != 0 || err != nil {
			t.Errorf("%s: status %d, %v, output %q", shell, status, err, out)
		}
	}
}

func TestOver(t *testing.T) {
	t.Parallel()
	newer := errors.New("a newer commit")
	for name, c := range map[string]struct {
		script string
		limits contain.Limits
		want   error
	}{
		"time":      {"sleep 3600", contain.Limits{Time: 200 * time.Millisecond}, contain.ErrTime},
		"output":    {"yes", contain.Limits{Output: 1000}, contain.ErrOutput},
		"cancelled": {"echo begun; sleep 3600", contain.Limits{}, newer},
		"killed":    {"kill -KILL $PPID; sleep 3600", contain.Limits{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			s, _ := start(t, ctx, "sh", c.limits)
			if name == "cancelled" {
				s.marks.output = onWrite(func() { cancel(newer) })
			}
			for range 2 {
				if _, err := s.Run(c.script); err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}
		})
	}
}

type onWrite func()

func (f onWrite) Write(p []byte) (int, error) { f(); return len(p), nil }

func FuzzMarks(f *testing.F) {
	f.Add("out\x00N 1 0\x00more\x00N x\x00", 5)
	f.Add("\x00N end 12\x00\x00N \x00N 1 1\x00", 3)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		read := func(pieces ...string) string {
			var out bytes.Buffer
			m := newMarks("N", &out)
			for _, p := range pieces {
				if _, err := m.Write([]byte(p)); err != nil {
					t.Fatal(err)
				}
			}
			m.flush()
			return out.String()
		}
		cut = max(0, min(cut, len(text)))
		once, twice := read(text), read(text[:cut], text[cut:])
		if once != twice {
			t.Errorf("in two pieces %q, in one %q", twice, once)
		}
		if !strings.Contains(text, "\x00N ") && once != text {
			t.Errorf("%q became %q", text, once)
		}
	})
}

func TestMarks(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := newMarks("N", &out)
	for _, p := range []string{"one\x00", "N 1", " 0\x00two\x00N end 9\x00", "\x00N", " x y\x00three\x00N 3"} {
		if _, err := m.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	m.flush()
	close(m.found)
	var found []mark
	for f := range m.found {
		found = append(found, f)
	}
	if d := cmp.Diff([]mark{{1, 0}, {shellEnded, 9}}, found, cmp.AllowUnexported(mark{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if want := "onetwothree\x00N 3"; out.String() != want {
		t.Errorf("passed on %q, want %q", out.String(), want)
	}
}
