package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// database is the part of db.json that is used.
type database struct {
	Schema struct {
		Resource       entities[resource]   `json:"resource"`
		TypeDefinition entities[definition] `json:"typeDefinition"`
	} `json:"schema"`
}

type entities[T any] struct {
	Entities []T `json:"entities"`
}

type resource struct {
	Type              string              `json:"cloudFormationType"`
	Transform         string              `json:"cloudFormationTransform"`
	PrimaryIdentifier []string            `json:"primaryIdentifier"`
	RefIdentifier     []string            `json:"cfnRefIdentifier"`
	Properties        map[string]property `json:"properties"`
	Attributes        map[string]property `json:"attributes"`
	ARNTemplate       string              `json:"arnTemplate"`
	Stateful          bool                `json:"isStateful"`
	ReplacementPaths  [][]string          `json:"additionalReplacementProperties"`
	Tags              *struct {
		Property string `json:"tagPropertyName"`
		Variant  string `json:"variant"`
	} `json:"tagInformation"`
}

type definition struct {
	ID         string              `json:"$id"`
	Name       string              `json:"name"`
	Properties map[string]property `json:"properties"`
}

type property struct {
	Type          shape   `json:"type"`
	PreviousTypes []shape `json:"previousTypes"`
	Required      bool    `json:"required"`
	Replacement   string  `json:"causesReplacement"`
}

type shape struct {
	Type      string  `json:"type"`
	Element   *shape  `json:"element"`
	Types     []shape `json:"types"`
	Reference struct {
		ID string `json:"$ref"`
	} `json:"reference"`
}

func reduce(db *database) (*schema.Document, error) {
	defs := make(map[string]definition)
	for _, d := range db.Schema.TypeDefinition.Entities {
		defs[d.ID] = d
	}
	doc := &schema.Document{Source: npmPackage + "@" + version, Types: make(map[string]schema.Type)}
	for _, r := range db.Schema.Resource.Entities {
		t, err := reduceResource(r, defs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Type, err)
		}
		doc.Types[r.Type] = t
	}
	return doc, nil
}

func reduceResource(r resource, defs map[string]definition) (schema.Type, error) {
	t := schema.Type{
		PrimaryIdentifier: r.PrimaryIdentifier, RefIdentifier: r.RefIdentifier,
		ARNTemplate: r.ARNTemplate, Stateful: r.Stateful, Transform: r.Transform,
	}
	for _, path := range r.ReplacementPaths {
		// The source repeats them.
		if p := strings.Join(path, "."); !slices.Contains(t.ReplacementPaths, p) {
			t.ReplacementPaths = append(t.ReplacementPaths, p)
		}
	}
	if r.Tags != nil {
		t.Tags = &schema.Tags{Property: r.Tags.Property, Variant: r.Tags.Variant}
	}
	in := inliner{defs: defs, names: make(map[string]string), out: make(map[string]map[string]schema.Property)}
	var err error
	if t.Properties, err = in.properties(r.Properties); err != nil {
		return t, err
	}
	attributes, err := in.properties(r.Attributes)
	if err != nil {
		return t, err
	}
	if len(attributes) > 0 {
		t.Attributes = make(map[string]schema.Shape, len(attributes))
		for name, a := range attributes {
			t.Attributes[name] = a.Shape
		}
	}
	if len(in.out) > 0 {
		t.Definitions = in.out
	}
	return t, nil
}

// inliner gives one resource type its own copies of the definitions that it
// reaches, by name.
type inliner struct {
	defs  map[string]definition
	names map[string]string // id to name
	out   map[string]map[string]schema.Property
}

func (in *inliner) properties(ps map[string]property) (map[string]schema.Property, error) {
	out := make(map[string]schema.Property, len(ps))
	// In order, as the names of definitions depend on which comes first.
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		p := ps[name]
		// Templates written for an earlier form of a property still work, so
		// its previous types stay allowed.
		s, err := in.shape(shape{Type: "union", Types: append([]shape{p.Type}, p.PreviousTypes...)})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		q := schema.Property{Shape: s, Required: p.Required}
		switch p.Replacement {
		case "", "no":
		case "yes":
			q.Replacement = schema.Always
		case "maybe":
			q.Replacement = schema.Conditionally
		default:
			return nil, fmt.Errorf("%s: causesReplacement %q is not known", name, p.Replacement)
		}
		out[name] = q
	}
	return out, nil
}

func (in *inliner) shape(s shape) (schema.Shape, error) {
	switch s.Type {
	case "string", "integer", "number", "boolean", "json", "tag":
		return schema.Shape{Kind: schema.Kind(s.Type)}, nil
	case "date-time":
		return schema.Shape{Kind: schema.String}, nil
	case "array", "map":
		e, err := in.shape(*s.Element)
		kind := schema.List
		if s.Type == "map" {
			kind = schema.Map
		}
		return schema.Shape{Kind: kind, Element: &e}, err
	case "ref":
		name, err := in.define(s.Reference.ID)
		return schema.Shape{Kind: schema.Object, Name: name}, err
	case "union":
		var u schema.Shape
		u.Kind = schema.Union
		for _, alt := range s.Types {
			a, err := in.shape(alt)
			if err != nil {
				return schema.Shape{}, err
			}
			alts := []schema.Shape{a}
			if a.Kind == schema.Union {
				alts = a.Alternatives
			}
			for _, a := range alts {
				if !slices.ContainsFunc(u.Alternatives, func(b schema.Shape) bool { return b.String() == a.String() }) {
					u.Alternatives = append(u.Alternatives, a)
				}
			}
		}
		if len(u.Alternatives) == 1 {
			return u.Alternatives[0], nil
		}
		return u, nil
	}
	return schema.Shape{}, fmt.Errorf("type %q is not known", s.Type)
}

func (in *inliner) define(id string) (string, error) {
	if name, ok := in.names[id]; ok {
		return name, nil
	}
	d, ok := in.defs[id]
	if !ok {
		return "", fmt.Errorf("definition %s is missing", id)
	}
	name := d.Name
	for n := 2; in.out[name] != nil; n++ {
		name = fmt.Sprintf("%s%d", d.Name, n)
	}
	in.names[id] = name
	in.out[name] = map[string]schema.Property{} // taken, should the definition reach itself
	ps, err := in.properties(d.Properties)
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.Name, err)
	}
	in.out[name] = ps
	return name, nil
}
