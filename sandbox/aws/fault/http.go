package fault

import (
	"encoding/json"
	"net/http"
	"strings"
)

// ServeHTTP lets faults be set from outside: POST adds one, GET lists them, DELETE
// clears all. A fault is JSON as the tags of [Fault] say. POST must say that it is
// JSON, so that no page in a browser can send it unasked.
func (s *Switch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		s.Clear()
	case http.MethodPost:
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			http.Error(w, "a fault must be sent as application/json", http.StatusUnsupportedMediaType)
			return
		}
		var f Fault
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&f)
		if err == nil {
			err = s.Set(f)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "faults are listed with GET, added with POST and cleared with DELETE", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.List()) // the client has gone: there is nobody to tell
}
