package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/drawbridge-gitops/drawbridge/internal/logs"
)

// lines answers with the log of a Change, a JSON object a line. With follow=true
// the answer goes on until the Change ends or the client goes.
func (s *server) lines(w http.ResponseWriter, r *http.Request) {
	begun := false
	out := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	query := r.URL.Query()
	err := s.Logs.Read(r.Context(), r.PathValue("name"), query.Get("component"), query.Get("follow") == "true", func(l logs.Line) error {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			begun = true
		}
		if err := encoder.Encode(l); err != nil {
			return err
		}
		return out.Flush()
	})
	if errors.Is(err, logs.ErrNotFound) {
		if _, known := s.Ledger.Get(r.Context(), r.PathValue("name")); known == nil {
			err = nil // a Change that had nothing to say
		}
	}
	switch {
	case err != nil && !begun:
		s.answer(w, nil, err)
	case err != nil && r.Context().Err() == nil:
		s.Log.Warn("the answer with a log broke off", "change", r.PathValue("name"), "error", err)
	case !begun:
		w.Header().Set("Content-Type", "application/x-ndjson") // an empty log
	}
}
