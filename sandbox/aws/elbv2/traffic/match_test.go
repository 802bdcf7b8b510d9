package traffic

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	host := func(values ...string) types.RuleCondition {
		return types.RuleCondition{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: values}}
	}
	path := func(values ...string) types.RuleCondition {
		return types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{Values: values}}
	}
	query := func(key *string, value string) types.RuleCondition {
		return types.RuleCondition{Field: aws.String("query-string"), QueryStringConfig: &types.QueryStringConditionConfig{
			Values: []types.QueryStringKeyValuePair{{Key: key, Value: aws.String(value)}},
		}}
	}
	header := func(name string, values ...string) types.RuleCondition {
		return types.RuleCondition{Field: aws.String("http-header"), HttpHeaderConfig: &types.HttpHeaderConditionConfig{HttpHeaderName: aws.String(name), Values: values}}
	}
	from := func(blocks ...string) types.RuleCondition {
		return types.RuleCondition{Field: aws.String("source-ip"), SourceIpConfig: &types.SourceIpConditionConfig{Values: blocks}}
	}
	r := httptest.NewRequest(http.MethodPost, "http://Ghost.example.test:20080/blog/a?Draft=Yes&x=1", nil)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11)")
	for name, test := range map[string]struct {
		c    types.RuleCondition
		want bool
	}{
		"host":                      {host("ghost.example.test"), true},
		"host, one of two":          {host("a.test", "*.EXAMPLE.test"), true},
		"host, one character":       {host("?host.example.test"), true},
		"another host":              {host("example.test"), false},
		"path":                      {path("/blog/*"), true},
		"path, all of it":           {path("/blog"), false},
		"paths have a case":         {path("/Blog/*"), false},
		"path by expression":        {types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{RegexValues: []string{"^/b[a-z]+/"}}}, true},
		"an expression that's none": {types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{RegexValues: []string{"("}}}, false},
		"query":                     {query(aws.String("draft"), "y?s"), true},
		"query, any key":            {query(nil, "1"), true},
		"query, another key":        {query(aws.String("y"), "1"), false},
		"header":                    {header("user-agent", "*mozilla*"), true},
		"header, another value":     {header("user-agent", "curl*"), false},
		"no such header":            {header("X-Team", "*"), false},
		"method":                    {types.RuleCondition{Field: aws.String("http-request-method"), HttpRequestMethodConfig: &types.HttpRequestMethodConditionConfig{Values: []string{"GET", "POST"}}}, true},
		"client":                    {from("10.0.0.0/8", "192.0.2.0/24"), true},
		"another client":            {from("10.0.0.0/8"), false},
	} {
		if got := meets(r, test.c); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
	rules := []types.Rule{
		{RuleArn: aws.String("both"), Conditions: []types.RuleCondition{host("ghost.example.test"), path("/admin*")}},
		{RuleArn: aws.String("host"), Conditions: []types.RuleCondition{host("ghost.example.test")}},
		{RuleArn: aws.String("default")},
	}
	if got := *matching(rules, r).RuleArn; got != "host" {
		t.Errorf("rule %s, want host", got)
	}
	r.Host = "other.test"
	if got := *matching(rules, r).RuleArn; got != "default" {
		t.Errorf("rule %s, want default", got)
	}
}

func TestLike(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "a/b", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abbcd", false},
		{"*ab*ab", "abab", true}, {"*ab*ab", "ab", false}, {"a?c*", "abc", true}, {"[a]", "a", false}, {"a**", "a", true},
	} {
		if got := like(test.pattern, test.text); got != test.want {
			t.Errorf("like(%q, %q) = %t", test.pattern, test.text, got)
		}
	}
}

func TestMatcherOfStatuses(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]bool{"200": true, "201": false, "200-299": true, "301, 200": true, "300-399": false, "": false} {
		if got := matches(list, 200); got != want {
			t.Errorf("matches(%q, 200) = %t", list, got)
		}
	}
}
