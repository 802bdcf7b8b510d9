package ecr

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (e *ECR) Service() *wire.Service {
	service := &wire.Service{Name: "ecr", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "AmazonEC2ContainerRegistry_V20150921"}
	wire.Register(service, "CreateRepository", e.createRepository)
	wire.Register(service, "DescribeRepositories", e.describeRepositories)
	wire.Register(service, "DeleteRepository", e.deleteRepository)
	wire.Register(service, "PutImageScanningConfiguration", e.putImageScanningConfiguration)
	wire.Register(service, "PutImageTagMutability", e.putImageTagMutability)
	wire.Register(service, "PutLifecyclePolicy", e.putLifecyclePolicy)
	wire.Register(service, "GetLifecyclePolicy", e.getLifecyclePolicy)
	wire.Register(service, "DeleteLifecyclePolicy", e.deleteLifecyclePolicy)
	wire.Register(service, "SetRepositoryPolicy", e.setRepositoryPolicy)
	wire.Register(service, "GetRepositoryPolicy", e.getRepositoryPolicy)
	wire.Register(service, "DeleteRepositoryPolicy", e.deleteRepositoryPolicy)
	wire.Register(service, "DescribeImages", e.describeImages)
	wire.Register(service, "ListImages", e.listImages)
	wire.Register(service, "BatchGetImage", e.batchGetImage)
	wire.Register(service, "GetAuthorizationToken", e.getAuthorizationToken)
	wire.Register(service, "TagResource", e.tagResource)
	wire.Register(service, "UntagResource", e.untagResource)
	wire.Register(service, "ListTagsForResource", e.listTagsForResource)
	return service
}

func (e *ECR) createRepository(ctx context.Context, in *ecr.CreateRepositoryInput) (*ecr.CreateRepositoryOutput, error) {
	if in.RegistryId != nil && *in.RegistryId != scopeOf(ctx).Account {
		return nil, invalid("A repository can't be created in the registry of another account: %s", *in.RegistryId)
	}
	made, err := e.newRepository(scopeOf(ctx), aws.ToString(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if err := made.setMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return nil, err
	}
	if c := in.EncryptionConfiguration; c != nil {
		if err := made.setEncryption(c.EncryptionType, aws.ToString(c.KmsKey)); err != nil {
			return nil, err
		}
	}
	if c := in.ImageScanningConfiguration; c != nil {
		made.ScanOnPush = c.ScanOnPush
	}
	for _, tag := range in.Tags {
		made.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	err = e.store.Update(func(tx *store.Tx) error {
		made, err = e.add(tx, scopeOf(ctx), made)
		return err
	})
	return &ecr.CreateRepositoryOutput{Repository: made.answer()}, err
}

func (e *ECR) describeRepositories(ctx context.Context, in *ecr.DescribeRepositoriesInput) (*ecr.DescribeRepositoriesOutput, error) {
	out := &ecr.DescribeRepositoriesOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		var all []repository
		var err error
		if len(in.RepositoryNames) == 0 {
			all, err = repositories.List(tx, scopeOf(ctx), "")
			all, out.NextToken = wire.Page(all, in.NextToken, in.MaxResults, 100, func(r repository) string { return r.Name })
		}
		for _, name := range in.RepositoryNames {
			found, err := find(tx, scopeOf(ctx), in.RegistryId, &name)
			if err != nil {
				return err
			}
			all = append(all, found)
		}
		for _, r := range all {
			out.Repositories = append(out.Repositories, *r.answer())
		}
		return err
	})
	return out, err
}

func (e *ECR) deleteRepository(ctx context.Context, in *ecr.DeleteRepositoryInput) (*ecr.DeleteRepositoryOutput, error) {
	var found repository
	err := e.store.Update(func(tx *store.Tx) (err error) {
		if found, err = find(tx, scopeOf(ctx), in.RegistryId, in.RepositoryName); err != nil {
			return err
		}
		return repositories.Delete(tx, scopeOf(ctx), found.Name)
	})
	return &ecr.DeleteRepositoryOutput{Repository: found.answer()}, err
}

func (e *ECR) putImageScanningConfiguration(ctx context.Context, in *ecr.PutImageScanningConfigurationInput) (*ecr.PutImageScanningConfigurationOutput, error) {
	if in.ImageScanningConfiguration == nil {
		return nil, invalid("imageScanningConfiguration is missing")
	}
	found, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.ScanOnPush = in.ImageScanningConfiguration.ScanOnPush
		return nil
	})
	return &ecr.PutImageScanningConfigurationOutput{
		RegistryId: &found.Registry, RepositoryName: &found.Name, ImageScanningConfiguration: in.ImageScanningConfiguration,
	}, err
}

func (e *ECR) putImageTagMutability(ctx context.Context, in *ecr.PutImageTagMutabilityInput) (*ecr.PutImageTagMutabilityOutput, error) {
	found, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		return r.setMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters)
	})
	return &ecr.PutImageTagMutabilityOutput{
		RegistryId: &found.Registry, RepositoryName: &found.Name,
		ImageTagMutability: found.Mutability, ImageTagMutabilityExclusionFilters: found.MutableTags,
	}, err
}

func (e *ECR) putLifecyclePolicy(ctx context.Context, in *ecr.PutLifecyclePolicyInput) (*ecr.PutLifecyclePolicyOutput, error) {
	found, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.Lifecycle = aws.ToString(in.LifecyclePolicyText)
		return checkLifecycle(r.Lifecycle)
	})
	return &ecr.PutLifecyclePolicyOutput{RegistryId: &found.Registry, RepositoryName: &found.Name, LifecyclePolicyText: &found.Lifecycle}, err
}

func noLifecycle(r repository) error {
	return &types.LifecyclePolicyNotFoundException{Message: aws.String(
		"Lifecycle policy does not exist for the repository with name '" + r.Name + "' in the registry with id '" + r.Registry + "'")}
}

func (e *ECR) getLifecyclePolicy(ctx context.Context, in *ecr.GetLifecyclePolicyInput) (*ecr.GetLifecyclePolicyOutput, error) {
	found, err := e.read(ctx, in.RegistryId, in.RepositoryName)
	if err == nil && found.Lifecycle == "" {
		err = noLifecycle(found)
	}
	return &ecr.GetLifecyclePolicyOutput{RegistryId: &found.Registry, RepositoryName: &found.Name, LifecyclePolicyText: &found.Lifecycle}, err
}

func (e *ECR) deleteLifecyclePolicy(ctx context.Context, in *ecr.DeleteLifecyclePolicyInput) (*ecr.DeleteLifecyclePolicyOutput, error) {
	out := &ecr.DeleteLifecyclePolicyOutput{RepositoryName: in.RepositoryName}
	_, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		if r.Lifecycle == "" {
			return noLifecycle(*r)
		}
		out.RegistryId, out.LifecyclePolicyText = &r.Registry, aws.String(r.Lifecycle)
		r.Lifecycle = ""
		return nil
	})
	return out, err
}

func (e *ECR) setRepositoryPolicy(ctx context.Context, in *ecr.SetRepositoryPolicyInput) (*ecr.SetRepositoryPolicyOutput, error) {
	found, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.Policy = aws.ToString(in.PolicyText)
		return checkPolicy(r.Policy)
	})
	return &ecr.SetRepositoryPolicyOutput{RegistryId: &found.Registry, RepositoryName: &found.Name, PolicyText: &found.Policy}, err
}

func noPolicy(r repository) error {
	return &types.RepositoryPolicyNotFoundException{Message: aws.String(
		"Repository policy does not exist for the repository with name '" + r.Name + "' in the registry with id '" + r.Registry + "'")}
}

func (e *ECR) getRepositoryPolicy(ctx context.Context, in *ecr.GetRepositoryPolicyInput) (*ecr.GetRepositoryPolicyOutput, error) {
	found, err := e.read(ctx, in.RegistryId, in.RepositoryName)
	if err == nil && found.Policy == "" {
		err = noPolicy(found)
	}
	return &ecr.GetRepositoryPolicyOutput{RegistryId: &found.Registry, RepositoryName: &found.Name, PolicyText: &found.Policy}, err
}

func (e *ECR) deleteRepositoryPolicy(ctx context.Context, in *ecr.DeleteRepositoryPolicyInput) (*ecr.DeleteRepositoryPolicyOutput, error) {
	out := &ecr.DeleteRepositoryPolicyOutput{RepositoryName: in.RepositoryName}
	_, err := e.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		if r.Policy == "" {
			return noPolicy(*r)
		}
		out.RegistryId, out.PolicyText = &r.Registry, aws.String(r.Policy)
		r.Policy = ""
		return nil
	})
	return out, err
}

// No image was ever pushed, so that an image that is named is not there.
func (e *ECR) describeImages(ctx context.Context, in *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
	found, err := e.read(ctx, in.RegistryId, in.RepositoryName)
	if err == nil && len(in.ImageIds) > 0 {
		id := in.ImageIds[0]
		err = &types.ImageNotFoundException{Message: aws.String(
			"The image with imageId {imageDigest:'" + aws.ToString(id.ImageDigest) + "', imageTag:'" + aws.ToString(id.ImageTag) +
				"'} does not exist within the repository with name '" + found.Name + "' in the registry with id '" + found.Registry + "'")}
	}
	return &ecr.DescribeImagesOutput{}, err
}

func (e *ECR) listImages(ctx context.Context, in *ecr.ListImagesInput) (*ecr.ListImagesOutput, error) {
	_, err := e.read(ctx, in.RegistryId, in.RepositoryName)
	return &ecr.ListImagesOutput{}, err
}

func (e *ECR) batchGetImage(ctx context.Context, in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
	_, err := e.read(ctx, in.RegistryId, in.RepositoryName)
	out := &ecr.BatchGetImageOutput{}
	for _, id := range in.ImageIds {
		out.Failures = append(out.Failures, types.ImageFailure{
			ImageId: &id, FailureCode: types.ImageFailureCodeImageNotFound, FailureReason: aws.String("Requested image not found"),
		})
	}
	return out, err
}

// getAuthorizationToken gives one token, whichever registries are named: a token is
// good for all that the caller may use.
func (e *ECR) getAuthorizationToken(ctx context.Context, _ *ecr.GetAuthorizationTokenInput) (*ecr.GetAuthorizationTokenOutput, error) {
	scope := scopeOf(ctx)
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{
		AuthorizationToken: aws.String(base64.StdEncoding.EncodeToString([]byte("AWS:" + rand.Text()))),
		ExpiresAt:          aws.Time(e.pace.Now().Add(12 * time.Hour)),
		ProxyEndpoint:      aws.String("https://" + scope.Account + ".dkr.ecr." + scope.Region + ".amazonaws.com"),
	}}}, nil
}

// byARN finds a repository by its ARN; the zero one where there is none.
func byARN(tx *store.Tx, scope store.Scope, arn string) (repository, error) {
	name, ok := strings.CutPrefix(arn, "arn:aws:ecr:"+scope.Region+":"+scope.Account+":repository/")
	if !ok {
		return repository{}, nil
	}
	found, err := find(tx, scope, nil, &name)
	var missing *types.RepositoryNotFoundException
	if errors.As(err, &missing) {
		return repository{}, nil
	}
	return found, err
}

// retag is Retag for the API: what is not there is an error.
func (e *ECR) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	return e.store.Update(func(tx *store.Tx) error {
		found, err := e.Retag(tx, scopeOf(ctx), aws.ToString(arn), change)
		if err == nil && !found {
			err = &types.RepositoryNotFoundException{Message: aws.String("There is no repository " + aws.ToString(arn))}
		}
		return err
	})
}

func (e *ECR) tagResource(ctx context.Context, in *ecr.TagResourceInput) (*ecr.TagResourceOutput, error) {
	return nil, e.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, tag := range in.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	})
}

func (e *ECR) untagResource(ctx context.Context, in *ecr.UntagResourceInput) (*ecr.UntagResourceOutput, error) {
	return nil, e.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (e *ECR) listTagsForResource(ctx context.Context, in *ecr.ListTagsForResourceInput) (*ecr.ListTagsForResourceOutput, error) {
	out := &ecr.ListTagsForResourceOutput{}
	err := e.store.View(func(tx *store.Tx) error {
		found, err := byARN(tx, scopeOf(ctx), aws.ToString(in.ResourceArn))
		if err == nil && found.Name == "" {
			err = &types.RepositoryNotFoundException{Message: aws.String("There is no repository " + aws.ToString(in.ResourceArn))}
		}
		for key, value := range found.Tags {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		return err
	})
	sort.Slice(out.Tags, func(i, j int) bool { return *out.Tags[i].Key < *out.Tags[j].Key })
	return out, err
}
