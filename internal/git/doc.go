// Package git keeps a bare mirror of the branches that Environments follow and
// reads commits, trees and files out of its object database. There is never a
// work tree.
//
// It drives the git program (2.36 or newer must be on PATH): arguments go as
// arrays and never through a shell, the environment is built from nothing, no
// configuration but the mirror's own is read, no hook runs, nothing prompts.
// Credentials travel in the environment of the one process that fetches, bound
// to the URL that they are for; they are in no argument, error or file.
//
// A [Mirror] is safe for concurrent use by goroutines, and one process at a
// time should own its directory. Fetches of the same branch queue, all else
// runs side by side. Object names ("OIDs") are full lower-case hex, SHA-1 or
// SHA-256; an abbreviation or a branch name is refused, so that what is read is
// always one fixed thing.
//
// Fetch brings one branch and moves a private ref to it, also backwards: a
// rewritten history is not an error here, [Mirror.IsAncestor] tells the caller.
// What was fetched once stays readable, because nothing is ever pruned.
//
// Maintenance: git's own background collection is switched off (gc.auto=0).
// Instead, [Open] and every 256th fetch that brought something repack what has
// gathered, geometrically, so that the cost is bounded; the latter runs beside
// the callers. [Mirror.Maintain] does it on demand.
//
// Files over [MaxBlobSize] are refused before they are read. A symbolic link is
// followed by [Tree.Resolve] within its tree and is an error that names the link
// when it points out of it.
package git
