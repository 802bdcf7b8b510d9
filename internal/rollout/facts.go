package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// The facts of a component are made from the commit alone, with the values that
// drawbridge.yaml gives itself, and kept as long as those stay the same. After a
// restart the first commit that changes anything makes them all again; until then what
// is recorded has to do, so that a commit that changes nothing costs nothing.

// keptFacts are a component's facts and a digest of what they were made from.
type keptFacts struct {
	key [sha256.Size]byte
	infer.Facts
}

// facts of all components, and which of them are not known: those of an app are not,
// until it was synthesized.
func (p *prepared) facts(ctx context.Context) (facts map[string]infer.Facts, unknown map[string]bool, err error) {
	facts, unknown = map[string]infer.Facts{}, map[string]bool{}
	kept, before := map[string]keptFacts{}, p.State.recall()
	idle := p.idle()
	for _, name := range p.order {
		n := p.all[name]
		k, known := before[name], true
		if key := p.factsKey(n); k.key != key {
			k, known = keptFacts{key: key}, false
			if !idle {
				if k.Facts, known, err = kinds[n.Kind].facts(ctx, p, n); err != nil {
					return nil, nil, err
				}
			}
		}
		if unknown[name] = !known; known {
			kept[name], facts[name] = k, k.Facts
		}
	}
	p.State.remember(kept)
	return facts, unknown, nil
}

// idle tells whether nothing is rolled out, and no edge is cut that would have to be
// looked for.
func (p *prepared) idle() bool {
	return len(p.pending) == 0 && !slices.ContainsFunc(p.components(), func(c component.Component) bool { return len(c.IndependentOf) > 0 })
}

// factsKey is a digest of what the facts of a component are made from; those of an app
// are made from what it was synthesized with.
func (p *prepared) factsKey(n *node) [sha256.Size]byte {
	var synthesized string
	if n.Kind == component.CDK {
		synthesized = n.digest
	}
	text, err := json.Marshal([]any{n.Kind, n.OID, n.Path, n.Files, n.Inputs, n.Parameters, p.place(), p.stackName(n), synthesized})
	if err != nil {
		panic(err) // strings and maps of strings always marshal
	}
	return sha256.Sum256(text)
}

func (p *prepared) place() infer.Place {
	at := infer.Place{Namespace: p.namespace()}
	if aws := p.Environment.Spec.AWS; aws != nil {
		at.Region = aws.Region
	}
	return at
}

// literals are the values that drawbridge.yaml gives itself, and open the names of
// those that come from other components.
func literals(given map[string]component.Value) (values map[string]string, open []string) {
	values = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if v := given[name]; v.From == nil {
			values[name] = v.Literal
		} else {
			open = append(open, name)
		}
	}
	return values, open
}

func (manifests) facts(ctx context.Context, p *prepared, n *node) (infer.Facts, bool, error) {
	objects := n.objects
	if values, open := literals(n.Inputs); len(open) > 0 || objects == nil { // not as the commit alone has them
		var err error
		if objects, err = p.rendered(ctx, n, values); err != nil {
			return infer.Facts{}, false, err
		}
	}
	return infer.Objects(objects, p.place()), true, nil
}

func (templates) facts(ctx context.Context, p *prepared, n *node) (infer.Facts, bool, error) {
	t := n.template
	if t == nil {
		var err error
		if t, err = p.parse(ctx, n); err != nil {
			return infer.Facts{}, false, err
		}
	}
	values, open := literals(n.Parameters)
	return infer.Template(t.Template, template.Environment{
		Parameters: values, Later: open, Region: p.place().Region, StackName: p.stackName(n),
	}), true, nil
}

// facts of an app are those of all its stacks.
func (apps) facts(_ context.Context, _ *prepared, n *node) (infer.Facts, bool, error) {
	var all infer.Facts
	if n.app.assembly == nil {
		return all, false, nil
	}
	values, open := literals(n.Parameters)
	for _, s := range n.app.assembly.Stacks {
		given := maps.Clone(values)
		maps.Copy(given, s.Parameters)
		f := infer.Template(n.app.templates[s.ID], template.Environment{
			Parameters: given, Later: open, Region: s.Place.Region, AccountID: s.Place.Account, StackName: s.Name,
		})
		all.Provides, all.Needs = append(all.Provides, f.Provides...), append(all.Needs, f.Needs...)
	}
	return all, true, nil
}

// facts of a build are none: what its commands do is not in its files.
func (builds) facts(context.Context, *prepared, *node) (infer.Facts, bool, error) {
	return infer.Facts{}, true, nil
}
