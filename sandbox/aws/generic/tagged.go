package generic

import (
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// setTags gives a resource of a type that can have tags its own and the stack's.
func (i *item) setTags(typ *schema.Type, q resource.Request) error {
	if typ.Tags == nil {
		return nil
	}
	var err error
	i.Tags, err = resource.Props(q.Properties).Tags(typ.Tags.Property, q.Tags)
	i.ARN = i.arn(typ, q)
	return err
}

// arn is the resource's ARN attribute, or one of the form that its type has.
func (i *item) arn(typ *schema.Type, q resource.Request) string {
	kind := i.Type[strings.LastIndex(i.Type, ":")+1:]
	for _, name := range []string{"Arn", "ARN", kind + "Arn"} {
		if text, ok := i.Attributes[name].(string); ok && strings.HasPrefix(text, "arn:") {
			return text
		}
	}
	if strings.HasPrefix(i.PhysicalID, "arn:") {
		return i.PhysicalID
	}
	return arn(typ, q, i.PhysicalID)
}

// Tagged lists the resources of types that can have tags.
func (p *Provider) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := items.Walk(tx, scope, "", func(_ string, i item) error {
		if i.ARN != "" {
			out = append(out, resource.Tagged{ARN: i.ARN, Tags: i.Tags})
		}
		return nil
	})
	return out, err
}

// Retag changes the tags of a resource.
func (p *Provider) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	var found item
	var at string
	err := items.Walk(tx, scope, "", func(key string, i item) error {
		if i.ARN == arn {
			found, at = i, key
			return store.Stop
		}
		return nil
	})
	if err != nil || at == "" {
		return false, err
	}
	if found.Tags == nil {
		found.Tags = map[string]string{}
	}
	change(found.Tags)
	return true, items.Put(tx, scope, at, found)
}
