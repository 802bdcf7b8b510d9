package command

import (
	"testing"

	"github.com/drawbridge-gitops/drawbridge/test/reference"
)

//go:generate go test -run TestReference -update .

func TestReference(t *testing.T) {
	t.Parallel()
	reference.Current(t, "../../docs/reference/sandbox-cli.md", reference.Commands(newRoot()))
}
