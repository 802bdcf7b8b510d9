package iam

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

func (i *IAM) registerRolePolicies(service *wire.Service) {
	wire.Register(service, "PutRolePolicy", i.putRolePolicy)
	wire.Register(service, "GetRolePolicy", i.getRolePolicy)
	wire.Register(service, "DeleteRolePolicy", i.deleteRolePolicy)
	wire.Register(service, "ListRolePolicies", i.listRolePolicies)
	wire.Register(service, "AttachRolePolicy", i.attachRolePolicy)
	wire.Register(service, "DetachRolePolicy", i.detachRolePolicy)
	wire.Register(service, "ListAttachedRolePolicies", i.listAttachedRolePolicies)
	wire.Register(service, "PutRolePermissionsBoundary", i.putRolePermissionsBoundary)
	wire.Register(service, "DeleteRolePermissionsBoundary", i.deleteRolePermissionsBoundary)
}

func (i *IAM) putRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	document := aws.ToString(in.PolicyDocument)
	if err := checkDocument(document); err != nil {
		return nil, err
	}
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		if r.Inline == nil {
			r.Inline = map[string]string{}
		}
		r.Inline[aws.ToString(in.PolicyName)] = document
		return nil
	})
}

func noRolePolicy(name *string) error {
	return noSuchEntity("The role policy with name " + aws.ToString(name) + " cannot be found.")
}

func (i *IAM) getRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	found, err := roles.read(ctx, i, in.RoleName)
	if err != nil {
		return nil, err
	}
	document, ok := found.Inline[aws.ToString(in.PolicyName)]
	if !ok {
		return nil, noRolePolicy(in.PolicyName)
	}
	return &iam.GetRolePolicyOutput{RoleName: &found.Name, PolicyName: in.PolicyName, PolicyDocument: escaped(document)}, nil
}

func (i *IAM) deleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		if _, ok := r.Inline[aws.ToString(in.PolicyName)]; !ok {
			return noRolePolicy(in.PolicyName)
		}
		delete(r.Inline, *in.PolicyName)
		return nil
	})
}

func (i *IAM) listRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	found, err := roles.read(ctx, i, in.RoleName)
	names := make([]string, 0, len(found.Inline))
	for name := range found.Inline {
		names = append(names, name)
	}
	sort.Strings(names)
	out := &iam.ListRolePoliciesOutput{}
	out.PolicyNames, out.Marker = wire.Page(names, in.Marker, in.MaxItems, 100, func(name string) string { return name })
	out.IsTruncated = out.Marker != nil
	return out, err
}

// awsManaged reports whether a policy is one of AWS's own, which the sandbox takes
// by any name.
func awsManaged(arn string) bool { return strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") }

// attachable refuses the ARN of a policy that is not there.
func attachable(tx *store.Tx, scope store.Scope, arn string) error {
	if awsManaged(arn) {
		return nil
	}
	_, exists, err := policies.Get(tx, scope, arn)
	if err == nil && !exists {
		err = noSuchEntity("Policy " + arn + " does not exist or is not attachable.")
	}
	return err
}

// attach puts a managed policy on a role that has it already or not.
func attach(tx *store.Tx, scope store.Scope, roleName, arn string) error {
	found, err := roles.find(tx, scope, roleName)
	if err != nil || slices.Contains(found.Managed, arn) {
		return err
	}
	found.Managed = append(found.Managed, arn)
	return roles.Put(tx, scope, roleName, found)
}

func (i *IAM) attachRolePolicy(ctx context.Context, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		if err := attachable(tx, scopeOf(ctx), aws.ToString(in.PolicyArn)); err != nil {
			return err
		}
		return attach(tx, scopeOf(ctx), aws.ToString(in.RoleName), *in.PolicyArn)
	})
}

func (i *IAM) detachRolePolicy(ctx context.Context, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		at := slices.Index(r.Managed, aws.ToString(in.PolicyArn))
		if at < 0 {
			return noSuchEntity("Policy " + aws.ToString(in.PolicyArn) + " was not found.")
		}
		r.Managed = slices.Delete(r.Managed, at, at+1)
		return nil
	})
}

func (i *IAM) listAttachedRolePolicies(ctx context.Context, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	found, err := roles.read(ctx, i, in.RoleName)
	slices.Sort(found.Managed)
	out := &iam.ListAttachedRolePoliciesOutput{}
	found.Managed, out.Marker = wire.Page(found.Managed, in.Marker, in.MaxItems, 100, func(arn string) string { return arn })
	out.IsTruncated = out.Marker != nil
	for _, arn := range found.Managed {
		out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{
			PolicyArn: aws.String(arn), PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:]),
		})
	}
	return out, err
}

func (i *IAM) putRolePermissionsBoundary(ctx context.Context, in *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		r.Boundary = aws.ToString(in.PermissionsBoundary)
		return nil
	})
}

func (i *IAM) deleteRolePermissionsBoundary(ctx context.Context, in *iam.DeleteRolePermissionsBoundaryInput) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	return nil, roles.change(ctx, i, in.RoleName, func(r *role) error {
		if r.Boundary == "" {
			return noSuchEntity("The role " + r.Name + " has no permissions boundary.")
		}
		r.Boundary = ""
		return nil
	})
}
