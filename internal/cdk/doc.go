// Package cdk turns a CDK app into what CloudFormation can deploy: it installs
// the app's packages, runs the app under limits, and reads the cloud assembly
// that comes out. It deploys nothing and calls AWS for nothing but lookups.
//
// # How an app is run
//
// [Synthesizer.Synthesize] writes the app's folder into a work tree of its own,
// out of the commit, and runs the command of its cdk.json there, as the CDK CLI
// would: with CDK_OUTDIR, CDK_CONTEXT_JSON, CDK_DEFAULT_ACCOUNT and
// CDK_DEFAULT_REGION. The command runs by package contain: no AWS credentials, no
// network where the machine can enforce that, and limits on time, output and disk.
//
// What its packages need is installed before, with the network but without
// credentials, by the package manager that the folder's files name (see
// [Toolchain]). The same lock files are installed once.
//
// Where the app asks for context that it does not have (Vpc.fromLookup and the
// like), the CDK CLI looks it up, with credentials of a role that may only read,
// and the app is run again. The CLI is of the version that the app's own packages
// hold, else of [CLIVersion]. It is given a stand-in that hands over the assembly, not
// the app: code of the repository never runs beside credentials.
//
// The same input synthesizes once: the assembly is kept under a digest of the
// folder, the context and the place. What was looked up is not in that digest, as
// in the CDK itself: commit cdk.context.json to pin it.
//
// # Assemblies
//
// [Read] reads an assembly of schema version [MaxSchema] or older into stacks, in
// an order in which each comes after those that it needs, stages included, with
// account and region filled in. Annotations of level error fail, as in the CLI.
//
// # Errors
//
// An app that does not synthesize is an [*AppError] with the end of its own
// output. Limits are contain's *LimitError. Other errors name the file.
//
// Everything is safe for concurrent use. One process at a time owns
// Options.Dir; all in it can be made again.
//
// Sources: the CDK CLI's documented environment of an app, and the schema of
// @aws-cdk/cloud-assembly-schema.
package cdk
