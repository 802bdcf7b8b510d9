package ssm

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Register adds the resource type AWS::SSM::Parameter.
func (s *SSM) Register(registry *resource.Registry) {
	registry.Register(provider{s}, "AWS::SSM::Parameter")
}

// provider drives AWS::SSM::Parameter. Its physical ID is the name.
type provider struct{ *SSM }

func (p provider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, simtime.Create)
}

func (p provider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.write(ctx, request, simtime.Update)
}

func (p provider) write(ctx context.Context, request resource.Request, operation string) (resource.State, error) {
	properties := resource.Props(request.Properties)
	write := put{name: request.PhysicalID, token: request.Token, user: "cloudformation.amazonaws.com", overwrite: operation == simtime.Update}
	kind := ""
	for name, into := range map[string]*string{
		"Value": &write.value, "Description": &write.description, "AllowedPattern": &write.pattern,
		"DataType": &write.dataType, "Tier": &write.tier, "Type": &kind,
	} {
		var err error
		if *into, err = properties.String(name); err != nil {
			return resource.State{}, err
		}
	}
	if write.kind = types.ParameterType(kind); write.kind != types.ParameterTypeString && write.kind != types.ParameterTypeStringList {
		return resource.State{}, resource.Invalid("property Type must be String or StringList: CloudFormation makes no SecureString")
	}
	var err error
	if write.tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return resource.State{}, err
	}
	if write.name == "" {
		if write.name, err = properties.String("Name"); err != nil {
			return resource.State{}, err
		}
	}
	if write.name == "" {
		write.name = "CFN-" + resource.Name(request, 200)
	}
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err = p.store.Update(func(tx *store.Tx) error {
		found, exists, err := parameters.Get(tx, scope, write.name)
		if err != nil || exists && found.Token == request.Token {
			return err // the same call again
		}
		if !exists && operation == simtime.Update {
			return &resource.Error{Code: resource.NotFound, Message: "Parameter " + write.name + " not found."}
		}
		_, err = p.put(tx, scope, write)
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{
		PhysicalID: write.name, Ref: write.name,
		Attributes: map[string]any{"Type": string(write.kind), "Value": write.value},
	}, p.pace.Wait(ctx, p.pace.End(request.Type, operation))
}

func (p provider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	if err := p.store.Update(func(tx *store.Tx) error { return parameters.Delete(tx, scope, request.PhysicalID) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	var own *resource.Error
	if errors.As(err, &own) {
		return err
	}
	var exists *types.ParameterAlreadyExists
	if errors.As(err, &exists) {
		return &resource.Error{Code: resource.AlreadyExists, Message: exists.ErrorMessage()}
	}
	if answer, expected := wire.As(err); expected {
		return resource.Invalid("%s", answer.Message)
	}
	return err
}
