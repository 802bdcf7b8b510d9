// Package job runs a build as a Job of a cluster, with an image and a service
// account that somebody declared, instead of on the controller's machine.
//
// # How
//
// The image is the user's and knows nothing of us. An init container of
// Drawbridge's own image copies its program, which is static, into a volume
// ([Install]); the build's container starts it there ([Agent]). It fetches the
// source, runs package build exactly as the controller would, and prints what it
// does as JSON lines, the result last. So there is one implementation of a
// buildspec, and the image needs a shell and what the commands call, nothing else.
//
// What to build comes as a Secret that the Job owns: credentials of the repository
// are in it. The Pod's own identity is that of its service account, which is also
// how commands reach AWS.
//
// # Once
//
// A Job has one Pod and is not repeated by the cluster: what a build has done once
// is not done again behind anybody's back. Its name is the caller's, unique for
// the attempt. [Run] creates it suspended, then its Secret, then lets it go; each
// step finds what an earlier call has done. So after a crash the same call goes on
// with the same Job, reads its log from the start, and passes on the lines again.
// When the context ends, the Job and its Pod are deleted at once. After the end it
// stays for an hour, without the Secret, for whoever wants to look.
//
// # Limits
//
// What the build asks of memory and processor, and how much it may write, is the
// Job's to bound; time is bounded by both, by the Job a minute later. Artifacts
// are measured but stay in the Pod, and there is no cache.
//
// [Object] and [Secret] are pure functions. Run is safe for concurrent use.
package job
