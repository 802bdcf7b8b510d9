package secretsmanager

import (
	"context"
	"slices"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

func (s *SecretsManager) describeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	var out *secretsmanager.DescribeSecretOutput
	err := s.store.View(func(tx *store.Tx) error {
		found, err := s.find(tx, scopeOf(ctx), aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		out = &secretsmanager.DescribeSecretOutput{
			ARN: &found.ARN, Name: &found.Name, Description: text(found.Description), KmsKeyId: text(found.KMSKeyID),
			CreatedDate: &found.Created, LastChangedDate: &found.Changed, Tags: tagList(found.Tags),
			VersionIdsToStages: found.stages(),
		}
		if !found.Deleted.IsZero() {
			out.DeletedDate = &found.Deleted
		}
		return nil
	})
	return out, err
}

func (s *SecretsManager) listSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	out := &secretsmanager.ListSecretsOutput{SecretList: []types.SecretListEntry{}}
	limit := 100
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	err := s.store.View(func(tx *store.Tx) error {
		return secrets.Walk(tx, scopeOf(ctx), "", func(name string, found secret) error {
			if s.gone(found) || name <= aws.ToString(in.NextToken) ||
				!found.Deleted.IsZero() && !aws.ToBool(in.IncludePlannedDeletion) {
				return nil
			}
			ok, err := found.passes(in.Filters)
			if err != nil || !ok {
				return err
			}
			if len(out.SecretList) == limit {
				out.NextToken = out.SecretList[limit-1].Name
				return store.Stop
			}
			entry := types.SecretListEntry{
				ARN: &found.ARN, Name: &found.Name, Description: text(found.Description), KmsKeyId: text(found.KMSKeyID),
				CreatedDate: &found.Created, LastChangedDate: &found.Changed, Tags: tagList(found.Tags),
				SecretVersionsToStages: found.stages(),
			}
			if !found.Deleted.IsZero() {
				entry.DeletedDate = &found.Deleted
			}
			out.SecretList = append(out.SecretList, entry)
			return nil
		})
	})
	return out, err
}

// passes reports whether a secret matches every filter.
func (found secret) passes(filters []types.Filter) (bool, error) {
	for _, filter := range filters {
		var values []string
		switch filter.Key {
		case types.FilterNameStringTypeName:
			values = []string{found.Name}
		case types.FilterNameStringTypeDescription:
			values = []string{found.Description}
		case types.FilterNameStringTypeTagKey:
			for key := range found.Tags {
				values = append(values, key)
			}
		case types.FilterNameStringTypeTagValue:
			for _, value := range found.Tags {
				values = append(values, value)
			}
		default:
			return false, invalidParameter("The sandbox has no filter %q.", filter.Key)
		}
		if !slices.ContainsFunc(values, func(v string) bool { return matches(v, filter.Values) }) {
			return false, nil
		}
	}
	return true, nil
}

func (s *SecretsManager) listSecretVersionIDs(ctx context.Context, in *secretsmanager.ListSecretVersionIdsInput) (*secretsmanager.ListSecretVersionIdsOutput, error) {
	out := &secretsmanager.ListSecretVersionIdsOutput{Versions: []types.SecretVersionsListEntry{}}
	err := s.store.View(func(tx *store.Tx) error {
		found, err := s.find(tx, scopeOf(ctx), aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		out.ARN, out.Name = &found.ARN, &found.Name
		for _, v := range found.Versions {
			out.Versions = append(out.Versions, types.SecretVersionsListEntry{VersionId: &v.ID, VersionStages: v.Stages, CreatedDate: &v.Created})
		}
		return nil
	})
	return out, err
}

func (found secret) stages() map[string][]string {
	stages := map[string][]string{}
	for _, v := range found.Versions {
		stages[v.ID] = v.Stages
	}
	return stages
}

// drop takes a label off, and the version with it when that was its last.
func (found *secret) drop(stage string) {
	for i := range found.Versions {
		v := &found.Versions[i]
		if at := slices.Index(v.Stages, stage); at >= 0 {
			v.Stages = slices.Delete(slices.Clone(v.Stages), at, at+1)
		}
	}
	found.prune()
}

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
