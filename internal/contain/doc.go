// Package contain runs a command of somebody else's making, such as a build of a
// repository, so that it can't outlive its run, print or write without end, see
// our environment, or reach a network that it has no business with.
//
// # What holds
//
// [Run] returns only when nothing that the command started is left: not when it
// ends by itself and leaves a daemon behind, not after a limit or the end of the
// context, and not when our own process is killed. For that each command has a
// supervisor: this program, started again under another name, which adopts
// whatever its parents abandon (PR_SET_CHILD_SUBREAPER, or a PID namespace) and
// kills it all when the command ends or when we are gone.
//
// The command has a session of its own, no terminal, the environment that
// Command.Env lists and nothing more, no open file but its three streams, no way
// to gain privileges (no_new_privs), and no core dumps.
//
// # Isolation
//
// Where the kernel permits, the command also has namespaces of its own: user and
// PID, so that it sees and signals no process but its own; mounts, so that
// Command.Files says what it can write and what it does not see; and, when
// Command.Network is false, network, so that there is only a loopback interface
// of its own. User IDs stay what they are, but root has no power over the
// machine. [Available] says what this machine gives, and why not; containers
// often forbid it. Run never fails for lack of it: who must not go without asks
// Available first.
//
// Without Command.Files, the command can read and write what our user can.
//
// # Limits
//
// Output counts both streams; what is over the limit is dropped and the command
// killed. Disk is watched by adding up what is allocated below Command.Roots,
// each file once, links not followed. A walk is followed by a pause of ten times
// what it took, and at least a quarter of a second, so watching costs at most a
// tenth of a core and the limit can be overshot by what is written meanwhile; the
// end is always checked. Files that are open and deleted are not seen.
// Limits.File bounds each single file, at once (RLIMIT_FSIZE: SIGXFSZ).
//
// # Errors
//
// Run returns *[ExitError] for a command that ended with a status other than 0 or
// by a signal of its own, *[LimitError] (ErrTime, ErrOutput, ErrDisk by
// errors.Is) for one that was killed for a limit, the cause of the context when
// that ended, and an error that wraps exec.ErrNotFound where there is no such
// program in the PATH of Command.Env. No error quotes the environment or the
// output.
//
// On other systems than Linux there is the process group only: what leaves it,
// and what runs when we are killed, is not caught, and Limits.File is not kept.
//
// The functions are safe for concurrent use.
package contain
