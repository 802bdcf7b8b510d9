package ssm

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service returns the API.
func (s *SSM) Service() *wire.Service {
	service := &wire.Service{Name: "ssm", Protocol: wire.JSON11, Differences: differsFromAWS, Target: "AmazonSSM"}
	wire.Register(service, "PutParameter", s.putParameter)
	wire.Register(service, "GetParameter", s.getParameter)
	wire.Register(service, "GetParameters", s.getParameters)
	wire.Register(service, "GetParametersByPath", s.getParametersByPath)
	wire.Register(service, "GetParameterHistory", s.getParameterHistory)
	wire.Register(service, "DescribeParameters", s.describeParameters)
	wire.Register(service, "DeleteParameter", s.deleteParameter)
	wire.Register(service, "DeleteParameters", s.deleteParameters)
	wire.Register(service, "LabelParameterVersion", s.labelParameterVersion)
	wire.Register(service, "UnlabelParameterVersion", s.unlabelParameterVersion)
	wire.Register(service, "AddTagsToResource", s.addTagsToResource)
	wire.Register(service, "RemoveTagsFromResource", s.removeTagsFromResource)
	wire.Register(service, "ListTagsForResource", s.listTagsForResource)
	return service
}

func scopeOf(ctx context.Context) store.Scope {
	call := wire.CallOf(ctx)
	return store.Scope{Account: call.Account, Region: call.Region}
}

func (s *SSM) putParameter(ctx context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	if in.Policies != nil {
		return nil, wire.Errorf("ValidationException", "The sandbox has no parameter policies.")
	}
	p := put{
		name: aws.ToString(in.Name), value: aws.ToString(in.Value), description: aws.ToString(in.Description),
		pattern: aws.ToString(in.AllowedPattern), dataType: aws.ToString(in.DataType), tier: string(in.Tier),
		user: wire.CallOf(ctx).Principal, kind: in.Type, keyID: aws.ToString(in.KeyId), overwrite: aws.ToBool(in.Overwrite),
	}
	if len(in.Tags) > 0 {
		if p.overwrite {
			return nil, wire.Errorf("ValidationException", "tags and overwrite can't be used together.")
		}
		p.tags = map[string]string{}
		for _, tag := range in.Tags {
			p.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	var out *ssm.PutParameterOutput
	err := s.store.Update(func(tx *store.Tx) error {
		made, err := s.put(tx, scopeOf(ctx), p)
		if err == nil {
			out = &ssm.PutParameterOutput{Version: made.Versions[len(made.Versions)-1].Number, Tier: types.ParameterTier(made.Tier)}
		}
		return err
	})
	return out, err
}

func (s *SSM) getParameter(ctx context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	var out ssm.GetParameterOutput
	err := s.store.View(func(tx *store.Tx) error {
		found, v, err := get(tx, scopeOf(ctx), aws.ToString(in.Name))
		if err == nil {
			answer := found.answer(v, aws.ToBool(in.WithDecryption), selectorOf(*in.Name))
			out.Parameter = &answer
		}
		return err
	})
	return &out, err
}

func selectorOf(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return ""
	}
	_, selector, _ := strings.Cut(id, ":")
	return selector
}

func (s *SSM) getParameters(ctx context.Context, in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	out := &ssm.GetParametersOutput{}
	err := s.store.View(func(tx *store.Tx) error {
		for _, name := range in.Names {
			found, v, err := get(tx, scopeOf(ctx), name)
			if err != nil {
				if _, expected := wire.As(err); !expected {
					return err
				}
				out.InvalidParameters = append(out.InvalidParameters, name)
				continue
			}
			out.Parameters = append(out.Parameters, found.answer(v, aws.ToBool(in.WithDecryption), selectorOf(name)))
		}
		return nil
	})
	return out, err
}

func (s *SSM) getParametersByPath(ctx context.Context, in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	path := aws.ToString(in.Path)
	if !strings.HasPrefix(path, "/") {
		return nil, wire.Errorf("ValidationException", "The parameter path %q must begin with a slash.", path)
	}
	for _, filter := range in.ParameterFilters {
		if key := aws.ToString(filter.Key); key != "Type" && key != "KeyId" && key != "Label" {
			return nil, &types.InvalidFilterKey{Message: aws.String("The following filter key is not valid: " + key + ". Valid filter keys include: [Type, KeyId, Label].")}
		}
	}
	path = strings.TrimSuffix(path, "/") + "/"
	limit := 10
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	out := &ssm.GetParametersByPathOutput{}
	err := s.store.View(func(tx *store.Tx) error {
		return parameters.Walk(tx, scopeOf(ctx), path, func(name string, found parameter) error {
			if name <= aws.ToString(in.NextToken) || !aws.ToBool(in.Recursive) && strings.Contains(name[len(path):], "/") {
				return nil
			}
			v := found.Versions[len(found.Versions)-1]
			if ok, err := passes(found, v, in.ParameterFilters); err != nil || !ok {
				return err
			}
			if len(out.Parameters) == limit {
				out.NextToken = out.Parameters[limit-1].Name
				return store.Stop
			}
			out.Parameters = append(out.Parameters, found.answer(v, aws.ToBool(in.WithDecryption), ""))
			return nil
		})
	})
	return out, err
}

func (s *SSM) getParameterHistory(ctx context.Context, in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
	out := &ssm.GetParameterHistoryOutput{}
	err := s.store.View(func(tx *store.Tx) error {
		found, _, err := get(tx, scopeOf(ctx), aws.ToString(in.Name))
		found.Versions, out.NextToken = wire.Page(found.Versions, in.NextToken, in.MaxResults, 50, version.position)
		for _, v := range found.Versions {
			answer := found.answer(v, aws.ToBool(in.WithDecryption), "")
			out.Parameters = append(out.Parameters, types.ParameterHistory{
				Name: answer.Name, Type: v.Type, Value: answer.Value, Version: v.Number, LastModifiedDate: answer.LastModifiedDate,
				LastModifiedUser: aws.String(v.User), Description: aws.String(v.Description), DataType: answer.DataType,
				Labels: v.Labels, Tier: types.ParameterTier(found.Tier), KeyId: text(v.KeyID), AllowedPattern: text(v.AllowedPattern),
			})
		}
		return err
	})
	return out, err
}

func (s *SSM) describeParameters(ctx context.Context, in *ssm.DescribeParametersInput) (*ssm.DescribeParametersOutput, error) {
	limit := 50
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, wire.Errorf("ValidationException", "You can use either Filters or ParameterFilters in a single request.")
	}
	filters := append(oldFilters(in.Filters), in.ParameterFilters...)
	out := &ssm.DescribeParametersOutput{}
	err := s.store.View(func(tx *store.Tx) error {
		return parameters.Walk(tx, scopeOf(ctx), "", func(name string, found parameter) error {
			if name <= aws.ToString(in.NextToken) {
				return nil
			}
			v := found.Versions[len(found.Versions)-1]
			if ok, err := passes(found, v, filters); err != nil || !ok {
				return err
			}
			if len(out.Parameters) == limit {
				out.NextToken = out.Parameters[limit-1].Name
				return store.Stop
			}
			out.Parameters = append(out.Parameters, types.ParameterMetadata{
				Name: aws.String(found.Name), ARN: aws.String(found.ARN), Type: v.Type, Version: v.Number, Description: aws.String(v.Description),
				LastModifiedDate: aws.Time(v.Modified), LastModifiedUser: aws.String(v.User), Tier: types.ParameterTier(found.Tier), DataType: aws.String(found.DataType),
				KeyId: text(v.KeyID), AllowedPattern: text(v.AllowedPattern),
			})
			return nil
		})
	})
	return out, err
}

func (s *SSM) deleteParameter(ctx context.Context, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	return nil, s.store.Update(func(tx *store.Tx) error {
		found, _, err := get(tx, scopeOf(ctx), aws.ToString(in.Name))
		if err != nil {
			return err
		}
		return parameters.Delete(tx, scopeOf(ctx), found.Name)
	})
}

func (s *SSM) deleteParameters(ctx context.Context, in *ssm.DeleteParametersInput) (*ssm.DeleteParametersOutput, error) {
	out := &ssm.DeleteParametersOutput{}
	err := s.store.Update(func(tx *store.Tx) error {
		for _, name := range in.Names {
			_, found, err := parameters.Get(tx, scopeOf(ctx), name)
			if err == nil && found {
				out.DeletedParameters = append(out.DeletedParameters, name)
				err = parameters.Delete(tx, scopeOf(ctx), name)
			} else if err == nil {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
