package stack_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/drawbridge-gitops/drawbridge/test/stack/conformance"
)

// TestConformance holds the fake to the same cases as the sandbox, so that what
// the other tests of this package show on it is true of more than the fake.
func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, func(t *testing.T, use func(*testing.T, conformance.World)) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			use(t, conformance.World{API: newCloud(), Interval: time.Second})
		})
	})
}
