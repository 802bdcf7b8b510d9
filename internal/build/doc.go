// Package build runs a build specification of CodeBuild (package buildspec) in a
// work tree, as one contained process of this machine (package contain).
//
// # What a build finds
//
// All commands run in one shell, see package session, which starts in the work
// tree. HOME, TMPDIR and the shell's state are in Request.Scratch. Nothing of our
// own environment is passed on but PATH and, with Request.Network, how to reach
// the network. `npm install -g` and `pip install` put what they install into HOME,
// on PATH, whoever we run as: npm by its prefix, python and pip by way of a
// virtual environment that is made when one of them is first called.
//
// Where the kernel permits (contain.Available), commands can write to the work
// tree, to Scratch and to a /tmp of their own, and to nothing else; Request.Files
// says what else they shall not see.
//
// A variable is, in order of precedence: one of the CODEBUILD_ variables that are
// set here; Request.Variables; the specification's variables, parameters and
// secrets; AWS_REGION and AWS_DEFAULT_REGION; the basic ones above. Variables of
// CodeBuild that have no meaning here are not set.
//
// Runtimes (runtime-versions) are not installed; the machine has them, or the
// error says what it has. A user (run-as) other than ours is an error.
//
// # What follows what
//
// A command that fails skips the rest of its phase, but not its `finally`. Then
// the build ends, except that post_build follows build, or as on-failure says.
// CODEBUILD_BUILD_SUCCEEDING tells commands which way it goes. A build with a failed
// phase has failed, on-failure CONTINUE included. Artifacts are gathered when
// post_build was reached, also from a build that failed; the cache is saved after
// success only.
//
// # Artifacts and cache
//
// Patterns are those of doublestar, and one that names a folder means all of it.
// What symbolic links lead to is taken if it is within the work tree; links to
// folders are left out unless enable-symlinks is set. A pattern that matches
// nothing is an error only when all of a set match nothing. A cache path below
// /root, which is CodeBuild's home, means HOME. Restoring a cache overwrites
// nothing.
//
// # Secrets
//
// Values of parameter-store and secrets-manager, and Request.Hidden, are masked in
// each line of the log and in errors, see secret.Mask. An exported variable that
// holds one fails the build, since outputs are stored and shown; short values
// that are no secret by their name, such as a user or a port, may be exported.
//
// # Errors
//
// Run returns a Result in any case. Its error is a *[FailedError] for a command
// that failed, wraps *contain.LimitError for a limit and the cause of the context
// when that ended, at once; what is wrong with the specification on this machine
// is told before anything runs, with file and line. Nothing that was started is
// left running.
//
// # Not as CodeBuild does it
//
// Reports are not collected; batch builds are refused; functions and shell options
// last from command to command, while CodeBuild keeps only directory and
// variables; artifacts are a folder, not an object in S3.
//
// Run is safe for concurrent use with different folders.
package build
