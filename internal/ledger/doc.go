// Package ledger keeps the history of Changes: one row a Change, never altered,
// never removed, each chained to the one before by its hash. It outlives the
// custom resources and answers who changed what, when, why, and with which
// effect on which resource.
//
// # What is kept
//
// Append takes a Record when its Change has ended. What is stored is the
// record's canonical JSON: no white space, object members sorted by the bytes of
// their names, times in UTC, characters escaped only where JSON demands it (and
// U+2028 and U+2029). Values of fields that are secret are taken out by Append
// itself (package secret), so that no caller can forget it.
//
// # The chain
//
// Rows are numbered from 1 without a gap. The hash of a row is
//
//	SHA-256(previous hash, as 64 lower-case hex digits + "\n" + record)
//
// and the previous hash of the first row is 64 zeros. Anybody can follow the
// chain with other tools:
//
//	sqlite3 -json ledger.db 'SELECT row, previous, hash, record FROM changes ORDER BY row' |
//	  jq -r '.[] | [.row, .previous, .hash, (.record | @base64)] | @tsv' |
//	  while read -r row previous hash record; do
//	    sum=$( (echo "$previous"; echo "$record" | base64 -d) | sha256sum | cut -d' ' -f1)
//	    [ "$sum" = "$hash" ] || echo "row $row is bad"
//	  done
//
// Verify does the same and also compares the columns and the table of resources,
// by which rows are found, with the records. A chain alone can't tell that its
// newest rows were cut off, or that all of it was made anew: keep the Head that
// Verify returns somewhere else, and compare.
//
// # Promises
//
//   - A row is on disk when Append returns (WAL, synchronous=FULL), and is whole
//     or absent after a crash at any instruction.
//   - Append is idempotent by the UID of the Change: the same record again
//     returns the row it has; a different one is a *ConflictError.
//   - Triggers in the file refuse UPDATE, DELETE and an INSERT that does not
//     continue the chain, whichever program tries.
//   - A Ledger is safe for concurrent use, and several processes may open one
//     file on one machine: writers wait for each other up to ten seconds.
//     SQLite's locks are not reliable on network file systems.
//   - Open refuses, without writing to it, a file that is not a ledger
//     (ErrForeign) or that a newer version wrote (ErrNewer), and one that is
//     damaged (ErrCorrupt). It reads the whole file for that, once.
package ledger
