package cloudformation

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// adopt takes a resource that is there into the stack, as it is.
func (r *runner) adopt(ctx context.Context, next *live, physical string) error {
	taken := *next
	taken.PhysicalID, taken.Did = physical, "imported"
	if err := r.record(&taken, types.ResourceStatusImportInProgress, "Resource import started."); err != nil {
		return err
	}
	err := r.mayAdopt(&taken)
	if err == nil {
		found, there, readErr := r.c.read(ctx, r.scope(), taken.Type, physical)
		if err = readErr; err == nil && !there {
			err = errorText(fmt.Sprintf("Resource of type '%s' with identifier '%s' was not found.", taken.Type, physical))
		}
		taken.take(found.State)
	}
	if err != nil {
		if broken := new(brokenStore); errors.As(err, &broken) || r.c.ctx.Err() != nil {
			return err
		}
		if e := r.record(&taken, types.ResourceStatusImportFailed, reasonOf(err, &taken)); e != nil {
			return e
		}
		return err
	}
	return r.record(&taken, types.ResourceStatusImportComplete, "Resource import completed.")
}

// mayAdopt refuses what is another stack's by now, and another resource than the
// template's.
func (r *runner) mayAdopt(of *live) error {
	owner, err := r.c.owner(r.scope(), r.k.ID, of.Type, of.PhysicalID)
	if err != nil {
		return &brokenStore{err}
	}
	if owner != "" {
		return errorText(fmt.Sprintf("Resource %s with identifier %s already belongs to stack %s", of.LogicalID, of.PhysicalID, owner))
	}
	typ, _ := schema.Lookup(of.Type)
	if len(typ.PrimaryIdentifier) == 1 {
		name := typ.PrimaryIdentifier[0]
		if written, ok := of.Properties[name].(string); ok && written != of.PhysicalID {
			return errorText(fmt.Sprintf("The Identifier [%s] for resource [%s] does not match the identifier value provided for import", name, of.LogicalID))
		}
	}
	return nil
}

// letGo takes an imported resource out of the stack again.
func (r *runner) letGo(of *live) error {
	if err := r.record(of, types.ResourceStatusImportRollbackInProgress, ""); err != nil {
		return err
	}
	return r.edit(func(s *stack) {
		gone := *of
		s.setResource(r.c.now(), &gone, types.ResourceStatusImportRollbackComplete, "")
		delete(s.Resources, of.LogicalID)
	})
}
