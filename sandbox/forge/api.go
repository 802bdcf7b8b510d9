package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Repository as the API tells of it.
type Repository struct {
	Name     string `json:"name"`
	CloneURL string `json:"cloneURL"`
}

// NamedHook is a hook without its secret.
type NamedHook struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type repositoryList struct {
	Repositories []Repository `json:"repositories"`
}

type hookList struct {
	Hooks []NamedHook `json:"hooks"`
}

type pushList struct {
	Pushes []Push `json:"pushes"`
}

func (f *Forge) listRepositories(w http.ResponseWriter, r *http.Request, _ User) {
	f.mu.Lock()
	names := slices.Sorted(maps.Keys(f.repositories))
	f.mu.Unlock()
	list := repositoryList{Repositories: []Repository{}}
	for _, name := range names {
		list.Repositories = append(list.Repositories, Repository{Name: name, CloneURL: cloneURL(baseURL(r), name)})
	}
	answer(w, http.StatusOK, list)
}

func (f *Forge) putRepository(w http.ResponseWriter, r *http.Request, u User) {
	name := r.PathValue("repo")
	made, err := f.create(r.Context(), name)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if made {
		f.log.Info("repository made", "repository", name, "by", u.Name)
	}
	answer(w, createdOrOK(made), Repository{Name: name, CloneURL: cloneURL(baseURL(r), name)})
}

func (f *Forge) listHooks(w http.ResponseWriter, r *http.Request, _ User) {
	repo, ok := f.requested(w, r)
	if !ok {
		return
	}
	list := hookList{Hooks: []NamedHook{}}
	for _, name := range f.hooks.names(repo.name) {
		hook, _ := f.hooks.get(hookID{repo.name, name})
		list.Hooks = append(list.Hooks, NamedHook{Name: name, URL: hook.URL})
	}
	answer(w, http.StatusOK, list)
}

func (f *Forge) putHook(w http.ResponseWriter, r *http.Request, u User) {
	repo, ok := f.requested(w, r)
	if !ok {
		return
	}
	id := hookID{repo.name, r.PathValue("hook")}
	if err := checkName(id.hook); err != nil {
		f.fail(w, r, err)
		return
	}
	var hook Hook
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&hook); err != nil {
		refuse(w, r, http.StatusBadRequest, fmt.Sprintf(`want {"url": "...", "secret": "..."}: %v`, err))
		return
	}
	if err := hook.check(); err != nil {
		refuse(w, r, http.StatusBadRequest, fmt.Sprintf("hook %s: %v", id.hook, err))
		return
	}
	made, err := f.hooks.set(id, hook)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.log.Info("hook set", "repository", repo.name, "hook", id.hook, "by", u.Name)
	answer(w, createdOrOK(made), NamedHook{Name: id.hook, URL: hook.URL})
}

func (f *Forge) listPushes(w http.ResponseWriter, r *http.Request, _ User) {
	repo, ok := f.requested(w, r)
	if !ok {
		return
	}
	ref := r.URL.Query().Get("ref")
	list := pushList{Pushes: []Push{}}
	for p, err := range f.pushes.all() {
		if err != nil {
			f.fail(w, r, err)
			return
		}
		if p.Repository == repo.name && (ref == "" || p.Ref == ref) {
			list.Pushes = append(list.Pushes, p)
		}
	}
	answer(w, http.StatusOK, list)
}

func (f *Forge) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrName) {
		refuse(w, r, http.StatusBadRequest, err.Error())
		return
	}
	f.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	refuse(w, r, http.StatusInternalServerError, err.Error())
}

func createdOrOK(made bool) int {
	if made {
		return http.StatusCreated
	}
	return http.StatusOK
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // who hung up does not want it
}
