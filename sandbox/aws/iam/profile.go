package iam

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// profile is an instance profile.
type profile struct {
	Name, ID, ARN, Path string
	Role                string // the name of its role, if it has one
	Created             time.Time
	Tags                map[string]string
	Token               string
}

var profiles = kind[profile]{store.Table[profile]{Name: "iam/profiles"}, func(name string) string {
	return "Instance Profile " + name + " cannot be found."
}}

func (i *IAM) registerProfiles(service *wire.Service) {
	wire.Register(service, "CreateInstanceProfile", i.createInstanceProfile)
	wire.Register(service, "GetInstanceProfile", i.getInstanceProfile)
	wire.Register(service, "DeleteInstanceProfile", i.deleteInstanceProfile)
	wire.Register(service, "ListInstanceProfiles", i.listInstanceProfiles)
	wire.Register(service, "ListInstanceProfilesForRole", i.listInstanceProfilesForRole)
	wire.Register(service, "AddRoleToInstanceProfile", i.addRoleToInstanceProfile)
	wire.Register(service, "RemoveRoleFromInstanceProfile", i.removeRoleFromInstanceProfile)
	wire.Register(service, "TagInstanceProfile", i.tagInstanceProfile)
	wire.Register(service, "UntagInstanceProfile", i.untagInstanceProfile)
	wire.Register(service, "ListInstanceProfileTags", i.listInstanceProfileTags)
}

func (i *IAM) newProfile(account, path, name, token string) (profile, error) {
	if len(name) > 128 || !nameForm.MatchString(name) {
		return profile{}, wire.Errorf("ValidationError", "The specified value for instanceProfileName is invalid: it must have 1 to 128 characters of %s", nameForm)
	}
	return profile{
		Name: name, Path: path, ID: "AIPA" + resource.Suffix(token, 17), Created: i.pace.Now(), Token: token,
		ARN: "arn:aws:iam::" + account + ":instance-profile" + path + name,
	}, nil
}

// addProfile puts a new profile into the store. One of the same token is the same call.
func addProfile(tx *store.Tx, scope store.Scope, made profile) error {
	old, exists, err := profiles.Get(tx, scope, made.Name)
	if err != nil || exists && old.Token == made.Token {
		return err
	}
	if exists {
		return entityExists("Instance Profile " + made.Name + " already exists.")
	}
	return profiles.Put(tx, scope, made.Name, made)
}

func (p profile) answer(tx *store.Tx, scope store.Scope) (types.InstanceProfile, error) {
	answer := types.InstanceProfile{
		InstanceProfileName: aws.String(p.Name), InstanceProfileId: aws.String(p.ID), Arn: aws.String(p.ARN), Path: aws.String(p.Path),
		CreateDate: aws.Time(p.Created), Roles: []types.Role{}, Tags: tagList(p.Tags),
	}
	if p.Role == "" {
		return answer, nil
	}
	held, err := roles.find(tx, scope, p.Role)
	if err != nil {
		return answer, fmt.Errorf("instance profile %s: %w", p.Name, err)
	}
	answer.Roles = append(answer.Roles, *held.answer())
	return answer, nil
}

func (i *IAM) createInstanceProfile(ctx context.Context, in *iam.CreateInstanceProfileInput) (*iam.CreateInstanceProfileOutput, error) {
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	made, err := i.newProfile(scopeOf(ctx).Account, path, aws.ToString(in.InstanceProfileName), uuid.NewString())
	if err != nil {
		return nil, err
	}
	made.Tags = with(nil, in.Tags)
	out := &iam.CreateInstanceProfileOutput{}
	return out, i.store.Update(func(tx *store.Tx) error {
		answer, err := made.answer(tx, scopeOf(ctx))
		if err != nil {
			return err
		}
		out.InstanceProfile = &answer
		return addProfile(tx, scopeOf(ctx), made)
	})
}

func (i *IAM) getInstanceProfile(ctx context.Context, in *iam.GetInstanceProfileInput) (*iam.GetInstanceProfileOutput, error) {
	out := &iam.GetInstanceProfileOutput{}
	return out, i.store.View(func(tx *store.Tx) error {
		found, err := profiles.find(tx, scopeOf(ctx), aws.ToString(in.InstanceProfileName))
		if err != nil {
			return err
		}
		answer, err := found.answer(tx, scopeOf(ctx))
		out.InstanceProfile = &answer
		return err
	})
}

func (i *IAM) deleteInstanceProfile(ctx context.Context, in *iam.DeleteInstanceProfileInput) (*iam.DeleteInstanceProfileOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := profiles.find(tx, scopeOf(ctx), aws.ToString(in.InstanceProfileName))
		if err == nil && found.Role != "" {
			err = deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		if err != nil {
			return err
		}
		return profiles.Delete(tx, scopeOf(ctx), found.Name)
	})
}

// listed are the profiles that pass a test.
func (i *IAM) listed(ctx context.Context, passes func(profile) bool) (all []types.InstanceProfile, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		return profiles.Walk(tx, scopeOf(ctx), "", func(_ string, p profile) error {
			if !passes(p) {
				return nil
			}
			answer, err := p.answer(tx, scopeOf(ctx))
			answer.Tags = nil // as the service leaves them out
			all = append(all, answer)
			return err
		})
	})
	return all, err
}

func profileName(p types.InstanceProfile) string { return *p.InstanceProfileName }

func (i *IAM) listInstanceProfiles(ctx context.Context, in *iam.ListInstanceProfilesInput) (*iam.ListInstanceProfilesOutput, error) {
	all, err := i.listed(ctx, func(p profile) bool { return strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) })
	out := &iam.ListInstanceProfilesOutput{}
	out.InstanceProfiles, out.Marker = wire.Page(all, in.Marker, in.MaxItems, 100, profileName)
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (i *IAM) listInstanceProfilesForRole(ctx context.Context, in *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	if _, err := roles.read(ctx, i, in.RoleName); err != nil {
		return nil, err
	}
	all, err := i.listed(ctx, func(p profile) bool { return p.Role == *in.RoleName })
	out := &iam.ListInstanceProfilesForRoleOutput{}
	out.InstanceProfiles, out.Marker = wire.Page(all, in.Marker, in.MaxItems, 100, profileName)
	out.IsTruncated = out.Marker != nil
	return out, err
}

// put gives a profile its one role.
func (p *profile) put(tx *store.Tx, scope store.Scope, roleName string) error {
	if _, err := roles.find(tx, scope, roleName); err != nil {
		return err
	}
	if p.Role != "" {
		return &wire.Error{Code: "LimitExceeded", Message: "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", HTTPStatus: 409}
	}
	p.Role = roleName
	return nil
}

func (i *IAM) addRoleToInstanceProfile(ctx context.Context, in *iam.AddRoleToInstanceProfileInput) (*iam.AddRoleToInstanceProfileOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := profiles.find(tx, scopeOf(ctx), aws.ToString(in.InstanceProfileName))
		if err != nil {
			return err
		}
		if err := found.put(tx, scopeOf(ctx), aws.ToString(in.RoleName)); err != nil {
			return err
		}
		return profiles.Put(tx, scopeOf(ctx), found.Name, found)
	})
}

func (i *IAM) removeRoleFromInstanceProfile(ctx context.Context, in *iam.RemoveRoleFromInstanceProfileInput) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	return nil, profiles.change(ctx, i, in.InstanceProfileName, func(p *profile) error {
		if p.Role == "" || p.Role != aws.ToString(in.RoleName) {
			return noSuchEntity("The role with name " + aws.ToString(in.RoleName) + " cannot be found in instance profile " + p.Name + ".")
		}
		p.Role = ""
		return nil
	})
}

func (i *IAM) tagInstanceProfile(ctx context.Context, in *iam.TagInstanceProfileInput) (*iam.TagInstanceProfileOutput, error) {
	return nil, profiles.change(ctx, i, in.InstanceProfileName, func(p *profile) error {
		p.Tags = with(p.Tags, in.Tags)
		return nil
	})
}

func (i *IAM) untagInstanceProfile(ctx context.Context, in *iam.UntagInstanceProfileInput) (*iam.UntagInstanceProfileOutput, error) {
	return nil, profiles.change(ctx, i, in.InstanceProfileName, func(p *profile) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
}

func (i *IAM) listInstanceProfileTags(ctx context.Context, in *iam.ListInstanceProfileTagsInput) (*iam.ListInstanceProfileTagsOutput, error) {
	found, err := profiles.read(ctx, i, in.InstanceProfileName)
	return &iam.ListInstanceProfileTagsOutput{Tags: tagList(found.Tags)}, err
}

// profileProvider drives AWS::IAM::InstanceProfile. Its physical ID is the name.
type profileProvider struct{ *IAM }

func (p profileProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String("InstanceProfileName")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 128)
	}
	path, err := path(properties)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	made, err := p.newProfile(request.Account, path, name, request.Token)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	scope := store.Scope{Account: request.Account}
	err = p.store.Update(func(tx *store.Tx) error {
		if err := made.set(tx, scope, request); err != nil {
			return err
		}
		return addProfile(tx, scope, made)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return made.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p profileProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account}
	var found profile
	err := p.store.Update(func(tx *store.Tx) (err error) {
		if found, err = profiles.find(tx, scope, request.PhysicalID); err != nil {
			return err
		}
		if err := found.set(tx, scope, request); err != nil {
			return err
		}
		return profiles.Put(tx, scope, found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return found.state(), p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

func (p profileProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account}
	if err := p.store.Update(func(tx *store.Tx) error { return profiles.Delete(tx, scope, request.PhysicalID) }); err != nil {
		return err
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

func (p *profile) set(tx *store.Tx, scope store.Scope, request resource.Request) error {
	wanted, err := resource.Props(request.Properties).Strings("Roles")
	if err != nil {
		return err
	}
	p.Role, p.Tags = "", request.Tags
	for _, name := range wanted {
		if err := p.put(tx, scope, name); err != nil {
			return err
		}
	}
	return nil
}

func (p profile) state() resource.State {
	return resource.State{PhysicalID: p.Name, Ref: p.Name, Attributes: map[string]any{"Arn": p.ARN}}
}
