package sandbox_test

import (
	"context"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// BenchmarkStartToReady brings the whole sandbox up and down, without the
// controller, which is measured by its own benchmarks:
//
//	go test -run '^$' -bench StartToReady -benchtime 3x ./sandbox
//
// cold begins without state, warm with that of an earlier run. Beside the time
// it reports the resident memory of each part in MiB, just after the start.
func BenchmarkStartToReady(b *testing.B) {
	b.Run("cold", func(b *testing.B) {
		for range b.N { // not Loop, which wants the timer to run
			upAndDown(b, sandbox.Options{Ephemeral: true, StateDir: b.TempDir(), Without: withoutProduct})
		}
	})
	b.Run("warm", func(b *testing.B) {
		o := sandbox.Options{StateDir: b.TempDir(), Without: withoutProduct}
		upAndDown(b, o)
		b.ResetTimer()
		for range b.N { // not Loop, which wants the timer to run
			upAndDown(b, o)
		}
	})
}

// upAndDown counts the time of Up only.
func upAndDown(b *testing.B, o sandbox.Options) {
	b.StartTimer()
	s, err := sandbox.Up(b.Context(), o)
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range s.Status().Parts {
		b.ReportMetric(float64(p.Memory>>20), p.Name+"-MiB")
	}
	if err := s.Down(context.Background()); err != nil {
		b.Fatal(err)
	}
}
