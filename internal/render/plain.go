package render

import (
	"errors"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

// plain reads the manifests directly in the folder, or the files given.
func plain(files *view, names []string) ([]manifest, error) {
	all := len(names) == 0
	if all {
		for _, e := range files.tree.Children(files.dir) {
			switch path.Ext(e.Path) {
			case ".yaml", ".yml", ".json", ".template":
				if !e.IsDir() && path.Base(e.Path) != component.FileName {
					names = append(names, e.Path)
				}
			}
		}
	}
	var found []manifest
	var faults []error
	for _, name := range names {
		data, err := files.read(name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		docs, err := document.Parse(name, data)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if all && !component.HoldsManifest(docs) {
			continue
		}
		for _, d := range docs {
			found = append(found, expand(name, d.Root)...)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return found, nil
}

// expand gives the items of a List, or the document as it is.
func expand(name string, root *yaml.Node) []manifest {
	_, items := document.Field(root, "items")
	if !strings.HasSuffix(document.Text(root, "kind"), "List") || items == nil || items.Kind != yaml.SequenceNode {
		return []manifest{{root: root, source: Source{File: name, Line: root.Line}}}
	}
	var found []manifest
	for _, item := range items.Content {
		found = append(found, expand(name, document.Target(item))...)
	}
	return found
}
