package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Commit is a commit as Git stores it. Text that is not UTF-8 has its bad bytes
// replaced by U+FFFD. Times keep the zone that they were written in.
type Commit struct {
	OID, Tree      string
	Parents        []string
	Author         string
	AuthorEmail    string
	AuthoredAt     time.Time
	Committer      string
	CommitterEmail string
	CommittedAt    time.Time
	// Subject is the first paragraph of the message on one line, Message the
	// whole without the line end at its end.
	Subject, Message string
	// Signed tells that the commit carries a signature; not that it is valid.
	Signed bool
}

// Commit reads a commit. ErrObjectNotFound when the mirror does not have it.
func (m *Mirror) Commit(ctx context.Context, oid string) (Commit, error) {
	data, err := m.object(ctx, oid, "commit")
	if err != nil {
		return Commit{}, err
	}
	c, err := parseCommit(string(data))
	if err != nil {
		return Commit{}, fmt.Errorf("read commit %s: %w", oid, err)
	}
	c.OID = oid
	return c, nil
}

// parseCommit reads the object format: header lines, continued by a leading
// space, an empty line, the message.
func parseCommit(text string) (Commit, error) {
	var c Commit
	header, message, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(header, "\n"), "\n") {
		key, value, _ := strings.Cut(line, " ")
		var err error
		switch key {
		case "tree":
			c.Tree = value
		case "parent":
			if !validOID(value) {
				return Commit{}, fmt.Errorf("bad parent %q", value)
			}
			c.Parents = append(c.Parents, value)
		case "author":
			c.Author, c.AuthorEmail, c.AuthoredAt, err = parseSignature(value)
		case "committer":
			c.Committer, c.CommitterEmail, c.CommittedAt, err = parseSignature(value)
		case "gpgsig", "gpgsig-sha256":
			c.Signed = true
		}
		if err != nil {
			return Commit{}, fmt.Errorf("bad %s: %w", key, err)
		}
	}
	if !validOID(c.Tree) {
		return Commit{}, fmt.Errorf("bad tree %q", c.Tree)
	}
	c.Message = strings.Trim(strings.ToValidUTF8(message, "\uFFFD"), "\n")
	subject, _, _ := strings.Cut(c.Message, "\n\n")
	c.Subject = strings.Join(strings.Fields(subject), " ")
	return c, nil
}

// parseSignature reads "Name <email> seconds zone". Old and broken tools write
// empty names and odd zones; what can't be read is left empty, except the frame.
func parseSignature(s string) (name, email string, at time.Time, err error) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	open, end := strings.Index(s, "<"), strings.LastIndex(s, ">")
	if open < 0 || end < open {
		return "", "", time.Time{}, fmt.Errorf("expected \"Name <email> time zone\", found %q", s)
	}
	name, email = strings.TrimSpace(s[:open]), strings.TrimSpace(s[open+1:end])
	if f := strings.Fields(s[end+1:]); len(f) > 0 {
		seconds, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil || seconds < 0 || seconds > 1<<40 {
			return name, email, time.Time{}, nil
		}
		at = time.Unix(seconds, 0).UTC()
		if len(f) > 1 {
			at = at.In(parseZone(f[1]))
		}
	}
	return name, email, at, nil
}

func parseZone(s string) *time.Location {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 5 || n < -1400 || n > 1400 || n == 0 {
		return time.UTC
	}
	return time.FixedZone("", n/100*3600+n%100*60)
}
