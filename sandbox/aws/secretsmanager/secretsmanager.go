// Package secretsmanager is the sandbox's Secrets Manager: secrets with versions
// and staging labels, its API, and the resource types AWS::SecretsManager::Secret,
// SecretTargetAttachment and ResourcePolicy.
//
// A secret has versions; each has staging labels, and each label stands on one
// version at a time. A new value becomes AWSCURRENT, and what was that before
// becomes AWSPREVIOUS. Versions without a label are dropped. Secrets are found by
// name, by ARN, and by ARN without its last six characters.
//
// Secret values go to callers of GetSecretValue and [SecretsManager.Value], and
// into the store. They are in no error, no log and no resource attribute.
package secretsmanager

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// The staging labels that the service moves by itself.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
)

// SecretsManager is the service. It is safe for concurrent use.
type SecretsManager struct {
	store   *store.Store
	pace    *simtime.Pace
	targets Targets
}

// New returns the service over a store. Targets says where the databases are that
// secrets are attached to.
func New(state *store.Store, pace *simtime.Pace, targets Targets) *SecretsManager {
	return &SecretsManager{store: state, pace: pace, targets: targets}
}

// Register adds the resource types.
func (s *SecretsManager) Register(registry *resource.Registry) {
	registry.Register(secretProvider{s}, "AWS::SecretsManager::Secret")
	registry.Register(policyProvider{s}, "AWS::SecretsManager::ResourcePolicy")
	registry.Register(attachmentProvider{s}, "AWS::SecretsManager::SecretTargetAttachment")
}

type secret struct {
	Name, ARN, Description, KMSKeyID string
	Tags                             map[string]string
	Created, Changed                 time.Time
	// Deleted is when the secret was marked for deletion, and Gone when its
	// recovery window ends; zero for others.
	Deleted, Gone time.Time
	Versions      []version // the newest last
	Policy        string    // of the resource; kept and shown, and never enforced
	// Token of the CloudFormation operation that made it.
	Token string
}

type version struct {
	ID      string
	String  *string
	Binary  []byte
	Created time.Time
	Stages  []string
}

var secrets = store.Table[secret]{Name: "secretsmanager/secrets"}

func notFound() error {
	return &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
}

func invalidRequest(format string, args ...any) error {
	return &types.InvalidRequestException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func invalidParameter(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

// find looks a secret up by name or ARN. One whose recovery window is over is
// not there.
func (s *SecretsManager) find(tx *store.Tx, scope store.Scope, id string) (secret, error) {
	name := id
	if resourceName, ok := strings.CutPrefix(id, arnPrefix(scope)); ok {
		name = resourceName
		if i := strings.LastIndex(name, "-"); i >= 0 && len(name)-i == 7 {
			if found, ok, err := secrets.Get(tx, scope, name[:i]); err != nil || ok && found.ARN == id && !s.gone(found) {
				return found, err
			}
		}
	} else if strings.HasPrefix(id, "arn:") {
		return secret{}, notFound()
	}
	found, ok, err := secrets.Get(tx, scope, name)
	if err != nil {
		return secret{}, err
	}
	if !ok || s.gone(found) {
		return secret{}, notFound()
	}
	return found, nil
}

func (s *SecretsManager) gone(found secret) bool {
	return !found.Gone.IsZero() && !s.pace.Now().Before(found.Gone)
}

// live is find for operations that a secret marked for deletion refuses.
func (s *SecretsManager) live(tx *store.Tx, scope store.Scope, id string) (secret, error) {
	found, err := s.find(tx, scope, id)
	if err == nil && !found.Deleted.IsZero() {
		err = invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return found, err
}

func arnPrefix(scope store.Scope) string {
	return "arn:aws:secretsmanager:" + scope.Region + ":" + scope.Account + ":secret:"
}

// newSecret checks that the name is free and returns a secret without versions.
func (s *SecretsManager) newSecret(tx *store.Tx, scope store.Scope, name, token string) (secret, error) {
	if !validName(name) {
		return secret{}, invalidParameter("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	old, found, err := secrets.Get(tx, scope, name)
	switch {
	case err != nil:
		return secret{}, err
	case found && !s.gone(old) && !old.Deleted.IsZero():
		return secret{}, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	case found && !s.gone(old):
		return secret{}, &types.ResourceExistsException{Message: aws.String("The operation failed because the secret " + name + " already exists.")}
	}
	now := s.pace.Now()
	return secret{
		Name: name, ARN: arnPrefix(scope) + name + "-" + resource.Suffix(token, 6),
		Created: now, Changed: now, Token: token,
	}, nil
}

func validName(name string) bool {
	return name != "" && len(name) <= 512 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-/_+=.@!", r))
	}) < 0
}

// put adds a version with the labels, which it takes from the others. A version
// of that ID that is there already must hold the same value, and then nothing
// changes.
func (found *secret) put(added version) error {
	for _, old := range found.Versions {
		if old.ID != added.ID {
			continue
		}
		if aws.ToString(old.String) == aws.ToString(added.String) && string(old.Binary) == string(added.Binary) {
			return nil
		}
		return &types.ResourceExistsException{Message: aws.String("A version with the ClientRequestToken " + added.ID + " already exists and has another value.")}
	}
	stages := added.Stages
	if len(found.Versions) == 0 && !slices.Contains(stages, Current) {
		stages = append(slices.Clone(stages), Current)
	}
	added.Stages = nil
	found.Versions = append(found.Versions, added)
	for _, stage := range stages {
		found.move(stage, added.ID)
	}
	found.Changed = added.Created
	found.prune()
	return nil
}

// move sets a label on a version and takes it from the one that had it. What
// loses AWSCURRENT gets AWSPREVIOUS.
func (found *secret) move(stage, to string) {
	lost := ""
	for i := range found.Versions {
		v := &found.Versions[i]
		if at := slices.Index(v.Stages, stage); at >= 0 && v.ID != to {
			v.Stages = slices.Delete(slices.Clone(v.Stages), at, at+1)
			lost = v.ID
		}
		if v.ID == to && !slices.Contains(v.Stages, stage) {
			v.Stages = append(v.Stages, stage)
		}
	}
	if stage == Current && lost != "" {
		found.move(Previous, lost)
	}
}

func (found *secret) prune() {
	found.Versions = slices.DeleteFunc(found.Versions, func(v version) bool { return len(v.Stages) == 0 })
}

// value finds a version by ID, by label, or AWSCURRENT.
func (found secret) value(id, stage string) (version, error) {
	if id == "" && stage == "" {
		stage = Current
	}
	for _, v := range found.Versions {
		if (id == "" || v.ID == id) && (stage == "" || slices.Contains(v.Stages, stage)) {
			return v, nil
		}
	}
	if id != "" {
		return version{}, &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value for VersionId: " + id)}
	}
	return version{}, &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value for staging label: " + stage)}
}

// versionID is the one that a caller asked for, or one made of a token.
func versionID(asked, token string) string {
	if asked != "" {
		return asked
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(token)).String()
}
