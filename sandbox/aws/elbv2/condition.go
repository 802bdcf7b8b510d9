package elbv2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// maxValues is how many values the conditions of a rule may have.
const maxValues = 5

// conditioned returns the conditions of a rule as they are kept and shown: host
// names and paths in both of their forms.
func conditioned(list []types.RuleCondition) ([]types.RuleCondition, error) {
	if len(list) == 0 {
		return nil, invalid("A condition must be specified")
	}
	out := slices.Clone(list)
	total := 0
	for i := range out {
		c := &out[i]
		n := 0
		switch field := aws.ToString(c.Field); field {
		case "host-header":
			config := &types.HostHeaderConditionConfig{}
			if c.HostHeaderConfig != nil {
				*config = *c.HostHeaderConfig
			}
			c.Values, config.Values = both(c.Values, config.Values)
			c.HostHeaderConfig, n = config, len(config.Values)+len(config.RegexValues)
		case "path-pattern":
			config := &types.PathPatternConditionConfig{}
			if c.PathPatternConfig != nil {
				*config = *c.PathPatternConfig
			}
			c.Values, config.Values = both(c.Values, config.Values)
			c.PathPatternConfig, n = config, len(config.Values)+len(config.RegexValues)
		case "http-header":
			if c.HttpHeaderConfig != nil && aws.ToString(c.HttpHeaderConfig.HttpHeaderName) != "" {
				n = len(c.HttpHeaderConfig.Values) + len(c.HttpHeaderConfig.RegexValues)
			}
		case "http-request-method":
			if c.HttpRequestMethodConfig != nil {
				n = len(c.HttpRequestMethodConfig.Values)
			}
		case "query-string":
			if c.QueryStringConfig != nil {
				n = len(c.QueryStringConfig.Values)
			}
		case "source-ip":
			if c.SourceIpConfig != nil {
				n = len(c.SourceIpConfig.Values)
			}
		default:
			return nil, invalid("Condition field '%s' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'", field)
		}
		if n == 0 {
			return nil, invalid("A condition value must be specified for the field '%s'", *c.Field)
		}
		total += n
	}
	if total > maxValues {
		return nil, wire.Errorf("ValidationError", "A rule can only have '%d' condition values", maxValues)
	}
	return out, nil
}

// both are the values of a condition that has them in an old and a new form.
func both(old, new []string) ([]string, []string) {
	if len(new) == 0 {
		return old, old
	}
	return new, new
}
