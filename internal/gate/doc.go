// Package gate decides whether a change may be rolled out.
//
// [Compile] makes a [Policy] of what the platform team wrote (spec.gate of an
// Environment), and [Decide] judges [Evidence] by it. Both are pure: they read
// no clock, no network and no repository, the same evidence is the same decision, whatever
// the order of its lists, and everything is safe for concurrent use. Who
// gathers the evidence answers for it being true; what it may be taken from is
// said at each field. What is missing never passes: without a plan nothing is approved,
// without a result a check is not passed, and a policy that was not
// compiled lets nothing through.
//
// The decision has a [Result] for each rule of the policy: passed; waiting, for
// whom or what, and until when where the clock alone changes it; or refused, and
// why. The line in it is for people, and names them.
//
// # Approvals
//
// An approval is for a [Binding]: this environment, the commit deployed there, the tree
// that would replace it, and the plan. It counts while
//
//   - it is the latest review of that person, comments aside, and was not dismissed;
//   - it is of the head commit, and was not edited after the merge;
//   - its binding is the one that stands now. A forge knows nothing of plans: there it is the
//     binding that was on show, for that commit, when the review was given;
//   - the person is a member of a group that the policy names, by a login or user
//     name that somebody authenticated, and no bot;
//   - the person had no part in the change: wrote, co-wrote or committed none of its
//     commits, pushed none, and did not open the pull request. For this they are compared
//     by all their names, e-mail addresses too.
//
// A member who asked for changes stops the change until they review again, whatever
// commit they looked at.
//
// # Time
//
// Windows and freezes look at Evidence.Time alone. Reviews are compared with
// nothing but other times of the same forge, so a clock that jumps voids and revives
// none. Time zones are compiled in.
package gate
