package ecr

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Register adds the resource type AWS::ECR::Repository.
func (e *ECR) Register(registry *resource.Registry) {
	registry.Register(provider{e}, "AWS::ECR::Repository")
}

// provider drives AWS::ECR::Repository. Its physical ID is the name.
type provider struct{ *ECR }

func (p provider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	name, err := resource.Props(request.Properties).String("RepositoryName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = strings.ToLower(resource.Name(request, 256))
	}
	scope := store.Scope{Account: request.Account, Region: request.Region}
	made, err := p.newRepository(scope, name)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	made.Token = request.Token
	if err := made.set(request); err != nil {
		return resource.State{}, refusal(err)
	}
	err = p.store.Update(func(tx *store.Tx) error {
		made, err = p.add(tx, scope, made)
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p provider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	var found repository
	err := p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = find(tx, scope, nil, &request.PhysicalID); err != nil {
			return err
		}
		if err := found.set(request); err != nil {
			return err
		}
		return repositories.Put(tx, scope, found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return found.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

// Delete needs no EmptyOnDelete: a repository of the sandbox has no images.
func (p provider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	if err := p.store.Update(func(tx *store.Tx) error { return repositories.Delete(tx, scope, request.PhysicalID) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func (r repository) state() resource.State {
	return resource.State{PhysicalID: r.Name, Ref: r.Name, Attributes: map[string]any{"Arn": r.ARN, "RepositoryUri": r.URI}}
}

// set gives the repository what its properties say.
func (r *repository) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	var err error
	if r.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	if r.Policy, err = properties.JSON("RepositoryPolicyText"); err != nil {
		return err
	}
	lifecycle, err := properties.Object("LifecyclePolicy")
	if err != nil {
		return err
	}
	if r.Lifecycle, err = lifecycle.String("LifecyclePolicyText"); err != nil {
		return err
	}
	if r.Lifecycle != "" {
		if err := checkLifecycle(r.Lifecycle); err != nil {
			return err
		}
	}
	scanning, err := properties.Object("ImageScanningConfiguration")
	if err != nil {
		return err
	}
	if r.ScanOnPush, err = scanning.Bool("ScanOnPush"); err != nil {
		return err
	}
	encryption, err := properties.Object("EncryptionConfiguration")
	if err != nil {
		return err
	}
	kind, err := encryption.String("EncryptionType")
	if err != nil {
		return err
	}
	key, err := encryption.String("KmsKey")
	if err != nil {
		return err
	}
	if err := r.setEncryption(types.EncryptionType(kind), key); err != nil {
		return err
	}
	mutability, err := properties.String("ImageTagMutability")
	if err != nil {
		return err
	}
	filters, err := properties.Objects("ImageTagMutabilityExclusionFilters")
	if err != nil {
		return err
	}
	var except []types.ImageTagMutabilityExclusionFilter
	for _, filter := range filters {
		kind, err := filter.Required("ImageTagMutabilityExclusionFilterType")
		if err != nil {
			return err
		}
		value, err := filter.Required("ImageTagMutabilityExclusionFilterValue")
		if err != nil {
			return err
		}
		except = append(except, types.ImageTagMutabilityExclusionFilter{
			Filter: aws.String(value), FilterType: types.ImageTagMutabilityExclusionFilterType(kind),
		})
	}
	return r.setMutability(types.ImageTagMutability(mutability), except)
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	var own *resource.Error
	answer, expected := wire.As(err)
	if errors.As(err, &own) || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch answer.Code {
	case "RepositoryAlreadyExistsException":
		code = resource.AlreadyExists
	case "RepositoryNotFoundException":
		code = resource.NotFound
	}
	return &resource.Error{Code: code, Message: answer.Message}
}
