package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// reader is the reader of a type, or nil where what is there can't be read.
func (c *CloudFormation) reader(typeName string) resource.Reader {
	p, _ := c.Resources.Provider(typeName)
	r, _ := p.(resource.Reader)
	if _, known := schema.Lookup(typeName); !known || strings.HasPrefix(typeName, "AWS::CloudFormation::") {
		return nil
	}
	return r
}

// read looks at a resource that may be there.
func (c *CloudFormation) read(ctx context.Context, scope store.Scope, typeName, physicalID string) (found resource.Found, there bool, err error) {
	r := c.reader(typeName)
	if r == nil {
		return found, false, nil
	}
	found, err = r.Read(ctx, resource.Request{Account: scope.Account, Region: scope.Region, Type: typeName, PhysicalID: physicalID})
	var refused *resource.Error
	if errors.As(err, &refused) && refused.Code == resource.NotFound {
		return found, false, nil
	}
	return found, err == nil, err
}

// planImports decides which resources of a plan are taken in and not made. What
// makes the change set fail is unfit.
func (c *CloudFormation) planImports(ctx context.Context, scope store.Scope, p *plan, bound *template.Bound, changes []template.Change, asked []types.ResourceToImport) (unfit string, err error) {
	if p.set.Type == types.ChangeSetTypeImport {
		p.set.Imports, err = c.imports(scope, p.stack, bound, changes, asked)
		return "", err
	}
	if !p.set.ImportExisting {
		return "", nil
	}
	p.set.Imports = map[string]string{}
	var lack []string
	for _, ch := range changes {
		id, named := identityOf(bound.Template.Resources[ch.LogicalID])
		if ch.Action != template.Add || !named {
			continue
		}
		_, there, err := c.read(ctx, scope, ch.Type, id)
		if err != nil {
			return "", err
		}
		if !there {
			continue
		}
		owner, err := c.owner(scope, "", ch.Type, id)
		switch {
		case err != nil:
			return "", err
		case owner != "": // the validation of names finds it
		case ch.After.DeletionPolicy != "Retain" && ch.After.DeletionPolicy != "RetainExceptOnCreate":
			typ, _ := schema.Lookup(ch.Type)
			pairs := make([]string, len(typ.PrimaryIdentifier))
			for i, name := range typ.PrimaryIdentifier {
				pairs[i] = fmt.Sprintf("%s=%v", name, ch.After.Properties[name])
			}
			lack = append(lack, fmt.Sprintf("%s ({%s})", ch.LogicalID, strings.Join(pairs, ",")))
		default:
			p.set.Imports[ch.LogicalID] = id
		}
	}
	if lack != nil {
		return "CloudFormation is attempting to import some resources because they already exist in your account. The resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are " +
			strings.Join(lack, ", "), nil
	}
	return "", nil
}

// identityOf is the physical ID that a template gives to a resource by writing out
// what identifies its type.
func identityOf(r *template.Resource) (string, bool) {
	if r == nil {
		return "", false
	}
	typ, ok := schema.Lookup(r.Type)
	if !ok || len(typ.PrimaryIdentifier) == 0 || r.Properties == nil {
		return "", false
	}
	ids := make([]string, len(typ.PrimaryIdentifier))
	for i, name := range typ.PrimaryIdentifier {
		n := r.Properties.Get(name)
		if n == nil || n.Kind != template.Scalar {
			return "", false
		}
		ids[i], _ = n.Text()
	}
	return strings.Join(ids, "|"), true
}

// owner names the stack that a resource is in, other than the one with the ID
// except; it is "" where there is none.
func (c *CloudFormation) owner(scope store.Scope, except, typeName, physicalID string) (name string, err error) {
	err = c.Store.View(func(tx *store.Tx) error {
		return resourceRows.Walk(tx, scope, "", func(at string, r *live) error {
			id := at[:strings.LastIndex(at, "/")]
			if r.Type != typeName || r.PhysicalID != physicalID || !r.exists() || id == except {
				return nil
			}
			s, _, err := stacks.Get(tx, scope, id)
			if err == nil && s.Deleted == nil {
				name, err = s.Name, store.Stop
			}
			return err
		})
	})
	return name, err
}

// imports checks what an import asks for and returns the physical IDs.
func (c *CloudFormation) imports(scope store.Scope, s *stack, bound *template.Bound, changes []template.Change, asked []types.ResourceToImport) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range asked {
		id := aws.ToString(a.LogicalResourceId)
		r := bound.Template.Resources[id]
		if r == nil || !bound.Active(id) {
			return nil, invalid("Resource [%s] to import is not in the template", id)
		}
		if r.Type != aws.ToString(a.ResourceType) {
			return nil, invalid("Resource [%s] to import is of type %s in the template and %s in ResourcesToImport", id, r.Type, aws.ToString(a.ResourceType))
		}
		if c.reader(r.Type) == nil {
			return nil, invalid("ResourceTypes [%s] are not supported for Import", r.Type)
		}
		if r.DeletionPolicy == "" {
			return nil, invalid("Resources [%s] is missing DeletionPolicy attribute: every resource to import must have one in the template", id)
		}
		physical, err := physicalOf(r.Type, a.ResourceIdentifier)
		if err != nil {
			return nil, err
		}
		owner, err := c.owner(scope, "", r.Type, physical)
		if err != nil {
			return nil, err
		}
		if owner != "" {
			return nil, invalid("Resource %s with identifier %s already belongs to stack %s", id, physical, owner)
		}
		out[id] = physical
	}
	var others []string
	for _, ch := range changes {
		if out[ch.LogicalID] == "" || ch.Action != template.Add {
			others = append(others, ch.LogicalID)
		}
	}
	if others != nil {
		slices.Sort(others)
		return nil, invalid("You have modified resources [%s] in your template that are not being imported. Update, create or delete operations cannot be executed during import operations.", strings.Join(others, ", "))
	}
	if len(changes) < len(out) {
		return nil, invalid("The resources to import must not be in the stack already")
	}
	if s.Deployed.Template != "" && !sameOutputs(s, bound) {
		return nil, invalid("As part of the import operation, you cannot modify or add [Outputs]")
	}
	return out, nil
}

// physicalOf is the physical ID that identifiers give.
func physicalOf(typeName string, identifiers map[string]string) (string, error) {
	typ, _ := schema.Lookup(typeName)
	ids := make([]string, len(typ.PrimaryIdentifier))
	for i, name := range typ.PrimaryIdentifier {
		ids[i] = identifiers[name]
	}
	if slices.Contains(ids, "") || len(identifiers) != len(ids) {
		return "", invalid("Resource identifiers of %s must be [%s]; found [%s]", typeName, strings.Join(typ.PrimaryIdentifier, ", "),
			strings.Join(slices.Sorted(maps.Keys(identifiers)), ", "))
	}
	return strings.Join(ids, "|"), nil
}

// identifiers are what the resources of a template are imported by.
func (c *CloudFormation) identifiers(t *template.Template) []types.ResourceIdentifierSummary {
	of := map[string][]string{}
	for id, r := range t.Resources {
		of[r.Type] = append(of[r.Type], id)
	}
	var out []types.ResourceIdentifierSummary
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if c.reader(name) == nil {
			continue
		}
		typ, _ := schema.Lookup(name)
		slices.Sort(of[name])
		out = append(out, types.ResourceIdentifierSummary{ResourceType: aws.String(name), LogicalResourceIds: of[name], ResourceIdentifiers: typ.PrimaryIdentifier})
	}
	return out
}
