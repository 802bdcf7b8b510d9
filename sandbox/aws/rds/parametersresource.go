package rds

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// parametersProvider drives AWS::RDS::DBParameterGroup and DBClusterParameterGroup.
// Its physical ID is the name.
type parametersProvider struct {
	*RDS
	kind parameterKind
}

func (p parametersProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String(p.kind.noun + "Name")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = strings.ToLower(resource.Name(request, 255))
	}
	family, err := properties.Required("Family")
	if err != nil {
		return resource.State{}, err
	}
	description, err := properties.Required("Description")
	if err != nil {
		return resource.State{}, err
	}
	scope := store.Scope{Account: request.Account, Region: request.Region}
	made, err := p.kind.newGroup(scope, name, family, description)
	if err == nil {
		made.Token = request.Token
		err = made.read(request)
	}
	if err == nil {
		err = p.store.Update(func(tx *store.Tx) error { return p.kind.add(tx, scope, made) })
	}
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return p.state(made), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p parametersProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	var found parameterGroup
	err := p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = p.kind.own(tx, scope, request.PhysicalID); err != nil {
			return err
		}
		if err := found.read(request); err != nil {
			return err
		}
		return p.kind.table.Put(tx, scope, found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return p.state(found), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p parametersProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err := p.store.Update(func(tx *store.Tx) error {
		err := p.kind.remove(tx, p.RDS, scope, request.PhysicalID)
		if answer, _ := wire.As(err); err != nil && answer.Code == "DBParameterGroupNotFound" {
			return nil
		}
		return err
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// read gives the group the parameters and tags that its properties say.
func (g *parameterGroup) read(request resource.Request) error {
	properties := resource.Props(request.Properties)
	given, err := properties.Object("Parameters")
	if err != nil {
		return err
	}
	g.Values = map[string]parameterValue{}
	for name := range given {
		value, err := given.String(name)
		if err != nil {
			return err
		}
		g.Values[name] = parameterValue{value, types.ApplyMethodPendingReboot}
	}
	g.Tags, err = properties.Tags("Tags", request.Tags)
	return err
}

func (p parametersProvider) state(g parameterGroup) resource.State {
	return resource.State{PhysicalID: g.Name, Ref: g.Name, Attributes: map[string]any{p.kind.noun + "Name": g.Name, p.kind.noun + "Arn": g.ARN}}
}
