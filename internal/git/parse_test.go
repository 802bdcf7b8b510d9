package git

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	oidA = "1111111111111111111111111111111111111111"
	oidB = "2222222222222222222222222222222222222222"
)

func TestParseCommit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want Commit
	}{
		"merge, signed": {
			"tree " + oidA + "\nparent " + oidA + "\nparent " + oidB + "\nauthor A <a@x> 10 +0000\ncommitter B <b@x> 20 +0000\n" +
				"gpgsig -----BEGIN\n author Mallory <m@x> 1 +0000\n -----END\n\nsubject\n",
			Commit{
				Tree: oidA, Parents: []string{oidA, oidB}, Author: "A", AuthorEmail: "a@x", AuthoredAt: time.Unix(10, 0),
				Committer: "B", CommitterEmail: "b@x", CommittedAt: time.Unix(20, 0), Subject: "subject", Message: "subject", Signed: true,
			},
		},
		"no message": {
			"tree " + oidA + "\nauthor  <> 10 +0000\ncommitter B <b@x> 99999999999999 +0000\n",
			Commit{Tree: oidA, AuthoredAt: time.Unix(10, 0), Committer: "B", CommitterEmail: "b@x"},
		},
		"message that looks like a header": {
			"tree " + oidA + "\nauthor A <a@x> 10 x\ncommitter B <b@x> 10 +9999\n\ntree " + oidB + "\n\nauthor X",
			Commit{
				Tree: oidA, Author: "A", AuthorEmail: "a@x", AuthoredAt: time.Unix(10, 0), Committer: "B", CommitterEmail: "b@x",
				CommittedAt: time.Unix(10, 0), Subject: "tree " + oidB, Message: "tree " + oidB + "\n\nauthor X",
			},
		},
	} {
		got, err := parseCommit(tc.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(tc.want, got, cmp.Comparer(time.Time.Equal)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for _, bad := range []string{"", "tree x\n\n", "tree " + oidA + "\nparent --x\n\n", "tree " + oidA + "\nauthor nobody\n\n"} {
		if _, err := parseCommit(bad); err == nil {
			t.Errorf("parseCommit(%q) found nothing wrong", bad)
		}
	}
}

func TestNewTreeRefusesWhatGitWouldNotMake(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]Entry{
		"climbs":    {{Path: "..", Mode: Directory}, {Path: "../x", Mode: File}},
		"absolute":  {{Path: "/etc", Mode: Directory}},
		"empty":     {{Path: "", Mode: File}},
		"twice":     {{Path: "a", Mode: File}, {Path: "a", Mode: File}},
		"no parent": {{Path: "a/b", Mode: File}},
		"in a file": {{Path: "a", Mode: File}, {Path: "a/b", Mode: File}},
		"dots":      {{Path: "a", Mode: Directory}, {Path: "a/.", Mode: File}},
	} {
		if _, err := NewTree(oidA, entries); err == nil {
			t.Errorf("%s: nothing wrong found", name)
		}
	}
}

func TestSourceNeverPrintsItsPassword(t *testing.T) {
	t.Parallel()
	s := Source{URL: "https://ada:pw1@example.com/x.git", Username: "ada", Password: "pw2"}
	if got := s.String() + s.GoString(); strings.Contains(got, "pw") {
		t.Errorf("printed as %s", got)
	}
}

func FuzzParseListing(f *testing.F) {
	f.Add("100644 blob " + oidA + "      12\ta/b.yaml\x00040000 tree " + oidB + "       -\ta\x00")
	f.Add("160000 commit " + oidA + "       -\tsub\x00")
	f.Add("100644 blob " + oidA + "\n")
	f.Fuzz(func(t *testing.T, s string) {
		entries, err := parseListing(s)
		if err != nil {
			return
		}
		tree, err := NewTree(oidA, entries)
		if err != nil {
			return
		}
		for _, e := range tree.Entries() {
			if got, ok := tree.Entry(e.Path); !ok || got != e {
				t.Errorf("entry %q is not found again", e.Path)
			}
			if e.IsDir() {
				if _, err := tree.Sub(e.Path); err != nil {
					t.Errorf("Sub(%q): %v", e.Path, err)
				}
			}
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	f.Add("tree " + oidA + "\nparent " + oidB + "\nauthor A <a@x> 10 +0000\ncommitter B <b@x> 20 -0730\n\nsubject\n\nbody\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCommit(s)
		if err == nil && (!validOID(c.Tree) || strings.Contains(c.Subject, "\n")) {
			t.Errorf("accepted %+v", c)
		}
	})
}

func FuzzParseObjectHeader(f *testing.F) {
	f.Add(oidA + " blob 12")
	f.Add("x missing")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseObjectHeader(s)
		if err == nil && (!validOID(h.oid) || h.size < 0) {
			t.Errorf("accepted %+v", h)
		}
	})
}
