package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// readOnly shows a commit to Kustomize as a file system whose root is the top of
// the repository. Files are read from the object database when they are opened.
type readOnly struct {
	view *view
	// scanned are the folders whose kustomization may be read.
	scanned map[string]bool
	// override has content that takes the place of the commit's, by path.
	override map[string][]byte
}

var _ filesys.FileSystem = (*readOnly)(nil)

var (
	errReadOnly   = errors.New("a commit can't be written to")
	errNotOffered = errors.New("not offered for a commit")
)

func inTree(p string) string { return path.Clean("/" + filepath.ToSlash(p))[1:] }

func (r *readOnly) entry(p string) (git.Entry, error) {
	e, _, err := r.view.tree.Resolve(r.view.ctx, r.view.blob, inTree(p))
	return e, err
}

// CleanedAbs follows links and tells folder and file apart.
func (r *readOnly) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	e, err := r.entry(p)
	if err != nil {
		return "", "", err
	}
	if e.IsDir() {
		return filesys.ConfirmedDir("/" + e.Path), "", nil
	}
	dir, name := path.Split("/" + e.Path)
	return filesys.ConfirmedDir(path.Clean(dir)), name, nil
}

// ReadFile reads a file, through links.
func (r *readOnly) ReadFile(p string) ([]byte, error) {
	e, err := r.entry(p)
	if err != nil {
		return nil, err
	}
	if !e.IsFile() {
		return nil, fmt.Errorf("%s: %w: expected a file", p, fs.ErrNotExist)
	}
	if data, ok := r.override[e.Path]; ok {
		return data, nil
	}
	dir := path.Dir(inTree(p))
	if dir == "." {
		dir = ""
	}
	if path.Base(p) == kustomizationIn(r.view.tree, dir) && !r.scanned[dir] {
		return nil, fmt.Errorf("%s: the kustomization was not checked", p)
	}
	return r.view.read(e.Path)
}

// IsDir tells whether a path leads to a folder.
func (r *readOnly) IsDir(p string) bool {
	e, err := r.entry(p)
	return err == nil && e.IsDir()
}

// Exists tells whether a path leads anywhere.
func (r *readOnly) Exists(p string) bool {
	_, err := r.entry(p)
	return err == nil
}

// ReadDir gives the names in a folder.
func (r *readOnly) ReadDir(p string) ([]string, error) {
	e, err := r.entry(p)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range r.view.tree.Children(e.Path) {
		names = append(names, path.Base(c.Path))
	}
	return names, nil
}

// Glob, Walk and Open are not needed by what is allowed here.
func (r *readOnly) Glob(string) ([]string, error)            { return nil, errNotOffered }
func (r *readOnly) Walk(string, filepath.WalkFunc) error     { return errNotOffered }
func (r *readOnly) Open(string) (filesys.File, error)        { return nil, errNotOffered }
func (r *readOnly) Create(string) (filesys.File, error)      { return nil, errReadOnly }
func (r *readOnly) Mkdir(string) error                       { return errReadOnly }
func (r *readOnly) MkdirAll(string) error                    { return errReadOnly }
func (r *readOnly) RemoveAll(string) error                   { return errReadOnly }
func (r *readOnly) WriteFile(name string, data []byte) error { return errReadOnly }
