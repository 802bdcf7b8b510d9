package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// Artifact is a set of files that a build hands over.
type Artifact struct {
	// ID is empty for the primary set.
	ID string `json:"id,omitempty"`
	// Name as the specification gives it, its variables filled in.
	Name string `json:"name,omitempty"`
	// Folder that holds the files, below Request.Output: "primary", or
	// "secondary/<ID>".
	Folder string `json:"folder"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	// Digest is the SHA-256 of all paths, modes and contents, in hex.
	Digest string `json:"digest"`
}

// declared are the sets that the specification asks for.
func (b *build) declared() (all []Artifact, specs []buildspec.Artifacts) {
	a := b.Spec.Artifacts
	if a == nil {
		return nil, nil
	}
	if len(a.Files) > 0 {
		all, specs = append(all, Artifact{Folder: "primary"}), append(specs, *a)
	}
	for _, id := range slices.Sorted(maps.Keys(a.Secondary)) {
		all, specs = append(all, Artifact{ID: id, Folder: "secondary/" + id}), append(specs, a.Secondary[id])
	}
	return all, specs
}

// nameArtifacts fills in the variables of the names, which the shell knows.
func (b *build) nameArtifacts() error {
	all, specs := b.declared()
	for i, spec := range specs {
		all[i].Name = spec.Name.Value
		if !strings.ContainsAny(all[i].Name, "$`") {
			continue
		}
		values, err := b.ask("name", func(script *strings.Builder) {
			fmt.Fprintf(script, "printf '%%s\\0' \"%s\"\n", spec.Name.Value)
		})
		if err != nil {
			return err
		}
		if len(values) != 1 {
			return document.Errorf(spec.Name.Source, "artifacts: the shell can't make a name of %q", spec.Name.Value)
		}
		all[i].Name = b.log.mask.Text(values[0])
	}
	b.result.Artifacts = all
	return nil
}

// gather copies the artifacts into Output. What it can't is no artifact of the
// result.
func (b *build) gather() error {
	all, specs := b.declared()
	named := b.result.Artifacts
	b.result.Artifacts = nil
	budget := b.budget()
	for i, a := range all {
		a.Name = named[i].Name
		if err := b.gatherOne(&a, specs[i], budget); err != nil {
			return document.Errorf(specs[i].Source, "artifacts%s: %w", suffix(a.ID), err)
		}
		b.log.mark("artifacts%s: %d files, %d bytes", suffix(a.ID), a.Files, a.Bytes)
		b.result.Artifacts = append(b.result.Artifacts, a)
	}
	return nil
}

func suffix(id string) string {
	if id == "" {
		return ""
	}
	return " " + id
}

func (b *build) gatherOne(a *Artifact, spec buildspec.Artifacts, budget *int64) error {
	source, err := os.OpenRoot(b.Source)
	if err != nil {
		return err
	}
	defer source.Close()
	to, err := openRoot(filepath.Join(b.Output, filepath.FromSlash(a.Folder)))
	if err != nil {
		return err
	}
	defer to.Close()
	bases, err := baseFolders(source, spec.BaseDirectory.Value)
	if err != nil {
		return err
	}
	s := selection{patterns: values(spec.Files), exclude: values(spec.Exclude), links: spec.Symlinks}
	s.left = func(name, why string) { b.log.mark("artifacts%s: %s is left out: %s", suffix(a.ID), name, why) }
	taken := map[string]string{}
	for _, base := range bases {
		from, err := source.OpenRoot(base)
		if err != nil {
			return err
		}
		err = copySelected(from, to, s, spec.DiscardPaths, taken, budget)
		if err := from.Close(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
	if len(taken) == 0 {
		return fmt.Errorf("no file matches %s; patterns start at %s", strings.Join(s.patterns, ", "), path.Join("the source", spec.BaseDirectory.Value))
	}
	return a.measure(to, slices.Sorted(maps.Keys(taken)))
}

// copySelected copies what is selected and notes in taken where each file of to
// came from.
func copySelected(from, to *os.Root, s selection, discardPaths bool, taken map[string]string, budget *int64) error {
	found, err := s.find(from)
	if err != nil {
		return err
	}
	c := copier{from: from, to: to, links: s.links, budget: budget}
	for _, name := range found {
		target := name
		if discardPaths {
			target = path.Base(name)
		}
		if first, ok := taken[target]; ok {
			return fmt.Errorf("%s and %s would be the same file, %s", first, name, target)
		}
		taken[target] = name
		if _, err := c.copy(name, target); err != nil {
			return err
		}
	}
	return nil
}

// baseFolders are those that a base-directory names, which may be a pattern.
func baseFolders(source *os.Root, pattern string) ([]string, error) {
	if pattern == "" {
		return []string{"."}, nil
	}
	pattern = clean(pattern)
	if info, err := source.Stat(pattern); err == nil && info.IsDir() {
		return []string{pattern}, nil
	}
	var bases []string
	err := fs.WalkDir(source.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if matches([]string{pattern}, name) {
			bases = append(bases, name)
			return fs.SkipDir
		}
		return nil
	})
	if err == nil && len(bases) == 0 {
		err = fmt.Errorf("base-directory: there is no folder %s", pattern)
	}
	return bases, err
}

func values(texts []buildspec.Text) []string {
	var all []string
	for _, t := range texts {
		all = append(all, clean(t.Value))
	}
	return all
}

// measure fills in what the folder holds.
func (a *Artifact) measure(root *os.Root, names []string) error {
	digest := sha256.New()
	for _, name := range names {
		info, err := root.Lstat(name)
		if err != nil {
			return err
		}
		content := sha256.New()
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := root.Readlink(name)
			if err != nil {
				return err
			}
			content.Write([]byte(target))
		} else {
			f, err := root.Open(name)
			if err != nil {
				return err
			}
			n, err := io.Copy(content, f)
			f.Close()
			if err != nil {
				return err
			}
			a.Bytes += n
		}
		fmt.Fprintf(digest, "%x %x %q\n", info.Mode()&(fs.ModeSymlink|0o100), content.Sum(nil), name)
	}
	a.Files, a.Digest = len(names), hex.EncodeToString(digest.Sum(nil))
	return nil
}
