package forge

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

// right is what a request needs.
type right bool

const (
	reader right = false
	writer right = true
)

type userHandler func(w http.ResponseWriter, r *http.Request, u User)

// as lets users through who have the right.
func (f *Forge) as(need right, next userHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := f.authenticate(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="Drawbridge sandbox", charset="UTF-8"`)
			refuse(w, r, http.StatusUnauthorized, "give the name and token of a user of this sandbox; drawbridge-sandbox env prints them")
			return
		}
		if need == writer && !u.Write {
			refuseWrite(w, r, u)
			return
		}
		next(w, r, u)
	})
}

func (f *Forge) authenticate(r *http.Request) (User, bool) {
	name, token, ok := r.BasicAuth()
	if !ok {
		return User{}, false
	}
	a, known := f.users[name]
	given := sha256.Sum256([]byte(token))
	same := subtle.ConstantTimeCompare(given[:], a.token[:]) == 1
	return a.User, known && same
}

func refuseWrite(w http.ResponseWriter, r *http.Request, u User) {
	refuse(w, r, http.StatusForbidden, fmt.Sprintf("user %s may read here, not write", u.Name))
}

// refuse answers the API in JSON, and Git in plain text, which it shows to its
// user.
func refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		answer(w, status, struct {
			Error string `json:"error"`
		}{reason})
		return
	}
	http.Error(w, reason, status)
}
