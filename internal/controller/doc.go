// Package controller keeps Environments, Changes and Components as the design
// says, on controller-runtime. The reconcilers are thin: they fetch, decide
// which commit is next, let package rollout take it through, and write down how
// it went.
//
// How a commit travels through here:
//
//   - environments fetches the branch when a webhook, a sync request, the
//     interval or an edit asks for it, and makes one Change for a new head.
//   - changes runs the rollout of the newest Change of each Environment. Its
//     name, its spec and its place in the order never change, so a restarted
//     controller goes on with what it finds.
//   - When a Change has ended, its record is appended to the ledger first and
//     the status written second; a restart in between finds the row.
//
// A newer Change ends the run of an older one at once. Environments do not wait
// for each other.
//
// # Writes
//
// A commit that touches no component costs three: the Change, its status, and
// the status of the Environment. Progress of larger Changes is written at most
// every 200 ms, less often the more steps there are.
package controller
