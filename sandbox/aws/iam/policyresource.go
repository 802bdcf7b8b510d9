package iam

import (
	"context"
	"errors"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// managedPolicyProvider drives AWS::IAM::ManagedPolicy. Its physical ID is the ARN.
type managedPolicyProvider struct{ *IAM }

func (p managedPolicyProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String("ManagedPolicyName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 128)
	}
	path, err := path(properties)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	document, wanted, err := p.read(properties)
	if err != nil {
		return resource.State{}, err
	}
	made, err := p.newPolicy(request.Account, path, name, document, request.Token)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	if made.Description, err = properties.String("Description"); err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: request.Account}
	err = p.store.Update(func(tx *store.Tx) error {
		if err := addPolicy(tx, scope, made); err != nil {
			return err
		}
		return attachTo(tx, scope, made.ARN, nil, wanted)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(len(wanted)), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

// Update makes a new default version where the document changed, in the place of the
// oldest where there are as many as a policy may have.
func (p managedPolicyProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	document, wanted, err := p.read(request.Properties)
	if err != nil {
		return resource.State{}, err
	}
	_, before, err := p.read(request.Previous)
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: request.Account}
	var found policy
	err = p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = policies.find(tx, scope, request.PhysicalID); err != nil {
			return err
		}
		if current, err := found.version(found.Default); err != nil {
			return err
		} else if current.Document != document {
			if len(found.Versions) == versionLimit {
				oldest := slices.IndexFunc(found.Versions, func(v policyVersion) bool { return v.ID != found.Default })
				found.Versions = slices.Delete(found.Versions, oldest, oldest+1)
			}
			if _, err := found.addVersion(document, true, p.pace.Now()); err != nil {
				return err
			}
		}
		if err := attachTo(tx, scope, found.ARN, before, wanted); err != nil {
			return err
		}
		return policies.Put(tx, scope, found.ARN, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return found.state(len(wanted)), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

// Delete takes the policy off the roles that the resource put it on; on others it is
// in the way, as in AWS.
func (p managedPolicyProvider) Delete(ctx context.Context, request resource.Request) error {
	_, before, err := p.read(request.Properties)
	if err != nil {
		return err
	}
	scope := store.Scope{Account: request.Account}
	err = p.store.Update(func(tx *store.Tx) error {
		if err := attachTo(tx, scope, request.PhysicalID, before, nil); err != nil {
			return err
		}
		if attached, err := holders(tx, scope, request.PhysicalID); err != nil || len(attached) > 0 {
			return errors.Join(err, deleteConflict("Cannot delete a policy attached to entities."))
		}
		return policies.Delete(tx, scope, request.PhysicalID)
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// read returns the document and the roles to attach it to.
func (managedPolicyProvider) read(properties resource.Props) (document string, wanted []string, err error) {
	if properties == nil {
		return "", nil, nil
	}
	if properties.Has("Users") || properties.Has("Groups") {
		return "", nil, resource.Invalid("properties Users and Groups: the sandbox keeps policies of roles alone")
	}
	if document, err = properties.JSON("PolicyDocument"); err != nil {
		return "", nil, err
	}
	wanted, err = properties.Strings("Roles")
	return document, wanted, err
}

// attachTo moves a policy from the roles that had it to those that are to have it.
func attachTo(tx *store.Tx, scope store.Scope, arn string, before, wanted []string) error {
	for _, name := range before {
		found, exists, err := roles.Get(tx, scope, name)
		if err != nil {
			return err
		}
		if exists && !slices.Contains(wanted, name) {
			found.Managed = slices.DeleteFunc(found.Managed, func(a string) bool { return a == arn })
			if err := roles.Put(tx, scope, name, found); err != nil {
				return err
			}
		}
	}
	for _, name := range wanted {
		if err := attach(tx, scope, name, arn); err != nil {
			return err
		}
	}
	return nil
}

func (p policy) state(attached int) resource.State {
	return resource.State{PhysicalID: p.ARN, Ref: p.ARN, Attributes: map[string]any{
		"PolicyArn": p.ARN, "PolicyId": p.ID, "DefaultVersionId": p.Default, "IsAttachable": true,
		"AttachmentCount": attached, "PermissionsBoundaryUsageCount": 0,
		"CreateDate": p.Created.Format("2006-01-02T15:04:05Z"), "UpdateDate": p.Updated.Format("2006-01-02T15:04:05Z"),
	}}
}

// path reads the property Path.
func path(properties resource.Props) (string, error) {
	given, err := properties.String("Path")
	if err != nil {
		return "", err
	}
	return pathOf(&given)
}
