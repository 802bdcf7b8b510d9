// Package rollout takes one commit through one Environment: it works out which
// components the commit changes, checks all of them before anything is applied,
// rolls them out in parallel along the component graph, and waits until each is
// healthy.
//
// # What it does and what it leaves
//
// A component is begun when its input digest differs from the one recorded:
// everything that rendering it read, and its inputs from other components. All
// others cost a comparison and nothing else: no render, no request, no write.
//
// Bad input anywhere (a file that does not parse, a kind that the cluster does
// not serve, a cycle) ends the Change before the first write, on both planes.
//
// A component that fails stops those that depend on it and nobody else. What was
// applied stays; a later commit, or the same one again, converges from there:
// before a component's first write its Component names everything that it may
// own and the digest that it is on the way to, so that nothing is forgotten and
// nothing half done is taken for done.
//
// When ctx ends, waits end at once. A stack operation under way is left to
// finish on its own; the next rollout waits for it and goes on from there.
//
// # Concurrency
//
// One Engine serves all Environments. Runs of different Environments may go side
// by side; those of one Environment may not, which is the caller's to see to.
package rollout
