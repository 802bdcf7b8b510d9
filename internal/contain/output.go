package contain

import (
	"io"
	"sync/atomic"
)

// meter counts what both streams carry together.
type meter struct {
	limit int64 // 0: none
	over  func()
	used  atomic.Int64
}

// writer passes on to w what is within the limit. It never fails for the limit: a
// command that is about to be killed need not see a broken pipe first.
func (m *meter) writer(w io.Writer) io.Writer {
	if w == nil {
		w = io.Discard
	}
	return meteredWriter{m, w}
}

type meteredWriter struct {
	meter *meter
	w     io.Writer
}

func (w meteredWriter) Write(p []byte) (int, error) {
	n := int64(len(p))
	total := w.meter.used.Add(n)
	if limit := w.meter.limit; limit > 0 && total > limit {
		defer w.meter.over()
		n = max(0, n-(total-limit))
	}
	if _, err := w.w.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
