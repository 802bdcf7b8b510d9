package git

import (
	"errors"
	"fmt"
	"strings"
)

// Reasons why a fetch fails. They are found with errors.Is.
var (
	ErrAuthentication     = errors.New("authentication failed")
	ErrRepositoryNotFound = errors.New("repository not found")
	ErrBranchNotFound     = errors.New("branch not found")
	ErrUnreachable        = errors.New("server can't be reached")
	ErrMoved              = errors.New("repository has moved")
	ErrInvalidSource      = errors.New("invalid source")
)

// Reasons why reading fails.
var (
	ErrObjectNotFound = errors.New("no such object in the mirror")
	ErrPathNotFound   = errors.New("no such path in the tree")
	ErrTooLarge       = errors.New("file is too large")
	ErrSymlink        = errors.New("symbolic link can't be followed")
	ErrClosed         = errors.New("mirror is closed")
)

// FetchError says which branch of which repository could not be fetched, why,
// and what to do. It unwraps to one of the reasons above, where one is known.
type FetchError struct {
	Reason error
	// URL has no credentials.
	URL    string
	Branch string
	// Detail is what git said, without credentials.
	Detail string
}

// Error is one sentence with the next step.
func (e *FetchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fetch branch %q of %s: ", e.Branch, e.URL)
	if e.Reason == nil {
		b.WriteString(e.Detail)
		return b.String()
	}
	b.WriteString(e.Reason.Error())
	if e.Detail != "" {
		fmt.Fprintf(&b, " (%s)", e.Detail)
	}
	if next := nextStep[e.Reason]; next != "" {
		b.WriteString("; " + next)
	}
	return b.String()
}

func (e *FetchError) Unwrap() error { return e.Reason }

var nextStep = map[error]string{
	ErrAuthentication:     "check the user name and token in the Environment's credentials, and that the user may read this repository",
	ErrRepositoryNotFound: "check the Environment's source URL, and that the credentials may see a private repository",
	ErrBranchNotFound:     "push the branch, or change the Environment's source branch",
	ErrMoved:              "set the Environment's source URL to where the server now has it; redirects are not followed, because the credentials would go along",
	ErrUnreachable:        "check the host name, the network and the server; it is tried again",
}

// says maps what git prints (under LC_ALL=C) to the reason. The first match wins.
var says = []struct {
	text   string
	reason error
}{
	{"terminal prompts disabled", ErrAuthentication},
	{"could not read Username", ErrAuthentication},
	{"could not read Password", ErrAuthentication},
	{"Authentication failed", ErrAuthentication},
	{"returned error: 401", ErrAuthentication},
	{"returned error: 403", ErrAuthentication},
	{"couldn't find remote ref", ErrBranchNotFound},
	{"does not appear to be a git repository", ErrRepositoryNotFound},
	{"' not found", ErrRepositoryNotFound},
	{"returned error: 404", ErrRepositoryNotFound},
	{"returned error: 410", ErrRepositoryNotFound},
	{"not valid: is this a git repository", ErrRepositoryNotFound},
	{"returned error: 30", ErrMoved},
	{"returned error: 429", ErrUnreachable},
	{"returned error: 5", ErrUnreachable},
	{"unable to access", ErrUnreachable},
	{"early EOF", ErrUnreachable},
	{"RPC failed", ErrUnreachable},
	{"hung up unexpectedly", ErrUnreachable},
	{"unexpected disconnect", ErrUnreachable},
}

func reasonOf(stderr string) error {
	for _, s := range says {
		if strings.Contains(stderr, s.text) {
			return s.reason
		}
	}
	return nil
}

// lastWords picks the line of git's standard error that says what went wrong.
func lastWords(stderr string) string {
	var last string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		for _, p := range []string{"fatal: ", "error: "} {
			if rest, ok := strings.CutPrefix(line, p); ok {
				if p == "fatal: " {
					return rest
				}
				line = rest
			}
		}
		if line != "" {
			last = line
		}
	}
	return last
}
