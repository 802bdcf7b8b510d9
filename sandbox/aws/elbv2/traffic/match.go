package traffic

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// matching is the first rule whose conditions a request meets; the default one has
// none.
func matching(rules []types.Rule, r *http.Request) types.Rule {
	for _, rule := range rules {
		if !slices.ContainsFunc(rule.Conditions, func(c types.RuleCondition) bool { return !meets(r, c) }) {
			return rule
		}
	}
	return types.Rule{}
}

// meets reports whether a request meets a condition: one of its values.
func meets(r *http.Request, c types.RuleCondition) bool {
	anyOf := func(text string, patterns, expressions []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return like(p, text) }) ||
			slices.ContainsFunc(expressions, func(e string) bool { return expression(e).MatchString(text) })
	}
	switch aws.ToString(c.Field) {
	case "host-header":
		return anyOf(strings.ToLower(hostOf(r)), lower(c.HostHeaderConfig.Values), c.HostHeaderConfig.RegexValues)
	case "path-pattern":
		return anyOf(r.URL.Path, c.PathPatternConfig.Values, c.PathPatternConfig.RegexValues)
	case "http-header":
		return slices.ContainsFunc(r.Header.Values(aws.ToString(c.HttpHeaderConfig.HttpHeaderName)), func(v string) bool {
			return anyOf(strings.ToLower(v), lower(c.HttpHeaderConfig.Values), c.HttpHeaderConfig.RegexValues)
		})
	case "http-request-method":
		return slices.Contains(c.HttpRequestMethodConfig.Values, r.Method)
	case "query-string":
		return slices.ContainsFunc(c.QueryStringConfig.Values, func(want types.QueryStringKeyValuePair) bool { return inQuery(r.URL.Query(), want) })
	case "source-ip":
		from := clientOf(r)
		return slices.ContainsFunc(c.SourceIpConfig.Values, func(block string) bool {
			prefix, err := netip.ParsePrefix(block)
			return err == nil && prefix.Contains(from)
		})
	}
	return false
}

// inQuery reports whether a query has a pair; without a key any one with the value.
func inQuery(query url.Values, want types.QueryStringKeyValuePair) bool {
	for key, values := range query {
		if want.Key != nil && !like(strings.ToLower(*want.Key), strings.ToLower(key)) {
			continue
		}
		for _, v := range values {
			if like(strings.ToLower(aws.ToString(want.Value)), strings.ToLower(v)) {
				return true
			}
		}
	}
	return false
}

// hostOf is the name that a request asks for, without a port.
func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

func clientOf(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr()
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, one := range list {
		out[i] = strings.ToLower(one)
	}
	return out
}

// like matches * with any characters, and ? with one.
func like(pattern, text string) bool {
	star, from := -1, 0 // the last star, and where in the text it ends for now
	p := 0
	for i := 0; i < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// nothing is an expression that nothing matches.
var nothing = regexp.MustCompile(`\z.`)

var expressions sync.Map // string: *regexp.Regexp

// expression compiles a regular expression, once; one that is none matches nothing.
func expression(text string) *regexp.Regexp {
	if known, ok := expressions.Load(text); ok {
		return known.(*regexp.Regexp)
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		compiled = nothing
	}
	expressions.Store(text, compiled)
	return compiled
}
