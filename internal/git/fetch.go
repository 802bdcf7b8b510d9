package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Fetch brings the branch of src up to date in the mirror and returns the commit
// that it is at. History that was rewritten on the server is taken over. When
// nothing changed, it costs one exchange of refs with the server.
//
// Its error is a *FetchError, with one of ErrAuthentication,
// ErrRepositoryNotFound, ErrBranchNotFound, ErrMoved, ErrUnreachable or
// ErrInvalidSource where the reason is known; or the context's error. What was fetched before
// stays readable whatever happens.
func (m *Mirror) Fetch(ctx context.Context, src Source, branch string) (string, error) {
	if err := src.validate(branch, m.local); err != nil {
		return "", err
	}
	ref := src.privateRef(branch)
	release, err := m.lockRef(ctx, ref)
	if err != nil {
		return "", &FetchError{URL: src.plainURL(), Branch: branch, Detail: err.Error(), Reason: err}
	}
	defer release()

	before, err := m.objects.resolve(ctx, ref)
	if err != nil && !errors.Is(err, ErrObjectNotFound) {
		return "", fmt.Errorf("fetch branch %q of %s: %w", branch, src.plainURL(), err)
	}
	_, err = m.run(ctx, src.authorization(), "fetch",
		"--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		"--no-auto-maintenance", "--no-show-forced-updates", "--end-of-options",
		src.URL, "+refs/heads/"+branch+":"+ref)
	if err != nil {
		return "", fetchError(src, branch, err)
	}
	oid, err := m.objects.resolve(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("fetch branch %q of %s: read the fetched commit: %w", branch, src.plainURL(), err)
	}
	if oid != before {
		m.countFetch()
	}
	return oid, nil
}

func fetchError(src Source, branch string, err error) error {
	var exit *exitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("fetch branch %q of %s: %w", branch, src.plainURL(), err)
	}
	e := &FetchError{
		Reason: reasonOf(exit.stderr), URL: src.plainURL(), Branch: branch,
		Detail: src.redact(lastWords(exit.stderr)),
	}
	// Git would like to ask for another password and says that it can't.
	if e.Reason == ErrAuthentication && strings.Contains(exit.stderr, "could not read") {
		e.Detail = "the server asks for credentials and none are given"
		if src.Username+src.Password != "" {
			e.Detail = "the server refused the user name and token"
		}
	}
	return e
}

// lockRef waits until no other fetch moves the ref: git would fail on its lock.
func (m *Mirror) lockRef(ctx context.Context, ref string) (release func(), err error) {
	for {
		m.mu.Lock()
		busy, ok := m.fetching[ref]
		if !ok {
			done := make(chan struct{})
			m.fetching[ref] = done
			m.mu.Unlock()
			return func() {
				m.mu.Lock()
				delete(m.fetching, ref)
				m.mu.Unlock()
				close(done)
			}, nil
		}
		m.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// IsAncestor tells whether descendant is ancestor itself or was built upon it.
// When it is not, history was rewritten between the two. ErrObjectNotFound when
// the mirror lacks one of them.
func (m *Mirror) IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error) {
	for _, oid := range []string{ancestor, descendant} {
		if !validOID(oid) {
			return false, fmt.Errorf("%q: %w: expected a full object name", oid, ErrObjectNotFound)
		}
	}
	_, err := m.run(ctx, nil, "merge-base", "--is-ancestor", ancestor, descendant)
	var exit *exitError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &exit) && exit.status == 1:
		return false, nil
	case errors.As(err, &exit) && exit.status == 128:
		return false, fmt.Errorf("compare %s with %s: %w: %s", ancestor, descendant, ErrObjectNotFound, lastWords(exit.stderr))
	}
	return false, err
}
