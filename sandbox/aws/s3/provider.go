package s3

import (
	"context"
	"encoding/xml"
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
	err := p.remove(request.Account, request.PhysicalID)
	if answer, _ := wire.As(err); err != nil && answer.Code != "NoSuchBucket" {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// set turns the properties into the documents that the API shows.
func (b *bucket) set(request resource.Request) error {
	properties := resource.Props(request.Properties)
	var err error
	if b.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	for setting := range subresources {
		delete(b.Settings, setting)
	}
	versioning, err := properties.Object("VersioningConfiguration")
	if err != nil {
		return err
	}
	if versioning != nil {
		status, err := versioning.Required("Status")
		if err != nil {
			return err
		}
		b.Settings["versioning"] = document("VersioningConfiguration", element("Status", status))
	}
	if err := b.setPublicAccess(properties); err != nil {
		return err
	}
	encryption, err := properties.Object("BucketEncryption")
	if err != nil || encryption == nil {
		return err
	}
	rules, err := encryption.Objects("ServerSideEncryptionConfiguration")
	if err != nil {
		return err
	}
	content := ""
	for _, rule := range rules {
		byDefault, err := rule.Object("ServerSideEncryptionByDefault")
		if err != nil {
			return err
		}
		algorithm, err := byDefault.Required("SSEAlgorithm")
		if err != nil {
			return err
		}
		key, err := byDefault.String("KMSMasterKeyID")
		if err != nil {
			return err
		}
		inner := element("SSEAlgorithm", algorithm)
		if key != "" {
			inner += element("KMSMasterKeyID", key)
		}
		content += "<Rule><ApplyServerSideEncryptionByDefault>" + inner + "</ApplyServerSideEncryptionByDefault></Rule>"
	}
	b.Settings["encryption"] = document("ServerSideEncryptionConfiguration", content)
	return nil
}

func (b *bucket) setPublicAccess(properties resource.Props) error {
	block, err := properties.Object("PublicAccessBlockConfiguration")
	if err != nil || block == nil {
		return err
	}
	content := ""
	for _, name := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		on, err := block.Bool(name)
		if err != nil {
			return err
		}
		value := "false"
		if on {
			value = "true"
		}
		content += element(name, value)
	}
	b.Settings["publicAccessBlock"] = document("PublicAccessBlockConfiguration", content)
	return nil
}

func document(root, content string) string {
	return "<" + root + ` xmlns="` + namespace + `">` + content + "</" + root + ">"
}

func element(name, text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a builder takes everything
	return "<" + name + ">" + out.String() + "</" + name + ">"
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
