package component

import (
	"bytes"
	"context"
	"errors"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// folder is what the files directly in a folder say about it. It holds no paths
// but file names, so that it is the same wherever the folder lies.
type folder struct {
	kind      string // "", CDK, Helm, Kubernetes (a kustomization)
	marker    string // the file that gave the kind away
	component bool   // the kustomization is of kind Component: a part for others
	mentions  []string
	templates []string
	manifests []string
	// faults are told where there are manifests too, and where drawbridge.yaml says
	// that this is a component. Elsewhere those are told that look like ours: to
	// pass over a manifest with a mistake in it would be to delete what it defined.
	faults []fault
	// linked folders hold links, whose content is not part of their OID.
	linked bool
}

// fault is a file that can't be read or does not parse.
type fault struct {
	file string
	err  *document.Error // its file is not to be relied on: folders are shared
	ours bool            // it looks like a manifest or a template
}

// ours is how the text of a manifest or a template looks where it can't be parsed.
var ours = regexp.MustCompile(`(?m)^[\s"'{,-]*(apiVersion|AWSTemplateFormatVersion|Resources)\b`)

var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// look reads the files directly in a folder.
func look(ctx context.Context, tree *git.Tree, read BlobReader, dir string) (*folder, error) {
	f := &folder{}
	children := tree.Children(dir)
	for _, e := range children {
		switch name := path.Base(e.Path); {
		case e.IsDir() || e.Mode == git.Submodule:
		case name == "cdk.json":
			f.kind, f.marker = CDK, name
			return f, nil
		case name == "Chart.yaml" && f.kind == "":
			f.kind, f.marker = Helm, name
		case f.kind == "" && isKustomization(name):
			f.kind, f.marker = Kubernetes, name
		}
	}
	switch f.kind {
	case Helm:
		return f, nil
	case Kubernetes:
		return f, f.readKustomization(ctx, tree, read, dir)
	}
	for _, e := range children {
		if e.IsDir() || e.Mode == git.Submodule || !isDocument(e.Path) || path.Base(e.Path) == FileName {
			continue
		}
		f.linked = f.linked || e.Mode == git.Symlink
		if err := f.readDocument(ctx, tree, read, e.Path); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func isKustomization(name string) bool {
	return name == kustomizations[0] || name == kustomizations[1] || name == kustomizations[2]
}

func isDocument(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".template":
		return true
	}
	return false
}

// readFile is Tree.ReadFile; the error is a *document.Error unless the read itself
// failed.
func readFile(ctx context.Context, tree *git.Tree, read BlobReader, p string) ([]byte, error) {
	data, _, err := tree.ReadFile(ctx, read, p)
	for _, known := range []error{git.ErrSymlink, git.ErrTooLarge, git.ErrPathNotFound} {
		if errors.Is(err, known) {
			return nil, &document.Error{Position: Source{File: p}, Message: strings.TrimPrefix(err.Error(), p+": "), Cause: err}
		}
	}
	return data, err
}

func (f *folder) readDocument(ctx context.Context, tree *git.Tree, read BlobReader, p string) error {
	name := path.Base(p)
	data, err := readFile(ctx, tree, read, p)
	var bad *document.Error
	switch {
	case errors.As(err, &bad):
		// What is in it is not known; JSON is mostly something else.
		f.faults = append(f.faults, fault{name, bad, path.Ext(name) != ".json"})
		return nil
	case err != nil:
		return err
	}
	docs, err := document.Parse(name, data)
	if errors.As(err, &bad) {
		encrypted := path.Ext(name) != ".json" && bytes.IndexByte(data, 0) >= 0 // by git-crypt, or binary
		f.faults = append(f.faults, fault{name, bad, ours.Match(data) || encrypted})
		return nil
	}
	if HoldsManifest(docs) {
		f.manifests = append(f.manifests, name)
		return nil
	}
	if len(docs) == 1 && isTemplate(docs[0].Root) {
		f.templates = append(f.templates, name)
	}
	return nil
}

// HoldsManifest tells whether a file with these documents defines Kubernetes
// objects: whether one of them has two of apiVersion, kind and metadata. One that
// lacks the third is a mistake for rendering to tell, not something else.
func HoldsManifest(docs []document.Document) bool {
	for _, d := range docs {
		found := 0
		for _, name := range []string{"apiVersion", "kind", "metadata"} {
			if _, v := document.Field(d.Root, name); v != nil {
				found++
			}
		}
		if found >= 2 {
			return true
		}
	}
	return false
}

// isTemplate tells whether a document is a CloudFormation template. One with a
// mistake in it is one too, for its check to tell: "AWS:SNS::Topic".
func isTemplate(root *yaml.Node) bool {
	_, resources := document.Field(root, "Resources")
	if resources == nil {
		return false
	}
	if _, version := document.Field(root, "AWSTemplateFormatVersion"); version != nil {
		return true
	}
	for i := 1; resources.Kind == yaml.MappingNode && i < len(resources.Content); i += 2 {
		if strings.Contains(document.Text(document.Target(resources.Content[i]), "Type"), "::") {
			return true
		}
	}
	return false
}

// readKustomization notes every string in the file: any of them may name another
// file or folder. That is more than the fields that do today, and never less.
func (f *folder) readKustomization(ctx context.Context, tree *git.Tree, read BlobReader, dir string) error {
	if e, _ := tree.Entry(path.Join(dir, f.marker)); e.Mode == git.Symlink {
		f.linked = true
	}
	data, err := readFile(ctx, tree, read, path.Join(dir, f.marker))
	var bad *document.Error
	switch {
	case errors.As(err, &bad):
		f.faults = append(f.faults, fault{f.marker, bad, true})
		return nil
	case err != nil:
		return err
	}
	docs, err := document.Parse(f.marker, data)
	if errors.As(err, &bad) {
		f.faults = append(f.faults, fault{f.marker, bad, true})
		return nil
	}
	for _, d := range docs {
		f.component = f.component || document.Text(d.Root, "kind") == "Component"
		f.note(d.Root)
	}
	return nil
}

func (f *folder) note(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		s := n.Value
		if strings.ContainsRune(s, '\n') {
			return // an inline patch
		}
		// Generators write "key=path".
		if _, file, ok := strings.Cut(s, "="); ok {
			f.mentions = append(f.mentions, file)
		}
		f.mentions = append(f.mentions, s)
	}
	for _, c := range n.Content {
		f.note(c)
	}
}

// notSupported is the error for the kinds that are recognised only.
func notSupported(kind, dir string, at Source) error {
	if dir == "" {
		dir = "."
	}
	return document.Errorf(at, "the folder %s is a component of kind %s, which is not supported yet; "+
		"to deploy the rest without it, list the folder under \"ignore\" in %s", dir, kind, FileName)
}

func (f fault) in(dir string) error {
	placed := *f.err
	placed.File = path.Join(dir, f.file)
	return &placed
}
