package secretsmanager

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (s *SecretsManager) Service() *wire.Service {
	service := &wire.Service{Name: "secretsmanager", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "secretsmanager"}
	wire.Register(service, "CreateSecret", s.createSecret)
	wire.Register(service, "GetSecretValue", s.getSecretValue)
	wire.Register(service, "PutSecretValue", s.putSecretValue)
	wire.Register(service, "UpdateSecret", s.updateSecret)
	wire.Register(service, "UpdateSecretVersionStage", s.updateSecretVersionStage)
	wire.Register(service, "DescribeSecret", s.describeSecret)
	wire.Register(service, "ListSecrets", s.listSecrets)
	wire.Register(service, "ListSecretVersionIds", s.listSecretVersionIDs)
	wire.Register(service, "DeleteSecret", s.deleteSecret)
	wire.Register(service, "RestoreSecret", s.restoreSecret)
	wire.Register(service, "TagResource", s.tagResource)
	wire.Register(service, "UntagResource", s.untagResource)
	wire.Register(service, "BatchGetSecretValue", s.batchGetSecretValue)
	wire.Register(service, "PutResourcePolicy", s.putResourcePolicy)
	wire.Register(service, "GetResourcePolicy", s.getResourcePolicy)
	wire.Register(service, "DeleteResourcePolicy", s.deleteResourcePolicy)
	wire.Register(service, "RotateSecret", s.rotateSecret)
	wire.Register(service, "CancelRotateSecret", s.cancelRotateSecret)
	wire.Register(service, "ReplicateSecretToRegions", s.replicateSecretToRegions)
	wire.Register(service, "RemoveRegionsFromReplication", s.removeRegionsFromReplication)
	wire.Register(service, "GetRandomPassword", s.getRandomPassword)
	return service
}

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

// Value returns what {{resolve:secretsmanager:id:SecretString:key:stage:version}}
// stands for before the key is taken out of it: the secret's text.
func (s *SecretsManager) Value(_ context.Context, account, region, id, stage, versionID string) (string, error) {
	var text string
	err := s.store.View(func(tx *store.Tx) error {
		found, err := s.live(tx, store.Scope{Account: account, Region: region}, id)
		if err != nil {
			return err
		}
		v, err := found.value(versionID, stage)
		if err == nil && v.String == nil {
			err = invalidRequest("The secret %s holds binary data, and no SecretString.", found.Name)
		}
		text = aws.ToString(v.String)
		return err
	})
	return text, err
}

func (s *SecretsManager) createSecret(ctx context.Context, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	out := &secretsmanager.CreateSecretOutput{}
	if in.SecretString != nil && in.SecretBinary != nil {
		return nil, invalidParameter("You can't specify both a SecretString and a SecretBinary.")
	}
	if len(in.AddReplicaRegions) > 0 {
		return nil, noReplicas()
	}
	token := aws.ToString(in.ClientRequestToken)
	if token == "" {
		token = uuid.NewString()
	}
	err := s.store.Update(func(tx *store.Tx) error {
		scope := scopeOf(ctx)
		made, err := s.newSecret(tx, scope, aws.ToString(in.Name), token)
		if err != nil {
			old, found, readErr := secrets.Get(tx, scope, aws.ToString(in.Name))
			if readErr != nil || !found || old.Token != token || !old.Deleted.IsZero() {
				return err
			}
			made = old // the same call again
		}
		made.Description, made.KMSKeyID = aws.ToString(in.Description), aws.ToString(in.KmsKeyId)
		made.Tags = tagMap(made.Tags, in.Tags)
		out.ARN, out.Name = &made.ARN, &made.Name
		if in.SecretString != nil || in.SecretBinary != nil {
			out.VersionId = aws.String(versionID(aws.ToString(in.ClientRequestToken), token))
			if err := made.put(version{ID: *out.VersionId, String: in.SecretString, Binary: in.SecretBinary, Created: s.pace.Now(), Stages: []string{Current}}); err != nil {
				return err
			}
		}
		return secrets.Put(tx, scope, made.Name, made)
	})
	return out, err
}

func (s *SecretsManager) getSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	var out *secretsmanager.GetSecretValueOutput
	err := s.store.View(func(tx *store.Tx) error {
		found, err := s.live(tx, scopeOf(ctx), aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		v, err := found.value(aws.ToString(in.VersionId), aws.ToString(in.VersionStage))
		if err != nil {
			return err
		}
		out = &secretsmanager.GetSecretValueOutput{
			ARN: &found.ARN, Name: &found.Name, VersionId: &v.ID, VersionStages: v.Stages,
			SecretString: v.String, SecretBinary: v.Binary, CreatedDate: &v.Created,
		}
		return nil
	})
	return out, err
}

func (s *SecretsManager) putSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	out := &secretsmanager.PutSecretValueOutput{}
	if (in.SecretString == nil) == (in.SecretBinary == nil) {
		return nil, invalidParameter("You must provide either SecretString or SecretBinary.")
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{Current}
	}
	err := s.change(ctx, in.SecretId, func(found *secret) error {
		id := versionID(aws.ToString(in.ClientRequestToken), uuid.NewString())
		out.ARN, out.Name, out.VersionId, out.VersionStages = &found.ARN, &found.Name, &id, stages
		return found.put(version{ID: id, String: in.SecretString, Binary: in.SecretBinary, Created: s.pace.Now(), Stages: stages})
	})
	return out, err
}

func (s *SecretsManager) updateSecret(ctx context.Context, in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	out := &secretsmanager.UpdateSecretOutput{}
	err := s.change(ctx, in.SecretId, func(found *secret) error {
		out.ARN, out.Name = &found.ARN, &found.Name
		if in.Description != nil {
			found.Description = *in.Description
		}
		if in.KmsKeyId != nil {
			found.KMSKeyID = *in.KmsKeyId
		}
		found.Changed = s.pace.Now()
		if in.SecretString == nil && in.SecretBinary == nil {
			return nil
		}
		id := versionID(aws.ToString(in.ClientRequestToken), uuid.NewString())
		out.VersionId = &id
		return found.put(version{ID: id, String: in.SecretString, Binary: in.SecretBinary, Created: s.pace.Now(), Stages: []string{Current}})
	})
	return out, err
}

func (s *SecretsManager) updateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	out := &secretsmanager.UpdateSecretVersionStageOutput{}
	err := s.change(ctx, in.SecretId, func(found *secret) error {
		stage := aws.ToString(in.VersionStage)
		holder, _ := found.value("", stage)
		if holder.ID != aws.ToString(in.RemoveFromVersionId) && holder.ID != "" && holder.ID != aws.ToString(in.MoveToVersionId) {
			return invalidParameter("The parameter RemoveFromVersionId must be the version that holds the staging label %s.", stage)
		}
		out.ARN, out.Name = &found.ARN, &found.Name
		if in.MoveToVersionId == nil {
			if stage == Current {
				return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
			}
			found.drop(stage)
			return nil
		}
		if _, err := found.value(*in.MoveToVersionId, ""); err != nil {
			return err
		}
		found.move(stage, *in.MoveToVersionId)
		return nil
	})
	return out, err
}

// change runs an update of one secret that is not marked for deletion.
func (s *SecretsManager) change(ctx context.Context, id *string, do func(*secret) error) error {
	return s.store.Update(func(tx *store.Tx) error {
		found, err := s.live(tx, scopeOf(ctx), aws.ToString(id))
		if err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return secrets.Put(tx, scopeOf(ctx), found.Name, found)
	})
}

func (s *SecretsManager) deleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	days := int64(30)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	force := aws.ToBool(in.ForceDeleteWithoutRecovery)
	if force && in.RecoveryWindowInDays != nil {
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	if days < 7 || days > 30 {
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	out := &secretsmanager.DeleteSecretOutput{}
	err := s.store.Update(func(tx *store.Tx) error {
		scope := scopeOf(ctx)
		found, err := s.find(tx, scope, aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		found.Deleted = s.pace.Now()
		found.Gone = found.Deleted.Add(time.Duration(days) * 24 * time.Hour)
		out.ARN, out.Name, out.DeletionDate = &found.ARN, &found.Name, &found.Gone
		if force {
			out.DeletionDate = &found.Deleted
			return secrets.Delete(tx, scope, found.Name)
		}
		return secrets.Put(tx, scope, found.Name, found)
	})
	return out, err
}

func (s *SecretsManager) restoreSecret(ctx context.Context, in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	out := &secretsmanager.RestoreSecretOutput{}
	err := s.store.Update(func(tx *store.Tx) error {
		found, err := s.find(tx, scopeOf(ctx), aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		found.Deleted, found.Gone = time.Time{}, time.Time{}
		out.ARN, out.Name = &found.ARN, &found.Name
		return secrets.Put(tx, scopeOf(ctx), found.Name, found)
	})
	return out, err
}

func (s *SecretsManager) tagResource(ctx context.Context, in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(found *secret) error {
		found.Tags = tagMap(found.Tags, in.Tags)
		return nil
	})
}

func (s *SecretsManager) untagResource(ctx context.Context, in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
	return nil, s.change(ctx, in.SecretId, func(found *secret) error {
		for _, key := range in.TagKeys {
			delete(found.Tags, key)
		}
		return nil
	})
}

func (s *SecretsManager) getRandomPassword(_ context.Context, in *secretsmanager.GetRandomPasswordInput) (*secretsmanager.GetRandomPasswordOutput, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	password, err := generate(passwordRules{
		Length: length, Exclude: aws.ToString(in.ExcludeCharacters), NoNumbers: aws.ToBool(in.ExcludeNumbers),
		NoPunctuation: aws.ToBool(in.ExcludePunctuation), NoUppercase: aws.ToBool(in.ExcludeUppercase),
		NoLowercase: aws.ToBool(in.ExcludeLowercase), Space: aws.ToBool(in.IncludeSpace),
		RequireEach: in.RequireEachIncludedType == nil || *in.RequireEachIncludedType,
	})
	if err != nil {
		return nil, invalidParameter("%s", err)
	}
	return &secretsmanager.GetRandomPasswordOutput{RandomPassword: &password}, nil
}

func tagMap(tags map[string]string, added []types.Tag) map[string]string {
	if tags == nil {
		tags = map[string]string{}
	}
	for _, tag := range added {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// matches is the service's rule for filters: a prefix, or with "!" none.
func matches(value string, wanted []string) bool {
	for _, want := range wanted {
		if not, ok := strings.CutPrefix(want, "!"); ok && !strings.HasPrefix(value, not) || !ok && strings.HasPrefix(value, want) {
			return true
		}
	}
	return len(wanted) == 0
}
