package verify

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// account answers with what it has. Calls that are in denied are refused.
type account struct {
	region       string // that was asked last
	secrets      map[string]Version
	parameters   map[string]Version
	balancers    []Balancer
	groups       []TargetGroup
	targets      map[string][]Target
	bound        []string
	certificates map[string]Certificate
	zones        []Zone
	records      map[string][]Record // by zone
	denied       string
	failing      error
	calls        []string
}

func (a account) clone() account {
	a.secrets, a.parameters, a.targets = maps.Clone(a.secrets), maps.Clone(a.parameters), maps.Clone(a.targets)
	a.certificates, a.records = maps.Clone(a.certificates), maps.Clone(a.records)
	a.balancers, a.groups, a.bound, a.zones = slices.Clone(a.balancers), slices.Clone(a.groups), slices.Clone(a.bound), slices.Clone(a.zones)
	return a
}

func (a *account) call(action string) error {
	a.calls = append(a.calls, action)
	if a.denied == action {
		return &DeniedError{action}
	}
	return a.failing
}

func (a *account) Secret(_ context.Context, id, stage string) (Version, error) {
	if err := a.call("secretsmanager:DescribeSecret"); err != nil {
		return Version{}, err
	}
	v, ok := a.secrets[a.region+" "+id+" "+stage]
	if !ok {
		return v, ErrNotFound
	}
	return v, nil
}

func (a *account) Parameter(_ context.Context, name string) (Version, error) {
	if err := a.call("ssm:DescribeParameters"); err != nil {
		return Version{}, err
	}
	v, ok := a.parameters[name]
	if !ok {
		return v, ErrNotFound
	}
	return v, nil
}

func (a *account) Balancers(context.Context) ([]Balancer, error) {
	return a.balancers, a.call("elasticloadbalancing:DescribeLoadBalancers")
}

func (a *account) TargetGroups(context.Context, string) ([]TargetGroup, error) {
	return a.groups, a.call("elasticloadbalancing:DescribeTargetGroups")
}

func (a *account) Targets(_ context.Context, group string) ([]Target, error) {
	return a.targets[group], a.call("elasticloadbalancing:DescribeTargetHealth")
}

func (a *account) BoundCertificates(context.Context, string) ([]string, error) {
	return a.bound, a.call("elasticloadbalancing:DescribeListeners")
}

func (a *account) Certificate(_ context.Context, arn string) (Certificate, error) {
	if err := a.call("acm:DescribeCertificate"); err != nil {
		return Certificate{}, err
	}
	c, ok := a.certificates[arn]
	if !ok {
		return c, ErrNotFound
	}
	return c, nil
}

func (a *account) PendingCertificates(context.Context) ([]Certificate, error) {
	var all []Certificate
	for _, c := range a.certificates {
		if c.Status == "PENDING_VALIDATION" {
			all = append(all, c)
		}
	}
	return all, a.call("acm:ListCertificates")
}

func (a *account) Zones(context.Context) ([]Zone, error) {
	return a.zones, a.call("route53:ListHostedZones")
}

func (a *account) Records(_ context.Context, zone, name string) ([]Record, error) {
	var all []Record
	for _, r := range a.records[zone] {
		if strings.EqualFold(r.Name, name) {
			all = append(all, r)
		}
	}
	return all, a.call("route53:ListResourceRecordSets")
}
