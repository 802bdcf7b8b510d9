// Package iam is the sandbox's IAM, as far as stacks need it: roles, managed
// policies and instance profiles as CloudFormation makes them, and the calls that
// read roles. Policies are kept and shown, and never enforced: every principal of
// the sandbox may do everything.
//
// IAM has no regions; its state is the account's.
package iam

import (
	"context"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// IAM is the service. It is safe for concurrent use.
type IAM struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *IAM { return &IAM{store: state, pace: pace} }

type role struct {
	Name, ID, ARN, Path, Description, Trust string
	MaxSession                              int
	Created                                 time.Time
	Tags                                    map[string]string
	Managed                                 []string          // ARNs of attached policies
	Inline                                  map[string]string // name to document
	Token                                   string
}

var roles = store.Table[role]{Name: "iam/roles"}

// Service returns the API.
func (i *IAM) Service() *wire.Service {
	service := &wire.Service{Name: "iam", Protocol: wire.Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"}
	wire.Register(service, "GetRole", i.getRole)
	wire.Register(service, "ListRoles", i.listRoles)
	wire.Register(service, "ListAttachedRolePolicies", i.listAttachedRolePolicies)
	wire.Register(service, "ListRolePolicies", i.listRolePolicies)
	wire.Register(service, "GetRolePolicy", i.getRolePolicy)
	return service
}

func scopeOf(ctx context.Context) store.Scope {
	return store.Scope{Account: wire.CallOf(ctx).Account}
}

func noRole(name string) error {
	return &wire.Error{Code: "NoSuchEntity", Message: "The role with name " + name + " cannot be found.", HTTPStatus: 404}
}

func (i *IAM) role(ctx context.Context, name *string) (found role, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		var exists bool
		if found, exists, err = roles.Get(tx, scopeOf(ctx), aws.ToString(name)); err == nil && !exists {
			err = noRole(aws.ToString(name))
		}
		return err
	})
	return found, err
}

func (r role) answer() types.Role {
	answer := types.Role{
		RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Arn: aws.String(r.ARN), Path: aws.String(r.Path),
		CreateDate: aws.Time(r.Created), MaxSessionDuration: aws.Int32(int32(r.MaxSession)),
		AssumeRolePolicyDocument: aws.String(url.QueryEscape(r.Trust)),
	}
	if r.Description != "" {
		answer.Description = aws.String(r.Description)
	}
	for key, value := range r.Tags {
		answer.Tags = append(answer.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(answer.Tags, func(a, b int) bool { return *answer.Tags[a].Key < *answer.Tags[b].Key })
	return answer
}

func (i *IAM) getRole(ctx context.Context, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	found, err := i.role(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	answer := found.answer()
	return &iam.GetRoleOutput{Role: &answer}, nil
}

func (i *IAM) listRoles(ctx context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	out := &iam.ListRolesOutput{Roles: []types.Role{}}
	limit := 100
	if in.MaxItems != nil {
		limit = int(*in.MaxItems)
	}
	err := i.store.View(func(tx *store.Tx) error {
		return roles.Walk(tx, scopeOf(ctx), "", func(name string, found role) error {
			if !strings.HasPrefix(found.Path, aws.ToString(in.PathPrefix)) || name <= aws.ToString(in.Marker) {
				return nil
			}
			if len(out.Roles) == limit {
				out.IsTruncated, out.Marker = true, out.Roles[limit-1].RoleName
				return store.Stop
			}
			answer := found.answer()
			answer.Tags = nil // as the service leaves them out
			out.Roles = append(out.Roles, answer)
			return nil
		})
	})
	return out, err
}

func (i *IAM) listAttachedRolePolicies(ctx context.Context, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	found, err := i.role(ctx, in.RoleName)
	out := &iam.ListAttachedRolePoliciesOutput{}
	for _, arn := range found.Managed {
		out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{
			PolicyArn: aws.String(arn), PolicyName: aws.String(arn[strings.LastIndex(arn, "/")+1:]),
		})
	}
	return out, err
}

func (i *IAM) listRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	found, err := i.role(ctx, in.RoleName)
	out := &iam.ListRolePoliciesOutput{}
	for name := range found.Inline {
		out.PolicyNames = append(out.PolicyNames, name)
	}
	sort.Strings(out.PolicyNames)
	return out, err
}

func (i *IAM) getRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	found, err := i.role(ctx, in.RoleName)
	if err != nil {
		return nil, err
	}
	document, ok := found.Inline[aws.ToString(in.PolicyName)]
	if !ok {
		return nil, &wire.Error{Code: "NoSuchEntity", HTTPStatus: 404,
			Message: "The role policy with name " + aws.ToString(in.PolicyName) + " cannot be found."}
	}
	return &iam.GetRolePolicyOutput{RoleName: &found.Name, PolicyName: in.PolicyName, PolicyDocument: aws.String(url.QueryEscape(document))}, nil
}

// Register adds the resource types.
func (i *IAM) Register(registry *resource.Registry) {
	registry.Register(roleProvider{i}, "AWS::IAM::Role")
	registry.Register(rolePolicyProvider{i}, "AWS::IAM::Policy", "AWS::IAM::RolePolicy")
}
