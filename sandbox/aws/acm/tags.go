package acm

import (
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// maxTags is how many tags a certificate may have.
const maxTags = 50

func tagsOf(list []types.Tag) (map[string]string, error) {
	tags := map[string]string{}
	for _, tag := range list {
		key := aws.ToString(tag.Key)
		if key == "" || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, &types.InvalidTagException{Message: aws.String("The tag key \"" + key + "\" is not valid.")}
		}
		tags[key] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}

func (a *ACM) retag(scope store.Scope, arn *string, change func(tags map[string]string)) error {
	return a.store.Update(func(tx *store.Tx) error { return retag(tx, scope, arn, change) })
}

func retag(tx *store.Tx, scope store.Scope, arn *string, change func(tags map[string]string)) error {
	found, err := find(tx, scope, arn)
	if err != nil {
		return err
	}
	if found.Tags == nil {
		found.Tags = map[string]string{}
	}
	if change(found.Tags); len(found.Tags) > maxTags {
		return &types.TooManyTagsException{Message: aws.String("A certificate can't have more than 50 tags.")}
	}
	return put(tx, scope, found)
}

// Tagged lists the certificates of an account and region.
func (a *ACM) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	var out []resource.Tagged
	err := certificates.Walk(tx, scope, "", func(_ string, c certificate) error {
		out = append(out, resource.Tagged{ARN: *c.CertificateArn, Tags: c.Tags})
		return nil
	})
	return out, err
}

// Retag changes the tags of a certificate.
func (a *ACM) Retag(tx *store.Tx, scope store.Scope, arn string, change func(tags map[string]string)) (bool, error) {
	id, ours := strings.CutPrefix(arn, arnOf(scope, ""))
	_, exists, err := certificates.Get(tx, scope, id)
	if err != nil || !ours || !exists {
		return false, err
	}
	return true, retag(tx, scope, &arn, change)
}
