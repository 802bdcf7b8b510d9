package forge

import (
	"context"
	"time"
)

// Forge is one site, with the credentials to speak to it. Its contract is the
// package's; test/forge/conformance checks it.
type Forge interface {
	// PullRequest is one, with its merge state.
	PullRequest(ctx context.Context, repo Repository, number int) (PullRequest, error)
	// OpenPullRequests are those that ask to be merged into the branch, oldest first.
	// Their merge state is Unknown.
	OpenPullRequests(ctx context.Context, repo Repository, base string) ([]PullRequest, error)
	// MergedAs is the pull request whose merge made the commit: a merge commit, a
	// squashed one, or the last of a rebase. [ErrNotFound] says that there is none.
	MergedAs(ctx context.Context, repo Repository, commit string) (PullRequest, error)
	// CreatePullRequest opens one, or returns the one that is open between the branches.
	CreatePullRequest(ctx context.Context, repo Repository, p NewPullRequest) (PullRequest, error)
	// Reviews are all that were submitted, oldest first.
	Reviews(ctx context.Context, repo Repository, number int) ([]Review, error)
	// Permission says what a user may do in the repository.
	Permission(ctx context.Context, repo Repository, login string) (Permission, error)
	// Pushes are the newest hundred to a branch, the newest first.
	Pushes(ctx context.Context, repo Repository, branch string) ([]Push, error)
	// Checks are the latest of each name at the commit, by name.
	Checks(ctx context.Context, repo Repository, commit string) ([]Check, error)
	// SetStatus makes the status the commit's latest of its name.
	SetStatus(ctx context.Context, repo Repository, commit string, s Status) error
	// Comment puts a comment to the pull request, in place of our earlier one with the
	// same marker.
	Comment(ctx context.Context, repo Repository, number int, c Comment) (url string, err error)
	// Deploy says how a deployment stands; the first time it makes it.
	Deploy(ctx context.Context, repo Repository, d Deployment) error
}

// Repository is one at the forge.
type Repository struct{ Owner, Name string }

// String is OWNER/NAME.
func (r Repository) String() string { return r.Owner + "/" + r.Name }

// Actor is a user, or a program that acts as one.
type Actor struct {
	// Login is a name without regard to case.
	Login string
	// ID stays when the login changes; 0 is not known.
	ID int64
	// Bot says that it is no person.
	Bot bool
}

// PullRequest asks that Head be merged into Base.
type PullRequest struct {
	Number           int
	Title, Body, URL string
	Author           Actor
	State            State
	Draft            bool
	Head, Base       Tip
	// Fork says that Head is not in the repository itself, so that it was pushed by
	// somebody who need not have the right to push there.
	Fork  bool
	Merge MergeState
	// MergeCommit is what the merge made, empty until then.
	MergeCommit string
	MergedBy    Actor
	MergedAt    time.Time
}

// Tip is a branch and the commit that it is at. The repository is empty when it
// was deleted.
type Tip struct {
	Repository Repository
	Branch     string
	Commit     string
}

// State of a pull request.
type State string

// The states.
const (
	Open   State = "open"
	Merged State = "merged"
	Closed State = "closed"
)

// MergeState says whether the forge would merge.
type MergeState string

// The merge states. Unstable is a merge that the forge allows although checks that
// are not required failed; Unknown is what is not worked out yet: ask again.
const (
	Clean       MergeState = "clean"
	Unstable    MergeState = "unstable"
	Blocked     MergeState = "blocked"
	Behind      MergeState = "behind"
	Conflicting MergeState = "conflicting"
	Unknown     MergeState = "unknown"
)

// NewPullRequest is between two branches of one repository.
type NewPullRequest struct {
	Title, Body string
	Head, Base  string
}

// Review is what somebody said of a pull request.
type Review struct {
	ID     int64
	Author Actor
	State  ReviewState
	// Commit is the head that was reviewed.
	Commit    string
	Submitted time.Time
	Body, URL string
}

// ReviewState is what a review says; that of a dismissed one is Dismissed, and
// what it said before is no longer known.
type ReviewState string

// The review states.
const (
	Approved         ReviewState = "approved"
	ChangesRequested ReviewState = "changes requested"
	Commented        ReviewState = "commented"
	Dismissed        ReviewState = "dismissed"
)

// Permission of a user in a repository.
type Permission string

// The permissions; each has those before it.
const (
	NoPermission Permission = "none"
	Read         Permission = "read"
	Write        Permission = "write"
	Admin        Permission = "admin"
)

// MayApprove says that the forge itself would count this user's approval.
func (p Permission) MayApprove() bool { return p == Write || p == Admin }

// Push moved a branch.
type Push struct {
	Before, After string
	Pusher        Actor
	At            time.Time
	// Merge says that it was the forge that pushed, to merge a pull request for Pusher.
	Merge bool
}

// Check is what a program found of a commit.
type Check struct {
	Name  string
	State CheckState
	// Source is the login or the App that set it.
	Source      string
	Description string
	URL         string
}

// CheckState is how a check stands. Neutral is the end of one that neither
// succeeded nor failed, or was skipped.
type CheckState string

// The check states.
const (
	Pending CheckState = "pending"
	Success CheckState = "success"
	Failure CheckState = "failure"
	Neutral CheckState = "neutral"
)

// Status is a check of ours. A description over 140 characters is cut.
type Status struct {
	Name        string
	State       CheckState // not Neutral
	Description string
	URL         string
}

// CommentLimit is how many bytes a comment may have with its marker, at most.
const CommentLimit = 65536

// Comment to a pull request.
type Comment struct {
	// Marker tells our comments apart; it is hidden in the text, so it has no "--" nor
	// ">" and no line end.
	Marker string
	// Body is Markdown.
	Body string
}

// Deployment of a commit into an environment.
type Deployment struct {
	// Key tells this deployment from another one of the same commit.
	Key         string
	Commit      string
	Environment string
	Production  bool
	State       DeploymentState
	// Description over 140 characters is cut.
	Description string
	// URL is that of the environment, LogURL of what happens.
	URL, LogURL string
}

// DeploymentState is how a deployment stands.
type DeploymentState string

// The deployment states. When a deployment succeeds, the forge calls earlier ones
// into the same environment inactive.
const (
	Queued     DeploymentState = "queued"
	InProgress DeploymentState = "in_progress"
	Deployed   DeploymentState = "success"
	Failed     DeploymentState = "failure"
	Inactive   DeploymentState = "inactive"
)
