package logs

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Register adds the resource types.
func (l *Logs) Register(registry *resource.Registry) {
	registry.Register(groupProvider{l}, "AWS::Logs::LogGroup")
	registry.Register(streamProvider{l}, "AWS::Logs::LogStream")
}

func scopeFor(request resource.Request) store.Scope {
	return store.Scope{Account: request.Account, Region: request.Region}
}

// groupProvider drives AWS::Logs::LogGroup. Its physical ID is the name.
type groupProvider struct{ *Logs }

func (p groupProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	name, err := resource.Props(request.Properties).String("LogGroupName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 512)
	}
	made, err := p.newGroup(scopeFor(request), name)
	if err == nil {
		made.Token = request.Token
		err = made.set(request)
	}
	if err == nil {
		err = p.store.Update(func(tx *store.Tx) error { return addGroup(tx, scopeFor(request), made) })
	}
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p groupProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	var found group
	err := p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = findGroup(tx, scopeFor(request), request.PhysicalID); err != nil {
			return err
		}
		if err := found.set(request); err != nil {
			return err
		}
		return groups.Put(tx, scopeFor(request), found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return found.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p groupProvider) Delete(ctx context.Context, request resource.Request) error {
	err := p.store.Update(func(tx *store.Tx) error {
		found, exists, err := groups.Get(tx, scopeFor(request), request.PhysicalID)
		if err != nil || !exists {
			return err
		}
		if found.Protected {
			return &resource.Error{Code: resource.ResourceConflict, Message: "The log group " + found.Name + " is protected from deletion."}
		}
		return dropGroup(tx, scopeFor(request), found.Name)
	})
	if err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// set gives the group what its properties say.
func (g *group) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	days, err := properties.Int("RetentionInDays")
	if err != nil {
		return err
	}
	if err := g.setRetention(int32(days)); err != nil {
		return err
	}
	if g.KMSKeyID, err = properties.String("KmsKeyId"); err != nil {
		return err
	}
	if g.Protected, err = properties.Bool("DeletionProtectionEnabled"); err != nil {
		return err
	}
	class, err := properties.String("LogGroupClass")
	if err != nil {
		return err
	}
	if class != "" {
		g.Class = types.LogGroupClass(class)
	}
	g.Tags, err = properties.Tags("Tags", request.Tags)
	return err
}

func (g group) state() resource.State {
	return resource.State{PhysicalID: g.Name, Ref: g.Name, Attributes: map[string]any{"Arn": g.ARN + ":*"}}
}

// streamProvider drives AWS::Logs::LogStream. Its physical ID is "group|stream".
type streamProvider struct{ *Logs }

func (p streamProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	groupName, err := properties.Required("LogGroupName")
	if err != nil {
		return resource.State{}, err
	}
	name, err := properties.String("LogStreamName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 512)
	}
	err = p.store.Update(func(tx *store.Tx) error {
		return p.addStream(tx, scopeFor(request), groupName, name, request.Token)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{PhysicalID: groupName + "|" + name, Ref: name}, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

// Update is never called: each property of a stream replaces it.
func (p streamProvider) Update(context.Context, resource.Request) (resource.State, error) {
	return resource.State{}, &resource.Error{Code: resource.NotUpdatable, Message: "A log stream can't be changed."}
}

func (p streamProvider) Delete(ctx context.Context, request resource.Request) error {
	groupName, err := resource.Props(request.Properties).Required("LogGroupName")
	if err != nil {
		return err
	}
	name := request.PhysicalID[min(len(groupName)+1, len(request.PhysicalID)):]
	err = p.store.Update(func(tx *store.Tx) error { return dropStream(tx, scopeFor(request), groupName, name) })
	if err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
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
	case "ResourceAlreadyExistsException":
		code = resource.AlreadyExists
	case "ResourceNotFoundException":
		code = resource.NotFound
	}
	return &resource.Error{Code: code, Message: answer.Message}
}
