package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Register adds the resource types.
func (s *S3) Register(registry *resource.Registry) {
	registry.Register(bucketProvider{s}, "AWS::S3::Bucket")
	registry.Register(policyProvider{s}, "AWS::S3::BucketPolicy")
}

// bucketProvider drives AWS::S3::Bucket. Its physical ID is the name.
type bucketProvider struct{ *S3 }

func (p bucketProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String("BucketName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = strings.ToLower(resource.Name(request, 63))
	}
	made := bucket{Name: name, Account: request.Account, Region: request.Region, Token: request.Token, Settings: map[string]string{}}
	if err := made.set(request); err != nil {
		return resource.State{}, err
	}
	if err := p.create(made); err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p bucketProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	var state resource.State
	err := p.change(request.Account, request.PhysicalID, func(b *bucket) error {
		state = b.state()
		return b.set(request)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p bucketProvider) Delete(ctx context.Context, request resource.Request) error {
	err := p.removeBucket(request.Account, request.PhysicalID)
	if answer, _ := wire.As(err); err != nil && answer.Code != "NoSuchBucket" {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func (b *bucket) state() resource.State {
	return resource.State{PhysicalID: b.Name, Ref: b.Name, Attributes: map[string]any{
		"Arn":                 "arn:aws:s3:::" + b.Name,
		"DomainName":          b.Name + ".s3.amazonaws.com",
		"RegionalDomainName":  b.Name + ".s3." + b.Region + ".amazonaws.com",
		"DualStackDomainName": b.Name + ".s3.dualstack." + b.Region + ".amazonaws.com",
		"WebsiteURL":          "http://" + b.Name + ".s3-website-" + b.Region + ".amazonaws.com",
	}}
}

// policyProvider drives AWS::S3::BucketPolicy. Its physical ID is the bucket's name.
type policyProvider struct{ *S3 }

func (p policyProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.Required("Bucket")
	if err != nil {
		return resource.State{}, err
	}
	policy, err := properties.JSON("PolicyDocument")
	if err != nil {
		return resource.State{}, err
	}
	if policy == "" {
		return resource.State{}, resource.Invalid("property PolicyDocument is missing")
	}
	err = p.change(request.Account, name, func(b *bucket) error {
		b.Settings["policy"] = policy
		return nil
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{PhysicalID: name, Ref: name}, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p policyProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.Create(ctx, request)
}

func (p policyProvider) Delete(ctx context.Context, request resource.Request) error {
	err := p.change(request.Account, request.PhysicalID, func(b *bucket) error {
		delete(b.Settings, "policy")
		return nil
	})
	if answer, _ := wire.As(err); err != nil && answer.Code != "NoSuchBucket" {
		return refusal(err)
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
	case "BucketAlreadyExists", "BucketAlreadyOwnedByYou":
		code = resource.AlreadyExists
	case "NoSuchBucket":
		code = resource.NotFound
	case "BucketNotEmpty":
		code = resource.ResourceConflict
	}
	return &resource.Error{Code: code, Message: answer.Message + " (" + answer.Code + ")"}
}
