package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v93/github"
)

// Reasons why a call failed; see the package.
var (
	// ErrUnavailable: there was no answer, or one that is the forge's own fault. The
	// same call may work later; whether a write was done is not known.
	ErrUnavailable = errors.New("forge is not available")
	// ErrUnauthorized: the token or the App's key is not accepted.
	ErrUnauthorized = errors.New("credentials are not accepted")
	// ErrForbidden: they are, but lack a permission.
	ErrForbidden = errors.New("not permitted")
	// ErrNotFound: it is not there, or may not be seen.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it stands in a state that does not allow it.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the forge does not take these values.
	ErrInvalid = errors.New("not valid")
	// ErrRateLimited: too many requests; see [RetryAt].
	ErrRateLimited = errors.New("too many requests")
	// ErrNotSupported: Drawbridge does not speak to this kind of forge.
	ErrNotSupported = errors.New("forge is not supported")
)

// Error says what was not done, why, and what to do.
type Error struct {
	// Doing is what was tried, as "set status drawbridge/plan of acme/shop at 1f2e3d4".
	Doing string
	// Reason is one of those above.
	Reason error
	// Detail is what the forge said.
	Detail string
	// RetryAt is when a limited request may be made again.
	RetryAt time.Time
	err     error
}

// Error is one sentence with the next step.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Doing, e.Reason)
	if e.Detail != "" {
		fmt.Fprintf(&b, " (%s)", e.Detail)
	}
	if next := nextStep[e.Reason]; next != "" {
		b.WriteString("; " + next)
	}
	if !e.RetryAt.IsZero() {
		fmt.Fprintf(&b, "; it is tried again at %s", e.RetryAt.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// Unwrap gives the reason, and what it comes from.
func (e *Error) Unwrap() []error {
	if e.err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.err}
}

var nextStep = map[error]string{
	ErrUnauthorized: "check the token, or the App's ID, installation and private key",
	ErrForbidden:    "give the token or the App the permission that is missing",
	ErrNotFound:     "check the name, and that the token or the App may see it",
}

// RetryAt is when a request that was limited may be made again; false when err is
// about something else.
func RetryAt(err error) (time.Time, bool) {
	var e *Error
	if errors.As(err, &e) && errors.Is(e.Reason, ErrRateLimited) {
		return e.RetryAt, true
	}
	return time.Time{}, false
}

// failure makes an Error of what the GitHub client returned.
func (g *gitHub) failure(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	e := &Error{Doing: fmt.Sprintf(doing, args...), err: err}
	var ours *Error // asking for an installation token failed
	var answer *github.ErrorResponse
	var limit *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	switch {
	case errors.As(err, &ours):
		e.Reason, e.Detail, e.RetryAt = ours.Reason, ours.Doing+": "+ours.Detail, ours.RetryAt
	case errors.Is(err, context.Canceled):
		// Nobody waits for it any more, which is no news about the forge.
		return err
	case errors.As(err, &limit):
		e.Reason, e.RetryAt = ErrRateLimited, limit.Rate.Reset.Time
	case errors.As(err, &abuse):
		e.Reason, e.RetryAt = ErrRateLimited, g.now().Add(time.Minute)
		if abuse.RetryAfter != nil {
			e.RetryAt = g.now().Add(*abuse.RetryAfter)
		}
	case errors.As(err, &answer) && answer.Response != nil:
		e.Reason, e.Detail = reasonOf(answer.Response.StatusCode), said(answer)
		if after := answer.Response.Header.Get("Retry-After"); e.Reason == ErrRateLimited {
			e.RetryAt = g.now().Add(seconds(after))
		}
	default:
		e.Reason, e.Detail = ErrUnavailable, err.Error()
	}
	return e
}

func reasonOf(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	case http.StatusMethodNotAllowed, http.StatusConflict:
		return ErrConflict
	case http.StatusTooManyRequests:
		return ErrRateLimited
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return ErrInvalid
	}
	return ErrUnavailable
}

// said is GitHub's message, with what it says of single fields.
func said(answer *github.ErrorResponse) string {
	parts := []string{fmt.Sprintf("%d %s", answer.Response.StatusCode, answer.Message)}
	for _, e := range answer.Errors {
		switch {
		case e.Message != "":
			parts = append(parts, e.Message)
		case e.Field != "":
			parts = append(parts, e.Field+": "+e.Code)
		}
	}
	return strings.TrimSpace(strings.Join(parts, ": "))
}

// seconds of a Retry-After header; a minute, as GitHub advises, where there is none.
func seconds(header string) time.Duration {
	if d, err := time.ParseDuration(header + "s"); err == nil && d > 0 {
		return d
	}
	return time.Minute
}
