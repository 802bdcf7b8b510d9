package elbv2

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// kind is a resource.Provider for one type, made of functions that say nothing of
// waiting or of repeated calls. Each step looks at what is outside the store, and
// returns what is to be done in a transaction.
type kind struct {
	elb *ELBV2
	// create makes a resource whose tags are in it already, and returns its ID.
	create func(ctx context.Context, scope store.Scope, request resource.Request, tags map[string]string) (func(*store.Tx) (string, error), error)
	// update sets what the properties say; it may be repeated.
	update func(ctx context.Context, scope store.Scope, request resource.Request) (func(*store.Tx) error, error)
	// remove succeeds for what has gone.
	remove func(tx *store.Tx, scope store.Scope, request resource.Request) error
	state  func(tx *store.Tx, scope store.Scope, id string) (resource.State, error)
	// ready is when a resource that was made has been provisioned; nil is at once.
	ready func(tx *store.Tx, scope store.Scope, id string) (time.Time, error)
	// tagged says that the type has tags.
	tagged bool
}

func scopeFor(request resource.Request) store.Scope {
	return store.Scope{Account: request.Account, Region: request.Region}
}

func (k kind) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := scopeFor(request)
	tags, err := resource.Props(request.Properties).Tags("Tags", request.Tags)
	if err != nil {
		return resource.State{}, err
	}
	// A call that is repeated must not fail by what has changed around it.
	do := func(*store.Tx) (string, error) { return "", nil }
	done := false
	err = k.elb.store.View(func(tx *store.Tx) (err error) {
		_, done, err = store.Done(tx, scope, request.Token)
		return err
	})
	if err == nil && !done {
		do, err = k.create(ctx, scope, request, tags)
	}
	if err != nil {
		return resource.State{}, refusal(err)
	}
	var state resource.State
	until := k.elb.pace.End(request.Type, simtime.Create)
	err = k.elb.store.Update(func(tx *store.Tx) error {
		id, _, err := store.Once(tx, scope, request.Token, func() (string, error) { return do(tx) })
		if err == nil && k.ready != nil {
			until, err = k.ready(tx, scope, id)
		}
		if err == nil {
			state, err = k.state(tx, scope, id)
		}
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, k.elb.pace.Wait(ctx, until)
}

func (k kind) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := scopeFor(request)
	tags, err := resource.Props(request.Properties).Tags("Tags", request.Tags)
	if err != nil {
		return resource.State{}, err
	}
	do, err := k.update(ctx, scope, request)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	var state resource.State
	err = k.elb.store.Update(func(tx *store.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		if k.tagged {
			err := retag(tx, scope, request.PhysicalID, func(now map[string]string) {
				clear(now)
				maps.Copy(now, tags)
			})
			if err != nil {
				return err
			}
		}
		state, err = k.state(tx, scope, request.PhysicalID)
		return err
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, k.elb.pace.Wait(ctx, k.elb.pace.End(request.Type, simtime.Update))
}

func (k kind) Delete(ctx context.Context, request resource.Request) error {
	err := k.elb.store.Update(func(tx *store.Tx) error { return k.remove(tx, scopeFor(request), request) })
	if answer, expected := wire.As(err); err != nil && !(expected && strings.HasSuffix(answer.Code, "NotFound")) {
		return refusal(err)
	}
	return k.elb.pace.Wait(ctx, k.elb.pace.End(request.Type, simtime.Delete))
}
