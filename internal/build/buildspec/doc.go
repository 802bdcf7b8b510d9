// Package buildspec reads a build specification of AWS CodeBuild, version 0.2.
//
// Everything that CodeBuild's reference lists is known. What CodeBuild would
// refuse is an error with its file and line, and so is what can't be done here:
// batch builds, shells other than sh and bash, and on-failure RETRY. What has no
// effect here, such as reports, is in Spec.Notes, so that whoever runs the build
// can say so. All faults of a file are told together.
//
// A command is text for a shell and is kept as it stands. Values of env.variables
// are kept as they stand too: nothing in them is expanded.
//
// Facts: "Build specification reference for CodeBuild" in its user guide.
//
// Parse is a pure function and safe for concurrent use.
package buildspec
