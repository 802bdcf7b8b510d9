// Package generic makes resources of any type that CloudFormation knows and no
// service of the sandbox drives: they can be created, updated, replaced, deleted
// and referred to, and do nothing.
//
// What a resource is called follows from the schema of its type: the properties
// that identify it where the template gives them, else names made from the
// stack's name and the logical ID, ARNs where the schema has a form for them.
// Attributes that are properties too have the property's value; what no schema
// tells, such as a host name, is a text that is unique to the resource and says
// which attribute it is.
//
// The provider keeps the contract of package resource. Durations are those of
// simtime for the type.
package generic

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Provider makes the resources. It is safe for concurrent use.
type Provider struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns a provider over a store.
func New(state *store.Store, pace *simtime.Pace) *Provider {
	return &Provider{store: state, pace: pace}
}

// item is a resource as the store keeps it, under its type and physical ID.
type item struct {
	Type, PhysicalID, Ref, Token string
	Properties, Attributes       map[string]any
	Ready                        time.Time // when the work that Token names is over
	ARN                          string    // of a type that can have tags
	Tags                         map[string]string
}

var items = store.Table[item]{Name: "generic/resources"}

func scopeOf(q resource.Request) store.Scope {
	return store.Scope{Account: q.Account, Region: q.Region}
}

func keyOf(q resource.Request, physicalID string) string { return q.Type + "\x00" + physicalID }

func (i item) state() resource.State {
	return resource.State{PhysicalID: i.PhysicalID, Ref: i.Ref, Attributes: i.Attributes}
}

// Create makes a resource.
func (p *Provider) Create(ctx context.Context, q resource.Request) (resource.State, error) {
	typ, ok := schema.Lookup(q.Type)
	if !ok {
		return resource.State{}, resource.Invalid("resource type %s is not known", q.Type)
	}
	made := describe(typ, q)
	if err := made.setTags(typ, q); err != nil {
		return resource.State{}, err
	}
	made.Token, made.Ready = q.Token, p.pace.End(q.Type, simtime.Create)
	err := p.store.Update(func(tx *store.Tx) error {
		old, exists, err := items.Get(tx, scopeOf(q), keyOf(q, made.PhysicalID))
		switch {
		case err != nil:
			return err
		case exists && old.Token == q.Token:
			made = old
			return nil
		case exists:
			return &resource.Error{Code: resource.AlreadyExists, Message: fmt.Sprintf(
				"Resource of type '%s' with identifier '%s' already exists.", q.Type, made.PhysicalID)}
		}
		return items.Put(tx, scopeOf(q), keyOf(q, made.PhysicalID), made)
	})
	if err != nil {
		return resource.State{}, err
	}
	return made.state(), p.pace.Wait(ctx, made.Ready)
}

// Update changes a resource in place.
func (p *Provider) Update(ctx context.Context, q resource.Request) (resource.State, error) {
	typ, ok := schema.Lookup(q.Type)
	if !ok {
		return resource.State{}, resource.Invalid("resource type %s is not known", q.Type)
	}
	var now item
	err := p.store.Update(func(tx *store.Tx) error {
		old, exists, err := items.Get(tx, scopeOf(q), keyOf(q, q.PhysicalID))
		if err != nil {
			return err
		}
		if !exists {
			return notFound(q)
		}
		if now = old; old.Token == q.Token {
			return nil
		}
		now.Token, now.Ready, now.Properties = q.Token, p.pace.End(q.Type, simtime.Update), q.Properties
		if err := now.setTags(typ, q); err != nil {
			return err
		}
		// Attributes that mirror properties follow them; all others stay.
		now.Attributes = maps.Clone(old.Attributes)
		for name := range typ.Attributes {
			if v, ok := lookup(q.Properties, name); ok {
				now.Attributes[name] = v
			}
		}
		return items.Put(tx, scopeOf(q), keyOf(q, q.PhysicalID), now)
	})
	if err != nil {
		return resource.State{}, err
	}
	return now.state(), p.pace.Wait(ctx, now.Ready)
}

// Read returns a resource with the properties that it was given last.
func (p *Provider) Read(_ context.Context, q resource.Request) (resource.Found, error) {
	var found item
	err := p.store.View(func(tx *store.Tx) error {
		old, exists, err := items.Get(tx, scopeOf(q), keyOf(q, q.PhysicalID))
		if err == nil && !exists {
			err = notFound(q)
		}
		found = old
		return err
	})
	return resource.Found{State: found.state(), Properties: found.Properties}, err
}

// Delete removes a resource; one that is gone already is no error.
func (p *Provider) Delete(ctx context.Context, q resource.Request) error {
	ready, gone := p.pace.End(q.Type, simtime.Delete), false
	err := p.store.Update(func(tx *store.Tx) error {
		old, exists, err := items.Get(tx, scopeOf(q), keyOf(q, q.PhysicalID))
		if err != nil || !exists {
			gone = true
			return err
		}
		if old.Token == q.Token {
			ready = old.Ready
		}
		if gone = !ready.After(p.pace.Now()); gone {
			return items.Delete(tx, scopeOf(q), keyOf(q, q.PhysicalID))
		}
		old.Token, old.Ready = q.Token, ready
		return items.Put(tx, scopeOf(q), keyOf(q, q.PhysicalID), old)
	})
	if err != nil || gone {
		return err
	}
	if err := p.pace.Wait(ctx, ready); err != nil {
		return err
	}
	return p.store.Update(func(tx *store.Tx) error { return items.Delete(tx, scopeOf(q), keyOf(q, q.PhysicalID)) })
}

func notFound(q resource.Request) error {
	return &resource.Error{Code: resource.NotFound, Message: fmt.Sprintf(
		"Resource of type '%s' with identifier '%s' was not found.", q.Type, q.PhysicalID)}
}

// describe works out what a new resource is called.
func describe(typ *schema.Type, q resource.Request) item {
	name := resource.Name(q, 60)
	kind := q.Type[strings.LastIndex(q.Type, ":")+1:]
	for _, property := range []string{"Name", kind + "Name"} {
		if given, ok := q.Properties[property].(string); ok {
			name = given
		}
	}
	i := item{Type: q.Type, Properties: q.Properties, Attributes: map[string]any{}}
	identifiers := typ.PrimaryIdentifier
	if len(identifiers) == 1 {
		if v, ok := lookup(q.Properties, identifiers[0]); ok {
			name = fmt.Sprint(v)
		}
	}
	for attribute, shape := range typ.Attributes {
		i.Attributes[attribute] = i.attribute(typ, q, attribute, shape, name)
	}
	value := func(names []string) string {
		values := make([]string, len(names))
		for n, id := range names {
			values[n] = name
			if v, ok := lookup(q.Properties, id); ok {
				values[n] = fmt.Sprint(v)
			} else if v, ok := i.Attributes[id]; ok {
				values[n] = fmt.Sprint(v)
			}
		}
		return strings.Join(values, "|")
	}
	i.PhysicalID, i.Ref = value(identifiers), value(typ.Ref())
	if i.PhysicalID == "" {
		i.PhysicalID, i.Ref = name, name
	}
	return i
}

func (i item) attribute(typ *schema.Type, q resource.Request, attribute string, shape schema.Shape, name string) any {
	if v, ok := lookup(q.Properties, attribute); ok {
		return v
	}
	last := attribute[strings.LastIndex(attribute, ".")+1:]
	switch shape.Kind {
	case schema.String, schema.Union, schema.JSON:
	case schema.Boolean:
		return false
	case schema.Integer, schema.Number:
		return int64(0)
	case schema.List:
		return []any{}
	default:
		return map[string]any{}
	}
	switch {
	case (last == "Arn" || strings.HasSuffix(last, "Arn") || last == "ARN") && attribute == last:
		return arn(typ, q, name)
	case len(typ.PrimaryIdentifier) == 1 && typ.PrimaryIdentifier[0] == attribute:
		if strings.HasSuffix(last, "Id") {
			return strings.ToLower(resource.Suffix(q.Token, 20))
		}
		return name
	case strings.HasSuffix(last, "Name"):
		return name
	case strings.HasSuffix(last, "Id"):
		return strings.ToLower(resource.Suffix(q.Token+attribute, 20))
	}
	return strings.ToLower(last) + "-of-" + name
}

var variable = regexp.MustCompile(`\$\{[^}]+\}`)

// arn fills in the type's ARN template. Types without one get an ARN of the
// common form.
func arn(typ *schema.Type, q resource.Request, name string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(q.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(q.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	form := typ.ARNTemplate
	if form == "" {
		parts := append(strings.Split(strings.ToLower(q.Type), "::"), "", "")
		form = "arn:${Partition}:" + parts[1] + ":${Region}:${Account}:" + parts[2] + "/${Name}"
	}
	return variable.ReplaceAllStringFunc(form, func(v string) string {
		switch v {
		case "${Partition}":
			return partition
		case "${Region}":
			return q.Region
		case "${Account}":
			return q.Account
		}
		return name
	})
}

// lookup reads a property by its dotted name.
func lookup(properties map[string]any, name string) (any, bool) {
	var v any = properties
	for _, step := range strings.Split(name, ".") {
		m, ok := v.(map[string]any)
		if !ok || m[step] == nil {
			return nil, false
		}
		v = m[step]
	}
	return v, true
}
