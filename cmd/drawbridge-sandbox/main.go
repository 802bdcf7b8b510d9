// Command drawbridge-sandbox runs a whole world for Drawbridge on one machine;
// package sandbox says what is in it.
package main

import (
	"os"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/command"
)

func main() {
	sandbox.BePart()
	os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr))
}
