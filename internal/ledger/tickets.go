package ledger

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Tickets returns the references to tickets in a commit's message, in the order
// in which they appear, each once: keys like "ABC-123", "GH-123", "#123",
// "owner/repo#123", and the addresses of issues, merge requests and work items
// (without user, query and fragment). It does not know which trackers exist:
// "SHA-256" and its like are left out by name, "Z80-1" is a ticket.
func Tickets(message string) []string {
	var found []string
	add := func(s string) {
		if !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for message != "" {
		at := address.FindStringIndex(message)
		if at == nil {
			keys(message, add)
			break
		}
		keys(message[:at[0]], add)
		if u := issueAddress(message[at[0]:at[1]]); u != "" {
			add(u)
		}
		message = message[at[1]:]
	}
	return found
}

var (
	address = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"'` + "`" + `|\\^{}]+`)

	// Paths under which trackers show one ticket: GitHub, GitLab, Gitea, Jira,
	// Linear, YouTrack, Azure DevOps.
	issuePath = regexp.MustCompile(`^(/[\w.~%-]+)*/(-/)?(issues?|pulls?|merge_requests|work_items|browse|_workitems/edit)/([A-Za-z][A-Za-z0-9_]*-)?[1-9][0-9]*(/[\w.~%-]*)*$`)

	key = regexp.MustCompile(`[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,8}|([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)?#[1-9][0-9]{0,8}`)
)

// issueAddress returns the address without what is not part of the ticket, or ""
// when it is not one.
func issueAddress(text string) string {
	// A sentence's punctuation sticks to its last word.
	text = strings.TrimRight(text, ".,;:!?)]*_")
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !issuePath.MatchString(u.Path) {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return strings.TrimRight(u.String(), ".,;:!?)]*_")
}

// keys finds the short forms in text that holds no address.
func keys(text string, add func(string)) {
	for from := 0; ; {
		at := key.FindStringIndex(text[from:])
		if at == nil {
			return
		}
		start, end := from+at[0], from+at[1]
		if whole(text, start, end) && !standards[prefix(text[start:end])] {
			add(text[start:end])
		}
		from = end
	}
}

// whole tells whether the match stands by itself. "feature/ABC-1-fix" holds a
// key, as branch names do; "xABC-1", "ABC-1.2", "&#123;" and "a/b/c#1" do not.
func whole(text string, start, end int) bool {
	if start > 0 {
		before := text[start-1]
		if word(before) || before == '-' || before == '.' || before == '&' || before >= 0x80 {
			return false
		}
		if before == '/' && strings.Contains(text[start:end], "#") || before == '#' {
			return false
		}
	}
	if end < len(text) {
		after := text[end]
		if word(after) || after >= 0x80 {
			return false
		}
		if after == '.' && end+1 < len(text) && word(text[end+1]) {
			return false
		}
	}
	return true
}

func word(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func prefix(key string) string {
	p, _, _ := strings.Cut(key, "-")
	return p
}

// standards look like keys of tickets.
var standards = map[string]bool{
	"AES": true, "ASCII": true, "CVE": true, "CWE": true, "ED": true, "HTTP": true, "IEEE": true, "IPV": true,
	"ISO": true, "MD": true, "PEP": true, "RFC": true, "RSA": true, "SHA": true, "SSL": true,
	"TLS": true, "UTC": true, "GMT": true, "UTF": true, "HMAC": true, "RIPEMD": true, "BLAKE": true,
}
