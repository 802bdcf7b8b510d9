package sandbox_test

import (
	"os"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.BePart()
	if dir := os.Getenv(superviseVariable); dir != "" {
		os.Exit(supervise(dir))
	}
	os.Exit(m.Run())
}
