package render

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
)

const (
	originKey    = "config.kubernetes.io/origin"
	originOption = types.OriginAnnotations
)

// building is held while Kustomize runs: its OpenAPI schema is global, and each
// run sets it.
var building sync.Mutex

// kustomize builds the folder of the kustomization file.
func kustomize(files *view, file string) ([]manifest, error) {
	scan := newScan(files)
	if err := scan.folder(files.dir); err != nil {
		return nil, err
	}
	top, keepOrigins, err := withOrigins(files, file)
	if err != nil {
		return nil, err
	}
	fs := &readOnly{view: files, scanned: scan.folders, override: map[string][]byte{file: top}}
	resources, err := build(fs, "/"+files.dir)
	if err != nil {
		return nil, placed(files, file, err)
	}
	var found []manifest
	for _, r := range resources.Resources() {
		m := manifest{root: r.YNode(), built: true, source: origin(files, file, r)}
		if !keepOrigins {
			dropAnnotation(m.root, originKey)
		}
		found = append(found, m)
	}
	return found, nil
}

// build runs Kustomize. The repository decides what it gets to see, and a panic
// over that must not end the controller.
func build(fs *readOnly, dir string) (m resmap.ResMap, err error) {
	building.Lock()
	defer building.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("kustomize gave up: %v", p)
		}
	}()
	o := krusty.MakeDefaultOptions()
	// Files may come from anywhere in the repository; the file system holds
	// nothing else.
	o.LoadRestrictions = types.LoadRestrictionsNone
	o.PluginConfig = types.DisabledPluginConfig()
	return krusty.MakeKustomizer(o).Run(fs, dir)
}

// placed gives a place to what Kustomize said: in the file that could not be read, if
// there is one, or in the kustomization.
func placed(files *view, file string, err error) error {
	var e *document.Error
	if errors.As(err, &e) {
		return e
	}
	if ctxErr := files.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	words := strings.TrimSpace(err.Error())
	if quotesGenerator.MatchString(words) {
		return document.Errorf(Source{File: file}, "kustomize: a generator's literal is not of the form key=value, or a line of its env file is not; the words of Kustomize are left out, for they quote what may be a secret")
	}
	return &document.Error{Position: Source{File: file}, Message: "kustomize: " + words, Cause: err}
}

// quotesGenerator matches what Kustomize says of data that it does not understand.
var quotesGenerator = regexp.MustCompile(`invalid literal source|invalid utf8 bytes`)

// withOrigins is the top kustomization with the option that makes Kustomize note
// where each object is from; keep tells that the user asked for the notes too.
func withOrigins(files *view, file string) (text []byte, keep bool, err error) {
	data, err := files.read(file)
	if err != nil {
		return nil, false, err
	}
	docs, err := document.Parse(file, data)
	if err != nil {
		return nil, false, err
	}
	if len(docs) != 1 || docs[0].Root.Kind != yaml.MappingNode {
		return nil, false, document.Errorf(Source{File: file}, "expected one document: a mapping with resources")
	}
	root := docs[0].Root
	option := &yaml.Node{Kind: yaml.ScalarNode, Value: originOption}
	if _, list := document.Field(root, "buildMetadata"); list != nil {
		for _, n := range list.Content {
			if n.Value == originOption {
				return data, true, nil
			}
		}
		list.Kind, list.Tag, list.Content = yaml.SequenceNode, "", append(list.Content, option)
	} else {
		root.Content = append(root.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Value: "buildMetadata"},
			&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{option}})
	}
	text, err = yaml.Marshal(root)
	return text, false, err
}

// origin finds the file that an object is from, and the line in it. A generated
// object is from the kustomization that has the generator.
func origin(files *view, top string, r *resource.Resource) Source {
	o, err := r.GetOrigin()
	if err != nil || o == nil || o.Repo != "" {
		return Source{File: top}
	}
	if o.Path == "" {
		if o.ConfiguredIn != "" {
			top = path.Join(files.dir, o.ConfiguredIn)
		}
		return files.find(r.GetName(), Source{File: top}) // without its hash it is there as it was written
	}
	at := Source{File: path.Join(files.dir, o.Path)}
	docs, err := document.Parse(at.File, files.content[at.File])
	if err != nil {
		return at
	}
	// Kustomize may have changed the name since; the kind it can't.
	best := -1
	for _, d := range docs {
		for _, m := range expand(at.File, d.Root) {
			_, metadata := document.Field(m.root, "metadata")
			name := document.Text(metadata, "name")
			if document.Text(m.root, "kind") == r.GetKind() && strings.Contains(r.GetName(), name) && len(name) > best {
				best, at = len(name), m.source
			}
		}
	}
	return at
}

// dropAnnotation takes an annotation out, and the annotations if that was all.
func dropAnnotation(root *yaml.Node, key string) {
	_, metadata := document.Field(root, "metadata")
	_, annotations := document.Field(metadata, "annotations")
	if annotations == nil {
		return
	}
	dropField(annotations, key)
	if len(annotations.Content) == 0 {
		dropField(metadata, "annotations")
	}
}

func dropField(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content = append(mapping.Content[:i:i], mapping.Content[i+2:]...)
			return
		}
	}
}
