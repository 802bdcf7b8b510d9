package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

func (s *SecretsManager) putResourcePolicy(ctx context.Context, in *secretsmanager.PutResourcePolicyInput) (*secretsmanager.PutResourcePolicyOutput, error) {
	out := &secretsmanager.PutResourcePolicyOutput{}
	if !json.Valid([]byte(aws.ToString(in.ResourcePolicy))) {
		return nil, &types.MalformedPolicyDocumentException{Message: aws.String("This resource policy contains invalid Json.")}
	}
	return out, s.change(ctx, in.SecretId, func(found *secret) error {
		out.ARN, out.Name = &found.ARN, &found.Name
		found.Policy = *in.ResourcePolicy
		return nil
	})
}

func (s *SecretsManager) getResourcePolicy(ctx context.Context, in *secretsmanager.GetResourcePolicyInput) (*secretsmanager.GetResourcePolicyOutput, error) {
	out := &secretsmanager.GetResourcePolicyOutput{}
	return out, s.store.View(func(tx *store.Tx) error {
		found, err := s.live(tx, scopeOf(ctx), aws.ToString(in.SecretId))
		out.ARN, out.Name, out.ResourcePolicy = &found.ARN, &found.Name, text(found.Policy)
		return err
	})
}

func (s *SecretsManager) deleteResourcePolicy(ctx context.Context, in *secretsmanager.DeleteResourcePolicyInput) (*secretsmanager.DeleteResourcePolicyOutput, error) {
	out := &secretsmanager.DeleteResourcePolicyOutput{}
	return out, s.change(ctx, in.SecretId, func(found *secret) error {
		out.ARN, out.Name, found.Policy = &found.ARN, &found.Name, ""
		return nil
	})
}

// policyProvider drives AWS::SecretsManager::ResourcePolicy. Its physical ID is the
// secret's ARN.
type policyProvider struct{ *SecretsManager }

func (p policyProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	id, err := properties.Required("SecretId")
	if err != nil {
		return resource.State{}, err
	}
	policy, err := properties.JSON("ResourcePolicy")
	if err != nil {
		return resource.State{}, err
	}
	if policy == "" {
		return resource.State{}, resource.Invalid("property ResourcePolicy is missing")
	}
	arn, err := p.set(request, id, policy)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{PhysicalID: arn, Ref: arn, Attributes: map[string]any{"Id": arn}}, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p policyProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.Create(ctx, request)
}

// Delete takes the policy off; a secret that has gone before has none.
func (p policyProvider) Delete(ctx context.Context, request resource.Request) error {
	_, err := p.set(request, request.PhysicalID, "")
	var gone *types.ResourceNotFoundException
	if err != nil && !errors.As(err, &gone) {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func (p policyProvider) set(request resource.Request, id, policy string) (arn string, err error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err = p.store.Update(func(tx *store.Tx) error {
		found, err := p.live(tx, scope, id)
		if err != nil {
			return err
		}
		arn, found.Policy = found.ARN, policy
		return secrets.Put(tx, scope, found.Name, found)
	})
	return arn, err
}
