package command

import (
	"flag"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/test/reference"
)

//go:generate go test -run TestReference -update .

func TestReference(t *testing.T) {
	t.Parallel()
	// The flag is command_test's, which is in the same program.
	update := flag.Lookup("update").Value.(flag.Getter).Get().(bool)
	reference.Current(t, "../../docs/reference/sandbox-cli.md", reference.Commands(newRoot()), update)
}
