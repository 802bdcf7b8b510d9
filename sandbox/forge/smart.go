package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"os"
	"strings"
)

const (
	uploadPackService  = "git-upload-pack"
	receivePackService = "git-receive-pack"
)

// maxRequest is how large a push may be, in bytes.
const maxRequest = 1 << 30

// infoRefs is the first request of a fetch and of a push.
func (f *Forge) infoRefs(w http.ResponseWriter, r *http.Request, u User) {
	service := r.URL.Query().Get("service")
	switch service {
	case uploadPackService:
	case receivePackService:
		if !u.Write {
			refuseWrite(w, r, u)
			return
		}
	default:
		refuse(w, r, http.StatusForbidden, "only Git's smart HTTP protocol is spoken here")
		return
	}
	if repo, ok := f.requested(w, r); ok {
		f.backend(w, r, u, repo, "info/refs", "service="+service, nil)
	}
}

func (f *Forge) uploadPack(w http.ResponseWriter, r *http.Request, u User) {
	repo, ok := f.requested(w, r)
	if !ok {
		return
	}
	body, err := f.takeIn(w, r)
	if err != nil {
		f.refuseBody(w, r, err)
		return
	}
	defer body.Close()
	f.backend(w, r, u, repo, uploadPackService, "", body)
}

// receivePack takes a push. Its answer is kept back until the push is recorded.
func (f *Forge) receivePack(w http.ResponseWriter, r *http.Request, u User) {
	repo, ok := f.requested(w, r)
	if !ok {
		return
	}
	body, err := f.takeIn(w, r)
	if err != nil {
		f.refuseBody(w, r, err)
		return
	}
	defer body.Close()
	answered := make(chan struct{})
	defer close(answered)
	// A pusher who hangs up now does not undo the push, nor its record.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	if err := f.push(r, u, repo, body, held, answered); err != nil {
		f.log.Error("push failed", "repository", repo.name, "pusher", u.Name, "error", err)
		refuse(w, r, http.StatusInternalServerError, "the push may have been done, but could not be recorded; see the log of the forge")
		return
	}
	held.release(w)
}

// requested finds the repository that the request is about, or answers it.
func (f *Forge) requested(w http.ResponseWriter, r *http.Request) (*repository, bool) {
	name := strings.TrimSuffix(r.PathValue("repo"), ".git")
	repo, ok := f.find(name)
	if !ok {
		refuse(w, r, http.StatusNotFound, fmt.Sprintf("there is no repository %q here; PUT /api/v1/repos/NAME makes one", name))
	}
	return repo, ok
}

// takeIn waits for the whole body of a request. It goes to a file, since CGI
// wants to know its length, which a client does not always tell.
func (f *Forge) takeIn(w http.ResponseWriter, r *http.Request) (*os.File, error) {
	file, err := os.CreateTemp(f.incoming(), "request-")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name()) //nolint:errcheck // New removes what is left
	if _, err = io.Copy(file, http.MaxBytesReader(w, r.Body, maxRequest)); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (f *Forge) refuseBody(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		refuse(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("a request may have %d bytes at most", tooLarge.Limit))
		return
	}
	f.log.Warn("request not received", "path", r.URL.Path, "error", err)
	refuse(w, r, http.StatusBadRequest, "the request did not arrive whole")
}

// backend has git http-backend answer. Path and query are ours and not those of
// the request, so that both sides understand the same.
func (f *Forge) backend(w http.ResponseWriter, r *http.Request, u User, repo *repository, path, query string, body *os.File) {
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = "/"+repo.name+".git/"+path, "", query
	r.Header.Del("Authorization")
	r.TransferEncoding, r.ContentLength, r.Body = nil, 0, http.NoBody
	if body != nil {
		size, err := body.Stat()
		if err != nil {
			f.refuseBody(w, r, err)
			return
		}
		r.ContentLength, r.Body = size.Size(), body
	}
	log := logWriter{f.log.With("repository", repo.name)}
	(&cgi.Handler{
		Path: f.git.program,
		Args: []string{"http-backend"},
		Dir:  f.dir,
		Env: append(f.git.env(),
			"GIT_PROJECT_ROOT="+f.projectRoot(),
			"GIT_HTTP_EXPORT_ALL=1",
			"GIT_PROTOCOL="+r.Header.Get("Git-Protocol"),
			"REMOTE_USER="+u.Name,
		),
		Logger: slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
		Stderr: log,
	}).ServeHTTP(w, r)
}

// logWriter logs what Git says on standard error.
type logWriter struct{ log *slog.Logger }

func (l logWriter) Write(p []byte) (int, error) {
	if said := bytes.TrimSpace(p); len(said) > 0 {
		l.log.Info("git", "said", string(said))
	}
	return len(p), nil
}

// heldAnswer keeps an answer back. That to a push is short.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *heldAnswer) release(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	// With the length known, the client has all of it as soon as it is flushed.
	w.Header().Set("Content-Length", fmt.Sprint(h.body.Len()))
	w.WriteHeader(h.status)
	w.Write(h.body.Bytes())               //nolint:errcheck // who hung up does not want it
	http.NewResponseController(w).Flush() //nolint:errcheck // likewise
}
