package iam

import (
	"context"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// roleProvider drives AWS::IAM::Role. Its physical ID is the name.
type roleProvider struct{ *IAM }

func (p roleProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String("RoleName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 64)
	}
	path, err := path(properties)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	made, err := p.newRole(request.Account, path, name, request.Token)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return p.write(ctx, request, simtime.Create, made)
}

func (p roleProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, simtime.Update, role{Name: request.PhysicalID})
}

func (p roleProvider) write(ctx context.Context, request resource.Request, operation string, r role) (resource.State, error) {
	scope := store.Scope{Account: request.Account}
	err := p.store.Update(func(tx *store.Tx) error {
		old, exists, err := roles.Get(tx, scope, r.Name)
		switch {
		case err != nil:
			return err
		case operation == simtime.Create && exists && old.Token != request.Token:
			return &resource.Error{Code: resource.AlreadyExists, Message: "Role with name " + r.Name + " already exists."}
		case operation == simtime.Update && !exists:
			return &resource.Error{Code: resource.NotFound, Message: "The role with name " + r.Name + " cannot be found."}
		case exists:
			r = old
		}
		if err := r.set(request); err != nil {
			return err
		}
		for _, arn := range r.Managed {
			if err := attachable(tx, scope, arn); err != nil {
				return err
			}
		}
		return roles.Put(tx, scope, r.Name, r)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return r.state(), p.pace.Wait(ctx, p.pace.End(request.Type, operation))
}

func (r role) state() resource.State {
	return resource.State{PhysicalID: r.Name, Ref: r.Name, Attributes: map[string]any{"Arn": r.ARN, "RoleId": r.ID}}
}

// set gives the role what its properties say. Policies that others put on it stay.
func (r *role) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	var err error
	if r.Trust, err = properties.JSON("AssumeRolePolicyDocument"); err != nil {
		return err
	}
	if r.Trust == "" {
		return resource.Invalid("property AssumeRolePolicyDocument is missing")
	}
	if r.Description, err = properties.String("Description"); err != nil {
		return err
	}
	if r.Boundary, err = properties.String("PermissionsBoundary"); err != nil {
		return err
	}
	before, err := resource.Props(request.Previous).Strings("ManagedPolicyArns")
	if err != nil {
		return err
	}
	wanted, err := properties.Strings("ManagedPolicyArns")
	if err != nil {
		return err
	}
	r.Managed = slices.DeleteFunc(r.Managed, func(arn string) bool { return slices.Contains(before, arn) || slices.Contains(wanted, arn) })
	r.Managed = append(r.Managed, wanted...)
	r.MaxSession = 3600
	if properties.Has("MaxSessionDuration") {
		if r.MaxSession, err = properties.Int("MaxSessionDuration"); err != nil {
			return err
		}
		if r.MaxSession < 3600 || r.MaxSession > 43200 {
			return resource.Invalid("property MaxSessionDuration must be between 3600 and 43200")
		}
	}
	if r.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	if r.Inline == nil {
		r.Inline = map[string]string{}
	}
	for _, name := range inlineNames(request.Previous) {
		delete(r.Inline, name)
	}
	policies, err := properties.Objects("Policies")
	if err != nil {
		return err
	}
	for _, policy := range policies {
		name, err := policy.Required("PolicyName")
		if err != nil {
			return err
		}
		if r.Inline[name], err = policy.JSON("PolicyDocument"); err != nil {
			return err
		}
	}
	return nil
}

func inlineNames(properties resource.Props) []string {
	policies, _ := properties.Objects("Policies") // was checked when it was set
	var names []string
	for _, policy := range policies {
		name, _ := policy.String("PolicyName")
		names = append(names, name)
	}
	return names
}

func (p roleProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	if err := p.store.Update(func(tx *store.Tx) error { return dropRole(tx, scope, request.PhysicalID) }); err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// rolePolicyProvider drives AWS::IAM::Policy and RolePolicy: an inline policy on
// one role or more. The sandbox keeps none of users and groups.
type rolePolicyProvider struct{ *IAM }

func (p rolePolicyProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, simtime.Create)
}

func (p rolePolicyProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, simtime.Update)
}

func (p rolePolicyProvider) write(ctx context.Context, request resource.Request, operation string) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.Required("PolicyName")
	if err != nil {
		return resource.State{}, err
	}
	document, err := properties.JSON("PolicyDocument")
	if err != nil {
		return resource.State{}, err
	}
	wanted, err := rolesOf(properties)
	if err != nil {
		return resource.State{}, err
	}
	if len(wanted) == 0 || properties.Has("Users") || properties.Has("Groups") {
		return resource.State{}, resource.Invalid("policy %s must name roles, and nothing else: the sandbox keeps policies of roles alone", name)
	}
	id := request.PhysicalID
	if id == "" {
		id = resource.Name(request, 128)
		if request.Type == "AWS::IAM::RolePolicy" {
			id = name + "|" + wanted[0]
		}
	}
	scope := store.Scope{Account: request.Account}
	err = p.store.Update(func(tx *store.Tx) error {
		if err := takeOff(tx, scope, request.Previous); err != nil {
			return err
		}
		for _, roleName := range wanted {
			r, exists, err := roles.Get(tx, scope, roleName)
			if err != nil {
				return err
			}
			if !exists {
				return &resource.Error{Code: resource.NotFound, Message: "The role with name " + roleName + " cannot be found."}
			}
			if r.Inline == nil {
				r.Inline = map[string]string{}
			}
			r.Inline[name] = document
			if err := roles.Put(tx, scope, roleName, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return resource.State{}, err
	}
	return resource.State{PhysicalID: id, Ref: id, Attributes: map[string]any{"Id": id}}, p.pace.Wait(ctx, p.pace.End(request.Type, operation))
}

func (p rolePolicyProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	if err := p.store.Update(func(tx *store.Tx) error { return takeOff(tx, scope, request.Properties) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// takeOff removes the policy that properties describe from its roles.
func takeOff(tx *store.Tx, scope store.Scope, properties resource.Props) error {
	name, err := properties.String("PolicyName")
	if err != nil {
		return err
	}
	names, err := rolesOf(properties)
	if err != nil {
		return err
	}
	for _, roleName := range names {
		r, exists, err := roles.Get(tx, scope, roleName)
		if err != nil {
			return err
		}
		if !exists {
			continue
		}
		delete(r.Inline, name)
		if err := roles.Put(tx, scope, roleName, r); err != nil {
			return err
		}
	}
	return nil
}

func rolesOf(properties resource.Props) ([]string, error) {
	names, err := properties.Strings("Roles")
	if err != nil {
		return nil, err
	}
	one, err := properties.String("RoleName")
	if one != "" {
		names = append(names, one)
	}
	return names, err
}
