package s3

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a bucket as it is now.
func (p bucketProvider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	var found bucket
	err := p.store.View(func(tx *store.Tx) error {
		stored, exists, err := buckets.Get(tx, everywhere, request.PhysicalID)
		if err == nil && (!exists || stored.Account != request.Account) {
			err = &resource.Error{Code: resource.NotFound, Message: "The bucket " + request.PhysicalID + " does not exist"}
		}
		found = stored
		return err
	})
	if err != nil {
		return resource.Found{}, err
	}
	properties, err := found.properties()
	return resource.Found{State: found.state(), Properties: properties,
		Readable: []string{"BucketName", "Tags", "VersioningConfiguration", "PublicAccessBlockConfiguration", "BucketEncryption"}}, err
}

// properties are the bucket as a template would give it.
func (b *bucket) properties() (resource.Props, error) {
	var settings struct {
		Versioning struct{ Status string }
		Block      struct{ BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool }
		Encryption struct {
			Rule []struct {
				ApplyServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
			}
		}
	}
	for name, into := range map[string]any{
		"versioning": &settings.Versioning, "publicAccessBlock": &settings.Block, "encryption": &settings.Encryption,
	} {
		if text := b.Settings[name]; text != "" {
			if err := xml.Unmarshal([]byte(text), into); err != nil {
				return nil, fmt.Errorf("the %s of bucket %s: %w", name, b.Name, err)
			}
		}
	}
	out := resource.Props{"BucketName": b.Name}
	out.Set("Tags", resource.TagList(b.Tags))
	if settings.Versioning.Status != "" {
		out["VersioningConfiguration"] = map[string]any{"Status": settings.Versioning.Status}
	}
	if b.Settings["publicAccessBlock"] != "" {
		out["PublicAccessBlockConfiguration"] = map[string]any{
			"BlockPublicAcls": settings.Block.BlockPublicAcls, "IgnorePublicAcls": settings.Block.IgnorePublicAcls,
			"BlockPublicPolicy": settings.Block.BlockPublicPolicy, "RestrictPublicBuckets": settings.Block.RestrictPublicBuckets,
		}
	}
	var rules []any
	for _, rule := range settings.Encryption.Rule {
		byDefault := resource.Props{"SSEAlgorithm": rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm}
		byDefault.Set("KMSMasterKeyID", rule.ApplyServerSideEncryptionByDefault.KMSMasterKeyID)
		rules = append(rules, map[string]any{"ServerSideEncryptionByDefault": map[string]any(byDefault)})
	}
	if rules != nil {
		out["BucketEncryption"] = map[string]any{"ServerSideEncryptionConfiguration": rules}
	}
	return out, nil
}
