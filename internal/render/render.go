package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Kubernetes renders the folder dir of the tree, which is the whole of a commit.
func Kubernetes(ctx context.Context, tree *git.Tree, read BlobReader, dir string, in Inputs, o Options) (Rendered, error) {
	dir = path.Clean("/" + dir)[1:]
	if e, ok := tree.Entry(dir); !ok || !e.IsDir() {
		return Rendered{}, fmt.Errorf("render %q: %w: expected a folder", dir, git.ErrPathNotFound)
	}
	files := newView(ctx, tree, read, dir)
	var found []manifest
	var err error
	if name := kustomizationIn(tree, dir); name != "" {
		found, err = kustomize(files, path.Join(dir, name))
	} else {
		found, err = plain(files, o.Files)
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Rendered{}, err
	}
	s := newSubstitution(in)
	out := Rendered{Read: files.outside()}
	var faults []error
	first := map[string]Source{}
	for _, m := range found {
		object, err := m.object(s, files)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		id := identity(object)
		if at, ok := first[id]; ok {
			faults = append(faults, document.Errorf(m.source, "%s is already defined at %s; keep one of them", id, at))
			continue
		}
		first[id] = m.source
		out.Objects = append(out.Objects, Object{object, m.source})
	}
	if len(faults) > 0 {
		return Rendered{}, errors.Join(faults...)
	}
	out.Used, out.Pending = slices.Sorted(maps.Keys(s.used)), slices.Sorted(maps.Keys(s.pending))
	return out, nil
}

// manifest is an object as it stands in a file, or as Kustomize left it.
type manifest struct {
	root   *yaml.Node
	source Source
	// built tells that the lines of the nodes are not those of the file.
	built bool
}

// object checks the manifest, replaces its references and decodes it.
func (m manifest) object(s *substitution, files *view) (*unstructured.Unstructured, error) {
	if m.root.Kind != yaml.MappingNode {
		return nil, document.Errorf(m.source, "expected a Kubernetes object: a mapping with apiVersion, kind and metadata")
	}
	_, metadata := document.Field(m.root, "metadata")
	var missing []string
	for _, f := range []struct{ name, value string }{
		{"apiVersion", document.Text(m.root, "apiVersion")},
		{"kind", document.Text(m.root, "kind")},
		{"metadata.name", document.Text(metadata, "name")},
	} {
		if f.value == "" {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		what := ""
		if document.Text(metadata, "generateName") != "" {
			what = "; generateName would make another object each time"
		}
		return nil, document.Errorf(m.source, "%s: %s is missing%s", m.describe(), strings.Join(missing, " and "), what)
	}
	_, annotations := document.Field(metadata, "annotations")
	if len(s.declared) > 0 && document.Text(annotations, v1alpha1.AnnotationSubstitute) != "disabled" {
		if err := s.replace(m, files); err != nil {
			return nil, err
		}
	}
	v, err := document.Value(m.source.File, m.root)
	if err != nil {
		if m.built {
			var e *document.Error
			errors.As(err, &e)
			return nil, document.Errorf(m.source, "%s", e.Message)
		}
		return nil, err
	}
	return &unstructured.Unstructured{Object: v.(map[string]any)}, nil
}

// describe names the object as well as it can be.
func (m manifest) describe() string {
	_, metadata := document.Field(m.root, "metadata")
	kind, name := document.Text(m.root, "kind"), document.Text(metadata, "name")
	switch {
	case kind == "" && name == "":
		return "object"
	case kind == "":
		return "object " + name
	case name == "":
		return kind
	}
	return kind + " " + name
}

// identity is what two definitions of one object have in common: not the version.
func identity(o *unstructured.Unstructured) string {
	kind := o.GetKind()
	if group := o.GroupVersionKind().Group; group != "" {
		kind = group + "/" + kind
	}
	if ns := o.GetNamespace(); ns != "" {
		return kind + " " + ns + "/" + o.GetName()
	}
	return kind + " " + o.GetName()
}
