package cli

import (
	"testing"

	"github.com/drawbridge-gitops/drawbridge/test/reference"
)

//go:generate go test -run TestReference -update .

func TestReference(t *testing.T) {
	t.Setenv("DRAWBRIDGE_API_URL", "") // it is the default of a flag
	reference.Current(t, "../../docs/reference/cli.md", reference.Commands(newRoot()))
}
