package iam

import (
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// global is the region in which the Tagging API lists what has no region.
const global = "us-east-1"

// Tagged lists the roles, policies, instance profiles, OpenID Connect providers and
// users for the Tagging API.
func (i *IAM) Tagged(tx *store.Tx, scope store.Scope) ([]resource.Tagged, error) {
	if scope.Region != global {
		return nil, nil
	}
	account := store.Scope{Account: scope.Account}
	var out []resource.Tagged
	add := func(arn string, tags map[string]string) error {
		out = append(out, resource.Tagged{ARN: arn, Tags: tags})
		return nil
	}
	for _, walk := range []func() error{
		func() error {
			return roles.Walk(tx, account, "", func(_ string, r role) error { return add(r.ARN, r.Tags) })
		},
		func() error {
			return policies.Walk(tx, account, "", func(_ string, p policy) error { return add(p.ARN, p.Tags) })
		},
		func() error {
			return profiles.Walk(tx, account, "", func(_ string, p profile) error { return add(p.ARN, p.Tags) })
		},
		func() error {
			return issuers.Walk(tx, account, "", func(_ string, p issuer) error { return add(p.ARN, p.Tags) })
		},
		func() error {
			return users.Walk(tx, account, "", func(_ string, u user) error { return add(u.ARN, u.Tags) })
		},
	} {
		if err := walk(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Retag changes the tags of one of them.
func (i *IAM) Retag(tx *store.Tx, scope store.Scope, arn string, change func(map[string]string)) (bool, error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+scope.Account+":")
	if !ok || scope.Region != global {
		return false, nil
	}
	sort, _, _ := strings.Cut(rest, "/")
	name := rest[strings.LastIndex(rest, "/")+1:]
	account := store.Scope{Account: scope.Account}
	changed := func(tags map[string]string) map[string]string {
		tags = with(tags, nil)
		change(tags)
		return tags
	}
	switch sort {
	case "role":
		return edit(tx, account, roles, name, func(r *role) { r.Tags = changed(r.Tags) })
	case "instance-profile":
		return edit(tx, account, profiles, name, func(p *profile) { p.Tags = changed(p.Tags) })
	case "user":
		return edit(tx, account, users, name, func(u *user) { u.Tags = changed(u.Tags) })
	case "policy":
		return edit(tx, account, policies, arn, func(p *policy) { p.Tags = changed(p.Tags) })
	case "oidc-provider":
		return edit(tx, account, issuers, arn, func(p *issuer) { p.Tags = changed(p.Tags) })
	}
	return false, nil
}

func edit[T any](tx *store.Tx, scope store.Scope, k kind[T], id string, do func(*T)) (bool, error) {
	found, exists, err := k.Get(tx, scope, id)
	if err != nil || !exists {
		return false, err
	}
	do(&found)
	return true, k.Put(tx, scope, id, found)
}
