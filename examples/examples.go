// Package examples holds repositories that Drawbridge deploys, to read, to copy,
// and for the sandbox's demonstration.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed all:ghost
var files embed.FS

// Ghost is a blog: its database in AWS, its Pods in Kubernetes.
func Ghost() fs.FS {
	sub, err := fs.Sub(files, "ghost")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}
