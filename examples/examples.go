// Package examples holds repositories that Drawbridge deploys, to read, to copy,
// and for the sandbox's demonstration.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed all:ghost all:ghost-cdk
var files embed.FS

// Names of the examples: a blog whose database is a CloudFormation template, and
// the same with a CDK app in Python.
var Names = []string{"ghost", "ghost-cdk"}

// Open returns the files of an example.
func Open(name string) (fs.FS, error) {
	if !slices.Contains(Names, name) {
		return nil, fmt.Errorf("there is no example %q: there are %s", name, strings.Join(Names, ", "))
	}
	return fs.Sub(files, name)
}
