// Package ecr is the sandbox's Elastic Container Registry: repositories with their
// settings, policies and tags, and the resource type AWS::ECR::Repository.
//
// There is no registry behind it: nothing can be pushed, so that a repository holds
// no images, and says so. GetAuthorizationToken gives a token of the right form,
// which no registry takes. Policies are kept and shown, and never enforced.
//
// Source: the ECR API reference.
package ecr

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// ECR is the service. It is safe for concurrent use.
type ECR struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *ECR { return &ECR{store: state, pace: pace} }

type repository struct {
	Name, ARN, URI, Registry string
	Created                  time.Time
	Mutability               types.ImageTagMutability
	MutableTags              []types.ImageTagMutabilityExclusionFilter // filters of tags that the setting leaves out
	ScanOnPush               bool
	Encryption               types.EncryptionType
	KMSKey                   string
	Policy, Lifecycle        string
	Tags                     map[string]string
	Token                    string // of the CloudFormation operation that made it
}

var repositories = store.Table[repository]{Name: "ecr/repositories"}

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

var nameForm = regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

// newRepository is one with the default settings.
func (e *ECR) newRepository(scope store.Scope, name string) (repository, error) {
	if len(name) < 2 || len(name) > 256 || !nameForm.MatchString(name) {
		return repository{}, invalid("Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '%s''", nameForm)
	}
	return repository{
		Name: name, ARN: "arn:aws:ecr:" + scope.Region + ":" + scope.Account + ":repository/" + name,
		URI:      scope.Account + ".dkr.ecr." + scope.Region + ".amazonaws.com/" + name,
		Registry: scope.Account, Created: e.pace.Now(),
		Mutability: types.ImageTagMutabilityMutable, Encryption: types.EncryptionTypeAes256, Tags: map[string]string{},
	}, nil
}

// add puts a new repository into the store. One of the same token is the same call.
func (e *ECR) add(tx *store.Tx, scope store.Scope, made repository) (repository, error) {
	old, exists, err := repositories.Get(tx, scope, made.Name)
	switch {
	case err != nil:
		return repository{}, err
	case exists && made.Token != "" && old.Token == made.Token:
		return old, nil
	case exists:
		return repository{}, &types.RepositoryAlreadyExistsException{Message: aws.String(fmt.Sprintf(
			"The repository with name '%s' already exists in the registry with id '%s'", made.Name, scope.Account))}
	}
	return made, repositories.Put(tx, scope, made.Name, made)
}

// find returns the repository that a request names.
func find(tx *store.Tx, scope store.Scope, registry, name *string) (repository, error) {
	if registry != nil && *registry != scope.Account {
		return repository{}, invalid("The sandbox answers for the caller's own registry %s, not for %s.", scope.Account, *registry)
	}
	found, exists, err := repositories.Get(tx, scope, aws.ToString(name))
	if err == nil && !exists {
		err = &types.RepositoryNotFoundException{Message: aws.String(fmt.Sprintf(
			"The repository with name '%s' does not exist in the registry with id '%s'", aws.ToString(name), scope.Account))}
	}
	return found, err
}

// read finds a repository in a view of its own.
func (e *ECR) read(ctx context.Context, registry, name *string) (found repository, err error) {
	err = e.store.View(func(tx *store.Tx) error {
		found, err = find(tx, scopeOf(ctx), registry, name)
		return err
	})
	return found, err
}

// change runs an update of one repository.
func (e *ECR) change(ctx context.Context, registry, name *string, do func(*repository) error) (found repository, err error) {
	err = e.store.Update(func(tx *store.Tx) error {
		if found, err = find(tx, scopeOf(ctx), registry, name); err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return repositories.Put(tx, scopeOf(ctx), found.Name, found)
	})
	return found, err
}

func (r repository) answer() *types.Repository {
	encryption := &types.EncryptionConfiguration{EncryptionType: r.Encryption}
	if r.KMSKey != "" {
		encryption.KmsKey = aws.String(r.KMSKey)
	}
	return &types.Repository{
		RepositoryName: aws.String(r.Name), RepositoryArn: aws.String(r.ARN), RepositoryUri: aws.String(r.URI), RegistryId: aws.String(r.Registry),
		CreatedAt: aws.Time(r.Created), ImageTagMutability: r.Mutability, ImageTagMutabilityExclusionFilters: r.MutableTags,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: r.ScanOnPush}, EncryptionConfiguration: encryption,
	}
}

func (r *repository) setMutability(to types.ImageTagMutability, except []types.ImageTagMutabilityExclusionFilter) error {
	if to == "" {
		to = types.ImageTagMutabilityMutable
	}
	switch to {
	case types.ImageTagMutabilityMutable, types.ImageTagMutabilityImmutable:
		if len(except) > 0 {
			return invalid("imageTagMutabilityExclusionFilters go with %s_WITH_EXCLUSION only", to)
		}
	case types.ImageTagMutabilityMutableWithExclusion, types.ImageTagMutabilityImmutableWithExclusion:
		if len(except) == 0 {
			return invalid("%s needs imageTagMutabilityExclusionFilters", to)
		}
	default:
		return invalid("imageTagMutability %q is none of %v", to, types.ImageTagMutability("").Values())
	}
	r.Mutability, r.MutableTags = to, except
	return nil
}

func (r *repository) setEncryption(to types.EncryptionType, key string) error {
	switch {
	case to == "":
		to = types.EncryptionTypeAes256
	case to != types.EncryptionTypeAes256 && to != types.EncryptionTypeKms && to != types.EncryptionTypeKmsDsse:
		return invalid("encryptionType %q is none of %v", to, types.EncryptionType("").Values())
	}
	if key != "" && to == types.EncryptionTypeAes256 {
		return invalid("A kmsKey goes with encryptionType KMS only")
	}
	r.Encryption, r.KMSKey = to, key
	return nil
}

// checkLifecycle looks whether a text is a lifecycle policy at all.
func checkLifecycle(text string) error {
	var policy struct {
		Rules []struct {
			RulePriority int            `json:"rulePriority"`
			Selection    map[string]any `json:"selection"`
			Action       map[string]any `json:"action"`
		} `json:"rules"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil || len(policy.Rules) == 0 {
		return invalid("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: it must be JSON with rules'")
	}
	for _, rule := range policy.Rules {
		if rule.RulePriority < 1 || rule.Selection == nil || rule.Action == nil {
			return invalid("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: each rule needs rulePriority, selection and action'")
		}
	}
	return nil
}

func checkPolicy(text string) error {
	if !json.Valid([]byte(text)) {
		return invalid("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// Tagged lists the repositories for the Tagging API.
func (e *ECR) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := repositories.Walk(tx, scope, "", func(_ string, r repository) error {
		out = append(out, resource.Tagged{ARN: r.ARN, Tags: r.Tags})
		return nil
	})
	return out, err
}

// Retag changes the tags of a repository.
func (e *ECR) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	found, err := byARN(tx, scope, arn)
	if err != nil || found.Name == "" {
		return false, err
	}
	tags := map[string]string{}
	maps.Copy(tags, found.Tags)
	change(tags)
	found.Tags = tags
	return true, repositories.Put(tx, scope, found.Name, found)
}
