// Package crds holds the generated CustomResourceDefinitions of the API, for
// programs that install them.
package crds

import "embed"

// FS holds one YAML file for each definition.
//
//go:embed *.yaml
var FS embed.FS
