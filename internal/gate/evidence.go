package gate

import "time"

// Evidence is what is known of a change when it is judged.
type Evidence struct {
	// Environment is "namespace/name".
	Environment string
	// Base is the commit that is deployed, empty before the first; Commit the one that
	// would be (the head of the pull request while it is open); Tree the
	// tree that would be: of Commit, or of the merge that is to come.
	Base, Commit, Tree string
	// PlanDigest and Plan are of the plan from Base to Tree; empty and nil while
	// there is none.
	PlanDigest string
	Plan       *Plan
	// Time is now.
	Time time.Time

	// Commits are all that the change brings: that Commit or the head of the pull
	// request reaches and Base does not. Where a pull request was squashed, these
	// are the commits of the pull request, and the one that came of them.
	Commits []Commit
	// Paths are the files that differ between Base and Tree, from the root of the
	// repository; of a renamed one both names.
	Paths []string
	// Pushers moved the branch of the pull request to its commits, or the
	// Environment's branch where there is no pull request. Whoever only merged on
	// the forge is none of them.
	Pushers []Identity

	// Forge tells whether the repository has one: then an unreviewed commit went
	// past it.
	Forge bool
	// PullRequest that Commit came by, or is to; nil where there is none.
	PullRequest *PullRequest
	// Reviews are those of the pull request, and approvals that were given to
	// Drawbridge itself.
	Reviews []Review
	// Shown are the bindings that reviewers of the pull request were shown.
	Shown []Shown
	// Checks are the newest results on the forge for the head of the pull request
	// and for Commit.
	Checks []Check
	// Signatures are the results for the commits that [Policy.Needs] asks for.
	Signatures []Signature
	// BreakGlass is a request to let the change through, nil mostly.
	BreakGlass *BreakGlass
}

// Binding is what an approval now must be for.
func (e Evidence) Binding() Binding {
	return Binding{Environment: e.Environment, Base: e.Base, Tree: e.Tree, Plan: e.PlanDigest}
}

// head is the commit that reviews must be of.
func (e Evidence) head() string {
	if e.PullRequest != nil {
		return e.PullRequest.Head
	}
	return e.Commit
}

// Commit is a commit of the change.
type Commit struct {
	OID               string
	Author, Committer Identity
	// CoAuthors are those that the message names ([CoAuthors]).
	CoAuthors []Identity
	// OnBranch tells whether it is on the first-parent line of the Environment's
	// branch: it landed there itself, by a merge or a push.
	OnBranch bool
	// Merging marks a commit that the forge made when it merged the pull request.
	// Whoever merged stands in it as author or committer, and had no part by that:
	// the tree is the one that was approved, or the approval is void.
	Merging bool
}

// PullRequest is how a change came to the branch.
type PullRequest struct {
	// Name for people, such as "#12".
	Name   string
	Author Identity
	// Head is the newest commit on its branch.
	Head string
	// Fork tells whether it comes from another repository.
	Fork bool
	// MergedAt is zero while it is open. MergedBy pressed the button.
	MergedAt time.Time
	MergedBy Identity
}

// State of a review.
type State string

// The states.
const (
	Approved         State = "approved"
	ChangesRequested State = "changes requested"
	Dismissed        State = "dismissed"
	Commented        State = "commented"
)

// Review is one that somebody gave.
type Review struct {
	Reviewer Identity
	State    State
	// Commit that the reviewer looked at.
	Commit string
	// At is when it was given, by the clock of whoever took it.
	At time.Time
	// EditedAt is when it was last edited; zero for never.
	EditedAt time.Time
	Bot      bool
	// Binding is what an approval given to Drawbridge itself is for. Nil for a
	// forge's.
	Binding *Binding
}

// Shown says that a binding was put before the reviewers of a commit.
type Shown struct {
	Commit  string
	Binding Binding
	// At is the forge's time of it.
	At time.Time
}

// CheckState is how far a check is.
type CheckState string

// The states. A check that was skipped, or has no opinion, is Succeeded.
const (
	Pending   CheckState = "pending"
	Succeeded CheckState = "succeeded"
	Failed    CheckState = "failed"
)

// Check is a result on the forge.
type Check struct {
	Name string
	// App that reported it, where the forge says so.
	App    string
	Commit string
	State  CheckState
}

// Signature is what looking at the signature of a commit gave.
type Signature struct {
	Commit string
	// Signer is who signed, as the keys call them; set only for a good signature.
	Signer string
	// Problem says why it is none.
	Problem string
}

// BreakGlass is a request to let a change through, by somebody whom the cluster or
// the OIDC issuer authenticated.
type BreakGlass struct {
	By      Identity
	Reason  string
	At      time.Time
	Binding Binding
}
