package ec2

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// kind is a resource.Provider for one type, made of functions that each work in
// one transaction and say nothing of waiting or of repeated calls.
//
// IDs depend on the token alone, so that a Create that is repeated finds what it
// made. Each update is repeatable by itself: it sets what the properties say.
type kind struct {
	ec2 *EC2
	// id of a new resource; it may read properties alone.
	id func(request resource.Request) (string, error)
	// exists reports whether a resource is there.
	exists func(tx *store.Tx, scope store.Scope, id string) (bool, error)
	make   func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error
	update func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error
	remove func(tx *store.Tx, scope store.Scope, id string, request resource.Request) error
	state  func(tx *store.Tx, scope store.Scope, id string) (resource.State, error)
}

// readable is a kind whose resources can be read.
type readable struct {
	kind
	// properties reads those with the names.
	properties func(tx *store.Tx, scope store.Scope, id string) (resource.Props, error)
	names      []string
}

// Read returns a resource as it is now.
func (r readable) Read(_ context.Context, request resource.Request) (found resource.Found, err error) {
	scope := scopeFor(request)
	err = r.ec2.store.View(func(tx *store.Tx) error {
		exists, err := r.exists(tx, scope, request.PhysicalID)
		if err == nil && !exists {
			err = &resource.Error{Code: resource.NotFound, Message: request.PhysicalID + " does not exist"}
		}
		if err != nil {
			return err
		}
		if found.State, err = r.state(tx, scope, request.PhysicalID); err != nil {
			return err
		}
		found.Readable = r.names
		found.Properties, err = r.properties(tx, scope, request.PhysicalID)
		return err
	})
	return found, err
}

func (k kind) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	id, err := k.id(request)
	if err != nil {
		return resource.State{}, err
	}
	return k.write(ctx, request, simtime.Create, func(tx *store.Tx, scope store.Scope) (string, error) {
		exists, err := k.exists(tx, scope, id)
		if err != nil {
			return id, err
		}
		_, first, err := store.Once(tx, scope, request.Token, func() (string, error) {
			if exists {
				return "", wire.Errorf("AlreadyExists", "%s already exists", id)
			}
			return id, k.make(tx, scope, id, request)
		})
		if err == nil && !first && !exists {
			err = wire.Errorf("InvalidParameterValue", "%s was made by this call before and has been deleted since", id)
		}
		return id, err
	})
}

func (k kind) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return k.write(ctx, request, simtime.Update, func(tx *store.Tx, scope store.Scope) (string, error) {
		id := request.PhysicalID
		exists, err := k.exists(tx, scope, id)
		if err != nil {
			return id, err
		}
		if !exists {
			return id, &resource.Error{Code: resource.NotFound, Message: id + " does not exist"}
		}
		return id, k.update(tx, scope, id, request)
	})
}

func (k kind) write(ctx context.Context, request resource.Request, operation string, do func(*store.Tx, store.Scope) (string, error)) (resource.State, error) {
	scope := scopeFor(request)
	var state resource.State
	err := k.ec2.update(scope, func(tx *store.Tx) error {
		id, err := do(tx, scope)
		if err == nil {
			state, err = k.state(tx, scope, id)
		}
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, k.ec2.pace.Wait(ctx, k.ec2.pace.End(request.Type, operation))
}

func (k kind) Delete(ctx context.Context, request resource.Request) error {
	scope := scopeFor(request)
	err := k.ec2.update(scope, func(tx *store.Tx) error {
		if exists, err := k.exists(tx, scope, request.PhysicalID); err != nil || !exists {
			return err
		}
		return k.remove(tx, scope, request.PhysicalID, request)
	})
	if err != nil {
		return refusal(err)
	}
	return k.ec2.pace.Wait(ctx, k.ec2.pace.End(request.Type, simtime.Delete))
}

// byToken makes IDs of a prefix and the token.
func byToken(prefix string) func(resource.Request) (string, error) {
	return func(request resource.Request) (string, error) { return resource.ID(prefix, request.Token), nil }
}

// in reports whether a table has an ID.
func in[T any](table store.Table[T]) func(*store.Tx, store.Scope, string) (bool, error) {
	return func(tx *store.Tx, scope store.Scope, id string) (bool, error) {
		_, found, err := table.Get(tx, scope, id)
		return found, err
	}
}

// Register adds the resource types.
func (e *EC2) Register(registry *resource.Registry) {
	registry.Register(readable{e.vpcKind(), vpcProperties, []string{"CidrBlock", "EnableDnsSupport", "EnableDnsHostnames", "InstanceTenancy", "Tags"}}, "AWS::EC2::VPC")
	registry.Register(e.subnetKind(), "AWS::EC2::Subnet")
	registry.Register(e.gatewayKind(), "AWS::EC2::InternetGateway")
	registry.Register(e.attachmentKind(), "AWS::EC2::VPCGatewayAttachment")
	registry.Register(e.tableKind(), "AWS::EC2::RouteTable")
	registry.Register(e.routeKind(), "AWS::EC2::Route")
	registry.Register(e.associationKind(), "AWS::EC2::SubnetRouteTableAssociation")
	registry.Register(e.groupKind(), "AWS::EC2::SecurityGroup")
	registry.Register(e.ruleKind(false), "AWS::EC2::SecurityGroupIngress")
	registry.Register(e.ruleKind(true), "AWS::EC2::SecurityGroupEgress")
	registry.Register(e.natKind(), "AWS::EC2::NatGateway")
	registry.Register(e.addressKind(), "AWS::EC2::EIP")
}
