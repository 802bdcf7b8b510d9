package iam

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

type role struct {
	Name, ID, ARN, Path, Description, Trust string
	Boundary                                string // ARN of the permissions boundary
	MaxSession                              int
	Created                                 time.Time
	Tags                                    map[string]string
	Managed                                 []string          // ARNs of attached policies
	Inline                                  map[string]string // name to document
	Token                                   string
}

var roles = kind[role]{store.Table[role]{Name: "iam/roles"}, func(name string) string {
	return "The role with name " + name + " cannot be found."
}}

func (i *IAM) registerRoles(service *wire.Service) {
	wire.Register(service, "CreateRole", i.createRole)
	wire.Register(service, "GetRole", i.getRole)
	wire.Register(service, "ListRoles", i.listRoles)
	wire.Register(service, "UpdateRole", i.updateRole)
	wire.Register(service, "UpdateRoleDescription", i.updateRoleDescription)
	wire.Register(service, "UpdateAssumeRolePolicy", i.updateAssumeRolePolicy)
	wire.Register(service, "DeleteRole", i.deleteRole)
	wire.Register(service, "TagRole", i.tagRole)
	wire.Register(service, "UntagRole", i.untagRole)
	wire.Register(service, "ListRoleTags", i.listRoleTags)
	wire.Register(service, "CreateServiceLinkedRole", i.createServiceLinkedRole)
	wire.Register(service, "DeleteServiceLinkedRole", i.deleteServiceLinkedRole)
	wire.Register(service, "GetServiceLinkedRoleDeletionStatus", i.getServiceLinkedRoleDeletionStatus)
}

var nameForm = regexp.MustCompile(`^[\w+=,.@-]+$`)

// newRole is a role with the default settings. Its ID follows from the token.
func (i *IAM) newRole(account, path, name, token string) (role, error) {
	if len(name) > 64 || !nameForm.MatchString(name) {
		return role{}, wire.Errorf("ValidationError", "The specified value for roleName is invalid: it must have 1 to 64 characters of %s", nameForm)
	}
	return role{
		Name: name, Path: path, ID: "AROA" + resource.Suffix(token, 17), Created: i.pace.Now(), MaxSession: 3600,
		ARN: "arn:aws:iam::" + account + ":role" + path + name, Token: token,
	}, nil
}

// addRole puts a new role into the store. One of the same token is the same call.
func addRole(tx *store.Tx, scope store.Scope, made role) error {
	old, exists, err := roles.Get(tx, scope, made.Name)
	if err != nil || exists && old.Token == made.Token {
		return err
	}
	if exists {
		return entityExists("Role with name " + made.Name + " already exists.")
	}
	return roles.Put(tx, scope, made.Name, made)
}

func (r role) answer() *types.Role {
	answer := &types.Role{
		RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Arn: aws.String(r.ARN), Path: aws.String(r.Path),
		CreateDate: aws.Time(r.Created), MaxSessionDuration: aws.Int32(int32(r.MaxSession)),
		AssumeRolePolicyDocument: escaped(r.Trust), Tags: tagList(r.Tags),
	}
	if r.Description != "" {
		answer.Description = aws.String(r.Description)
	}
	if r.Boundary != "" {
		answer.PermissionsBoundary = &types.AttachedPermissionsBoundary{
			PermissionsBoundaryArn: aws.String(r.Boundary), PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy,
		}
	}
	return answer
}

func (r *role) setMaxSession(seconds *int32) error {
	if seconds == nil {
		return nil
	}
	if *seconds < 3600 || *seconds > 43200 {
		return wire.Errorf("ValidationError", "maxSessionDuration must be between 3600 and 43200, not %d", *seconds)
	}
	r.MaxSession = int(*seconds)
	return nil
}

func (i *IAM) createRole(ctx context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	made, err := i.newRole(scopeOf(ctx).Account, path, aws.ToString(in.RoleName), uuid.NewString())
	if err != nil {
		return nil, err
	}
	made.Trust, made.Description, made.Boundary = aws.ToString(in.AssumeRolePolicyDocument), aws.ToString(in.Description), aws.ToString(in.PermissionsBoundary)
	made.Tags = with(nil, in.Tags)
	if err := checkDocument(made.Trust); err != nil {
		return nil, err
	}
	if err := made.setMaxSession(in.MaxSessionDuration); err != nil {
		return nil, err
	}
	err = i.store.Update(func(tx *store.Tx) error { return addRole(tx, scopeOf(ctx), made) })
	return &iam.CreateRoleOutput{Role: made.answer()}, err
}

func (i *IAM) getRole(ctx context.Context, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	found, err := roles.read(ctx, i, in.RoleName)
	return &iam.GetRoleOutput{Role: found.answer()}, err
}

func (i *IAM) listRoles(ctx context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	all, err := roles.list(ctx, i)
	var under []types.Role
	for _, r := range all {
		if strings.HasPrefix(r.Path, aws.ToString(in.PathPrefix)) {
			answer := r.answer()
			answer.Tags, answer.PermissionsBoundary = nil, nil // as the service leaves them out
			under = append(under, *answer)
		}
	}
	out := &iam.ListRolesOutput{}
	out.Roles, out.Marker = wire.Page(under, in.Marker, in.MaxItems, 100, func(r types.Role) string { return *r.RoleName })
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (i *IAM) updateRole(ctx context.Context, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		if in.Description != nil {
			r.Description = *in.Description
		}
		return r.setMaxSession(in.MaxSessionDuration)
	})
}

func (i *IAM) updateRoleDescription(ctx context.Context, in *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	out := &iam.UpdateRoleDescriptionOutput{}
	return out, roles.change(ctx, i, in.RoleName, func(r *role) error {
		r.Description = aws.ToString(in.Description)
		out.Role = r.answer()
		return nil
	})
}

func (i *IAM) updateAssumeRolePolicy(ctx context.Context, in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		r.Trust = aws.ToString(in.PolicyDocument)
		return checkDocument(r.Trust)
	})
}

func (i *IAM) deleteRole(ctx context.Context, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := roles.find(tx, scopeOf(ctx), aws.ToString(in.RoleName))
		switch {
		case err != nil:
			return err
		case len(found.Managed) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(found.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		case found.serviceLinked():
			return wire.Errorf("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", found.Name)
		}
		return dropRole(tx, scopeOf(ctx), found.Name)
	})
}

// dropRole deletes a role that is in no instance profile.
func dropRole(tx *store.Tx, scope store.Scope, name string) error {
	err := profiles.Walk(tx, scope, "", func(_ string, p profile) error {
		if p.Role == name {
			return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return roles.Delete(tx, scope, name)
}

func (i *IAM) tagRole(ctx context.Context, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		r.Tags = with(r.Tags, in.Tags)
		return nil
	})
}

func (i *IAM) untagRole(ctx context.Context, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		r.Tags = without(r.Tags, in.TagKeys)
		return nil
	})
}

func (i *IAM) listRoleTags(ctx context.Context, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	found, err := roles.read(ctx, i, in.RoleName)
	out := &iam.ListRoleTagsOutput{}
	out.Tags, out.Marker = wire.Page(tagList(found.Tags), in.Marker, in.MaxItems, 100, func(t types.Tag) string { return *t.Key })
	out.IsTruncated = out.Marker != nil
	return out, err
}
