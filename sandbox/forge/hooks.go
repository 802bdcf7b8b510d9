package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Hook is who is told of the pushes to a repository.
type Hook struct {
	// URL at a loopback address, http or https.
	URL string `json:"url"`
	// Secret signs the events; it must not be empty.
	Secret string `json:"secret"`
}

func (h Hook) check() error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return errors.New("url: this is not a URL") // it may hold a password
	}
	ip := net.ParseIP(u.Hostname())
	if (u.Scheme != "http" && u.Scheme != "https") || (u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fmt.Errorf("url: want http or https at localhost or a loopback address, got %s at %q: a sandbox calls nothing outside", u.Scheme, u.Host)
	}
	if h.Secret == "" {
		return errors.New("secret: it is empty, but every event is signed with it")
	}
	return nil
}

// hookID names a hook of a repository.
type hookID struct{ repository, hook string }

// hooks are kept in a file, which is replaced as a whole.
type hooks struct {
	path string

	mu  sync.Mutex
	all map[string]map[string]Hook // by repository, by name
}

func openHooks(path string) (*hooks, error) {
	h := &hooks{path: path, all: map[string]map[string]Hook{}}
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &h.all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

func (h *hooks) get(id hookID) (Hook, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hook, ok := h.all[id.repository][id.hook]
	return hook, ok
}

func (h *hooks) names(repository string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.all[repository]))
}

// set returns when the hook is on the disk.
func (h *hooks) set(id hookID, hook Hook) (made bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, was := h.all[id.repository][id.hook]
	if was && old == hook {
		return false, nil
	}
	next := maps.Clone(h.all)
	of := maps.Clone(next[id.repository])
	if of == nil {
		of = map[string]Hook{}
	}
	of[id.hook] = hook
	next[id.repository] = of
	body, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return false, err
	}
	if err := replaceFile(h.path, append(body, '\n')); err != nil {
		return false, err
	}
	h.all = next
	return !was, nil
}

// replaceFile writes a file that only its owner reads: the new content or the
// old one is there, whenever the machine stops.
func replaceFile(path string, body []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // it was renamed
	_, err = tmp.Write(body)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
