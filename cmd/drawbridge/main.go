// Command drawbridge takes a commit across both planes: `drawbridge serve` is
// the controller, the other commands show and steer what it does.
package main

import (
	"os"

	"github.com/drawbridge-gitops/drawbridge/internal/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
