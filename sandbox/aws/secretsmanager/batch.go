package secretsmanager

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// batchLimit is how many secrets one call may read.
const batchLimit = 20

// batchGetSecretValue reads the current values of secrets that are named, or of those
// that filters choose. What can't be read is told beside the others.
func (s *SecretsManager) batchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput) (*secretsmanager.BatchGetSecretValueOutput, error) {
	if (len(in.SecretIdList) == 0) == (len(in.Filters) == 0) {
		return nil, invalidParameter("You must include Filters or SecretIdList, but not both.")
	}
	if len(in.SecretIdList) > batchLimit || aws.ToInt32(in.MaxResults) > batchLimit {
		return nil, invalidParameter("A call reads at most %d secrets.", batchLimit)
	}
	out := &secretsmanager.BatchGetSecretValueOutput{}
	return out, s.store.View(func(tx *store.Tx) error {
		ids := in.SecretIdList
		if len(in.Filters) > 0 {
			err := secrets.Walk(tx, scopeOf(ctx), "", func(name string, found secret) error {
				ok, err := found.passes(in.Filters)
				if ok && found.Deleted.IsZero() {
					ids = append(ids, name)
				}
				return err
			})
			if err != nil {
				return err
			}
			ids, out.NextToken = wire.Page(ids, in.NextToken, in.MaxResults, batchLimit, func(name string) string { return name })
		}
		for _, id := range ids {
			entry, err := s.entry(tx, scopeOf(ctx), id)
			if answer, expected := wire.As(err); err != nil && !expected {
				return err
			} else if err != nil {
				out.Errors = append(out.Errors, types.APIErrorType{SecretId: aws.String(id), ErrorCode: &answer.Code, Message: &answer.Message})
				continue
			}
			out.SecretValues = append(out.SecretValues, entry)
		}
		return nil
	})
}

func (s *SecretsManager) entry(tx *store.Tx, scope store.Scope, id string) (types.SecretValueEntry, error) {
	found, err := s.live(tx, scope, id)
	if err != nil {
		return types.SecretValueEntry{}, err
	}
	v, err := found.value("", Current)
	return types.SecretValueEntry{
		ARN: &found.ARN, Name: &found.Name, VersionId: &v.ID, VersionStages: v.Stages,
		SecretString: v.String, SecretBinary: v.Binary, CreatedDate: &v.Created,
	}, err
}
