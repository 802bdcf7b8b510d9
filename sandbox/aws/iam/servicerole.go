package iam

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// serviceRoles are what services call the roles that are linked to them. Every
// service has a name of its own; one that is not here gets the first word of its
// principal.
var serviceRoles = map[string]string{
	"autoscaling.amazonaws.com":          "AutoScaling",
	"ecs.amazonaws.com":                  "ECS",
	"eks.amazonaws.com":                  "AmazonEKS",
	"eks-nodegroup.amazonaws.com":        "AmazonEKSNodegroup",
	"eks-fargate.amazonaws.com":          "AmazonEKSForFargate",
	"elasticache.amazonaws.com":          "ElastiCache",
	"elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
	"opensearchservice.amazonaws.com":    "AmazonOpenSearchService",
	"rds.amazonaws.com":                  "RDS",
	"spot.amazonaws.com":                 "EC2Spot",
	"spotfleet.amazonaws.com":            "EC2SpotFleet",
}

const serviceRolePath = "/aws-service-role/"

func (r role) serviceLinked() bool { return strings.HasPrefix(r.Path, serviceRolePath) }

// newServiceRole is the role that is linked to a service.
func (i *IAM) newServiceRole(account, service, suffix, description, token string) (role, error) {
	first, _, ok := strings.Cut(service, ".amazonaws.com")
	if !ok || first == "" {
		return role{}, wire.Errorf("InvalidInput", "Service linked role is not supported for %q: it must be a service's principal", service)
	}
	word, known := serviceRoles[service]
	if !known {
		letter, size := utf8.DecodeRuneInString(first)
		word = string(unicode.ToUpper(letter)) + first[size:]
	}
	name := "AWSServiceRoleFor" + word
	if suffix != "" {
		name += "_" + suffix
	}
	made, err := i.newRole(account, serviceRolePath+service+"/", name, token)
	if err != nil {
		return role{}, err
	}
	trust, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": []string{"sts:AssumeRole"}, "Principal": map[string]any{"Service": []string{service}}}}})
	made.Trust, made.Description = string(trust), description
	return made, err
}

// taken gives the error about a name the form that the calls for service-linked
// roles have.
func taken(err error, name string) error {
	if answer, _ := wire.As(err); err != nil && answer.Code == "EntityAlreadyExists" {
		return wire.Errorf("InvalidInput", "Service role name %s has been taken in this account, please try a different suffix.", name)
	}
	return err
}

func (i *IAM) createServiceLinkedRole(ctx context.Context, in *iam.CreateServiceLinkedRoleInput) (*iam.CreateServiceLinkedRoleOutput, error) {
	scope := scopeOf(ctx)
	made, err := i.newServiceRole(scope.Account, aws.ToString(in.AWSServiceName), aws.ToString(in.CustomSuffix), aws.ToString(in.Description), uuid.NewString())
	if err == nil {
		err = taken(i.store.Update(func(tx *store.Tx) error { return addRole(tx, scope, made) }), made.Name)
	}
	return &iam.CreateServiceLinkedRoleOutput{Role: made.answer()}, err
}

// deleteServiceLinkedRole deletes at once: no service of the sandbox uses its role.
// The task that it names is found again by GetServiceLinkedRoleDeletionStatus as
// long as no role of that name is there.
func (i *IAM) deleteServiceLinkedRole(ctx context.Context, in *iam.DeleteServiceLinkedRoleInput) (*iam.DeleteServiceLinkedRoleOutput, error) {
	out := &iam.DeleteServiceLinkedRoleOutput{}
	return out, i.store.Update(func(tx *store.Tx) error {
		found, err := roles.find(tx, scopeOf(ctx), aws.ToString(in.RoleName))
		if err == nil && !found.serviceLinked() {
			err = noSuchEntity(roles.missing(found.Name))
		}
		if err != nil {
			return err
		}
		out.DeletionTaskId = aws.String("task" + found.Path + found.Name + "/" + uuid.NewString())
		return roles.Delete(tx, scopeOf(ctx), found.Name)
	})
}

func (i *IAM) getServiceLinkedRoleDeletionStatus(ctx context.Context, in *iam.GetServiceLinkedRoleDeletionStatusInput) (*iam.GetServiceLinkedRoleDeletionStatusOutput, error) {
	parts := strings.Split(aws.ToString(in.DeletionTaskId), "/")
	if len(parts) != 5 || parts[0] != "task" {
		return nil, noSuchEntity("Task with id " + aws.ToString(in.DeletionTaskId) + " cannot be found.")
	}
	if _, err := roles.read(ctx, i, &parts[3]); !gone(err) {
		return nil, noSuchEntity("Task with id " + aws.ToString(in.DeletionTaskId) + " cannot be found.")
	}
	return &iam.GetServiceLinkedRoleDeletionStatusOutput{Status: types.DeletionTaskStatusTypeSucceeded}, nil
}

// serviceRoleProvider drives AWS::IAM::ServiceLinkedRole. Its physical ID is the
// role's name.
type serviceRoleProvider struct{ *IAM }

func (p serviceRoleProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	service, err := properties.Required("AWSServiceName")
	if err != nil {
		return resource.State{}, err
	}
	suffix, err := properties.String("CustomSuffix")
	if err != nil {
		return resource.State{}, err
	}
	description, err := properties.String("Description")
	if err != nil {
		return resource.State{}, err
	}
	made, err := p.newServiceRole(request.Account, service, suffix, description, request.Token)
	if err == nil {
		err = p.store.Update(func(tx *store.Tx) error { return addRole(tx, store.Scope{Account: request.Account}, made) })
	}
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return serviceRoleState(made.Name), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p serviceRoleProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	description, err := resource.Props(request.Properties).String("Description")
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: request.Account}
	err = p.store.Update(func(tx *store.Tx) error {
		found, err := roles.find(tx, scope, request.PhysicalID)
		if err != nil {
			return err
		}
		found.Description = description
		return roles.Put(tx, scope, found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return serviceRoleState(request.PhysicalID), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p serviceRoleProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	if err := p.store.Update(func(tx *store.Tx) error { return roles.Delete(tx, scope, request.PhysicalID) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func serviceRoleState(name string) resource.State {
	return resource.State{PhysicalID: name, Ref: name, Attributes: map[string]any{"RoleName": name}}
}
