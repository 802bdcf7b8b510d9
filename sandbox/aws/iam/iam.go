// Package iam is the sandbox's IAM, as far as stacks and the tools around them need
// it: roles with their policies, managed policies with versions, instance profiles,
// OpenID Connect providers and service-linked roles, by the API and by
// CloudFormation; users and their access keys, which sign, by the API alone. Policies are kept and shown, and never enforced: every principal
// of the sandbox may do everything, and nothing simulates them.
//
// AWS-managed policies (arn:aws:iam::aws:policy/…) can be attached by any name; the
// sandbox has none of their documents. There are no groups, and no policies of users.
//
// IAM has no regions; its state is the account's.
package iam

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// IAM is the service. It is safe for concurrent use.
type IAM struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *IAM { return &IAM{store: state, pace: pace} }

// Service returns the API.
func (i *IAM) Service() *wire.Service {
	service := &wire.Service{Name: "iam", Protocol: wire.Query, Differences: differsFromAWS, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"}
	i.registerRoles(service)
	i.registerRolePolicies(service)
	i.registerPolicies(service)
	i.registerProfiles(service)
	i.registerOpenIDProviders(service)
	i.registerUsers(service)
	return service
}

// Register adds the resource types.
func (i *IAM) Register(registry *resource.Registry) {
	registry.Register(roleProvider{i}, "AWS::IAM::Role")
	registry.Register(rolePolicyProvider{i}, "AWS::IAM::Policy", "AWS::IAM::RolePolicy")
	registry.Register(managedPolicyProvider{i}, "AWS::IAM::ManagedPolicy")
	registry.Register(profileProvider{i}, "AWS::IAM::InstanceProfile")
	registry.Register(openIDProvider{i}, "AWS::IAM::OIDCProvider")
	registry.Register(serviceRoleProvider{i}, "AWS::IAM::ServiceLinkedRole")
}

func scopeOf(ctx context.Context) store.Scope {
	return store.Scope{Account: wire.CallOf(ctx).Account}
}

// kind is what IAM keeps of one sort, by name or by ARN.
type kind[T any] struct {
	store.Table[T]
	missing func(id string) string // the message about one that is not there
}

func (k kind[T]) find(tx *store.Tx, scope store.Scope, id string) (T, error) {
	found, exists, err := k.Get(tx, scope, id)
	if err == nil && !exists {
		err = noSuchEntity(k.missing(id))
	}
	return found, err
}

// read finds one in a view of its own.
func (k kind[T]) read(ctx context.Context, i *IAM, id *string) (found T, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		found, err = k.find(tx, scopeOf(ctx), aws.ToString(id))
		return err
	})
	return found, err
}

// change runs an update of one.
func (k kind[T]) change(ctx context.Context, i *IAM, id *string, do func(*T) error) error {
	return i.store.Update(func(tx *store.Tx) error {
		found, err := k.find(tx, scopeOf(ctx), aws.ToString(id))
		if err != nil {
			return err
		}
		if err := do(&found); err != nil {
			return err
		}
		return k.Put(tx, scopeOf(ctx), aws.ToString(id), found)
	})
}

// list reads all.
func (k kind[T]) list(ctx context.Context, i *IAM) (all []T, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		all, err = k.List(tx, scopeOf(ctx), "")
		return err
	})
	return all, err
}

func noSuchEntity(message string) error {
	return &wire.Error{Code: "NoSuchEntity", Message: message, HTTPStatus: http.StatusNotFound}
}

func entityExists(message string) error {
	return &wire.Error{Code: "EntityAlreadyExists", Message: message, HTTPStatus: http.StatusConflict}
}

func deleteConflict(message string) error {
	return &wire.Error{Code: "DeleteConflict", Message: message, HTTPStatus: http.StatusConflict}
}

// checkDocument looks whether a text is a policy document at all.
func checkDocument(text string) error {
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return wire.Errorf("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	return nil
}

// escaped is a document as IAM shows it: percent-encoded, blanks too.
func escaped(document string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

// pathOf is a path that is "/" by default.
func pathOf(given *string) (string, error) {
	path := aws.ToString(given)
	if path == "" {
		path = "/"
	}
	if !strings.HasPrefix(path, "/") || !strings.HasSuffix(path, "/") {
		return "", wire.Errorf("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return path, nil
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(a, b int) bool { return *list[a].Key < *list[b].Key })
	return list
}

// with returns tags with some added, without changing the map that it gets.
func with(tags map[string]string, added []types.Tag) map[string]string {
	out := make(map[string]string, len(tags)+len(added))
	for key, value := range tags {
		out[key] = value
	}
	for _, tag := range added {
		out[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}

func without(tags map[string]string, keys []string) map[string]string {
	out := with(tags, nil)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	var own *resource.Error
	answer, expected := wire.As(err)
	if errors.As(err, &own) || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch answer.Code {
	case "EntityAlreadyExists":
		code = resource.AlreadyExists
	case "NoSuchEntity":
		code = resource.NotFound
	case "DeleteConflict":
		code = resource.ResourceConflict
	case "LimitExceeded":
		code = resource.ServiceLimitExceeded
	}
	return &resource.Error{Code: code, Message: answer.Message}
}

// gone reports whether an error says that something is not there.
func gone(err error) bool {
	answer, _ := wire.As(err)
	return err != nil && answer.Code == "NoSuchEntity"
}
