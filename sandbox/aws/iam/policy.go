package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// policy is a managed policy of the account; its key is its ARN.
type policy struct {
	Name, ID, ARN, Path, Description string
	Created, Updated                 time.Time
	Versions                         []policyVersion // the oldest first
	Default                          string          // the ID of a version
	Last                             int             // the number of the newest version that there ever was
	Tags                             map[string]string
	Token                            string
}

type policyVersion struct {
	ID, Document string
	Created      time.Time
}

// versionLimit is how many versions a policy may have.
const versionLimit = 5

var policies = kind[policy]{store.Table[policy]{Name: "iam/policies"}, func(arn string) string {
	if awsManaged(arn) {
		return "The sandbox has no documents of AWS-managed policies, such as " + arn + "; it takes them where they are attached."
	}
	return "Policy " + arn + " was not found."
}}

func (i *IAM) registerPolicies(service *wire.Service) {
	wire.Register(service, "CreatePolicy", i.createPolicy)
	wire.Register(service, "GetPolicy", i.getPolicy)
	wire.Register(service, "ListPolicies", i.listPolicies)
	wire.Register(service, "DeletePolicy", i.deletePolicy)
	wire.Register(service, "CreatePolicyVersion", i.createPolicyVersion)
	wire.Register(service, "GetPolicyVersion", i.getPolicyVersion)
	wire.Register(service, "ListPolicyVersions", i.listPolicyVersions)
	wire.Register(service, "DeletePolicyVersion", i.deletePolicyVersion)
	wire.Register(service, "SetDefaultPolicyVersion", i.setDefaultPolicyVersion)
	wire.Register(service, "ListEntitiesForPolicy", i.listEntitiesForPolicy)
	wire.Register(service, "TagPolicy", i.tagPolicy)
	wire.Register(service, "UntagPolicy", i.untagPolicy)
	wire.Register(service, "ListPolicyTags", i.listPolicyTags)
}

// newPolicy is a policy with its first version. Its ID follows from the token.
func (i *IAM) newPolicy(account, path, name, document, token string) (policy, error) {
	if len(name) > 128 || !nameForm.MatchString(name) {
		return policy{}, wire.Errorf("ValidationError", "The specified value for policyName is invalid: it must have 1 to 128 characters of %s", nameForm)
	}
	made := policy{
		Name: name, Path: path, ID: "ANPA" + resource.Suffix(token, 17), Created: i.pace.Now(), Token: token,
		ARN: "arn:aws:iam::" + account + ":policy" + path + name,
	}
	_, err := made.addVersion(document, true, made.Created)
	return made, err
}

// addPolicy puts a new policy into the store. One of the same token is the same call.
func addPolicy(tx *store.Tx, scope store.Scope, made policy) error {
	old, exists, err := policies.Get(tx, scope, made.ARN)
	if err != nil || exists && old.Token == made.Token {
		return err
	}
	if exists {
		return entityExists("A policy called " + made.Name + " already exists. Duplicate names are not allowed.")
	}
	return policies.Put(tx, scope, made.ARN, made)
}

func (p *policy) addVersion(document string, byDefault bool, now time.Time) (policyVersion, error) {
	if err := checkDocument(document); err != nil {
		return policyVersion{}, err
	}
	if len(p.Versions) == versionLimit {
		return policyVersion{}, &wire.Error{Code: "LimitExceeded", HTTPStatus: 409, Message: fmt.Sprintf(
			"A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", versionLimit)}
	}
	p.Last++
	made := policyVersion{ID: fmt.Sprintf("v%d", p.Last), Document: document, Created: now}
	p.Versions = append(p.Versions, made)
	p.Updated = now
	if byDefault {
		p.Default = made.ID
	}
	return made, nil
}

func (p policy) version(id string) (policyVersion, error) {
	for _, v := range p.Versions {
		if v.ID == id {
			return v, nil
		}
	}
	return policyVersion{}, noSuchEntity("Policy " + p.ARN + " version " + id + " does not exist or is not attachable.")
}

func (p policy) answerVersion(v policyVersion, document bool) types.PolicyVersion {
	answer := types.PolicyVersion{VersionId: aws.String(v.ID), IsDefaultVersion: v.ID == p.Default, CreateDate: aws.Time(v.Created)}
	if document {
		answer.Document = escaped(v.Document)
	}
	return answer
}

// holders are the roles that a policy is attached to.
func holders(tx *store.Tx, scope store.Scope, arn string) (list []role, err error) {
	err = roles.Walk(tx, scope, "", func(_ string, r role) error {
		if slices.Contains(r.Managed, arn) {
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

func (p policy) answer(tx *store.Tx, scope store.Scope) (types.Policy, error) {
	attached, err := holders(tx, scope, p.ARN)
	answer := types.Policy{
		PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID), Arn: aws.String(p.ARN), Path: aws.String(p.Path),
		DefaultVersionId: aws.String(p.Default), AttachmentCount: aws.Int32(int32(len(attached))), PermissionsBoundaryUsageCount: aws.Int32(0),
		IsAttachable: true, CreateDate: aws.Time(p.Created), UpdateDate: aws.Time(p.Updated), Tags: tagList(p.Tags),
	}
	if p.Description != "" {
		answer.Description = aws.String(p.Description)
	}
	return answer, err
}

func (i *IAM) createPolicy(ctx context.Context, in *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	made, err := i.newPolicy(scopeOf(ctx).Account, path, aws.ToString(in.PolicyName), aws.ToString(in.PolicyDocument), uuid.NewString())
	if err != nil {
		return nil, err
	}
	made.Description, made.Tags = aws.ToString(in.Description), with(nil, in.Tags)
	out := &iam.CreatePolicyOutput{}
	return out, i.store.Update(func(tx *store.Tx) error {
		if err := addPolicy(tx, scopeOf(ctx), made); err != nil {
			return err
		}
		answer, err := made.answer(tx, scopeOf(ctx))
		out.Policy = &answer
		return err
	})
}

func (i *IAM) getPolicy(ctx context.Context, in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	out := &iam.GetPolicyOutput{}
	return out, i.store.View(func(tx *store.Tx) error {
		found, err := policies.find(tx, scopeOf(ctx), aws.ToString(in.PolicyArn))
		if err != nil {
			return err
		}
		answer, err := found.answer(tx, scopeOf(ctx))
		out.Policy = &answer
		return err
	})
}

// listPolicies lists the account's own policies: AWS's are too many to be here.
func (i *IAM) listPolicies(ctx context.Context, in *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	out := &iam.ListPoliciesOutput{}
	if in.Scope == types.PolicyScopeTypeAws {
		return nil, wire.Errorf("InvalidInput", "The sandbox has no list of AWS-managed policies: ask for Scope Local.")
	}
	var all []types.Policy
	err := i.store.View(func(tx *store.Tx) error {
		return policies.Walk(tx, scopeOf(ctx), "", func(_ string, p policy) error {
			if !strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) {
				return nil
			}
			answer, err := p.answer(tx, scopeOf(ctx))
			answer.Tags, answer.Description = nil, nil // as the service leaves them out
			if !in.OnlyAttached || *answer.AttachmentCount > 0 {
				all = append(all, answer)
			}
			return err
		})
	})
	out.Policies, out.Marker = wire.Page(all, in.Marker, in.MaxItems, 100, func(p types.Policy) string { return *p.Arn })
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (i *IAM) deletePolicy(ctx context.Context, in *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := policies.find(tx, scopeOf(ctx), aws.ToString(in.PolicyArn))
		if err != nil {
			return err
		}
		attached, err := holders(tx, scopeOf(ctx), found.ARN)
		switch {
		case err != nil:
			return err
		case len(attached) > 0:
			return deleteConflict("Cannot delete a policy attached to entities.")
		case len(found.Versions) > 1:
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return policies.Delete(tx, scopeOf(ctx), found.ARN)
	})
}

func (i *IAM) createPolicyVersion(ctx context.Context, in *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	out := &iam.CreatePolicyVersionOutput{}
	return out, policies.change(ctx, i, in.PolicyArn, func(p *policy) error {
		made, err := p.addVersion(aws.ToString(in.PolicyDocument), in.SetAsDefault, i.pace.Now())
		answer := p.answerVersion(made, false)
		out.PolicyVersion = &answer
		return err
	})
}

func (i *IAM) getPolicyVersion(ctx context.Context, in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
	found, err := policies.read(ctx, i, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := found.version(aws.ToString(in.VersionId))
	answer := found.answerVersion(v, true)
	return &iam.GetPolicyVersionOutput{PolicyVersion: &answer}, err
}

func (i *IAM) listPolicyVersions(ctx context.Context, in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	found, err := policies.read(ctx, i, in.PolicyArn)
	out := &iam.ListPolicyVersionsOutput{} // five at most: one page
	for _, v := range slices.Backward(found.Versions) {
		out.Versions = append(out.Versions, found.answerVersion(v, false))
	}
	return out, err
}

func (i *IAM) deletePolicyVersion(ctx context.Context, in *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	return nil, policies.change(ctx, i, in.PolicyArn, func(p *policy) error {
		id := aws.ToString(in.VersionId)
		if _, err := p.version(id); err != nil {
			return err
		}
		if id == p.Default {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v policyVersion) bool { return v.ID == id })
		return nil
	})
}

func (i *IAM) setDefaultPolicyVersion(ctx context.Context, in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	return nil, policies.change(ctx, i, in.PolicyArn, func(p *policy) error {
		v, err := p.version(aws.ToString(in.VersionId))
		p.Default, p.Updated = v.ID, i.pace.Now()
		return err
	})
}

func (i *IAM) listEntitiesForPolicy(ctx context.Context, in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	out := &iam.ListEntitiesForPolicyOutput{}
	var all []types.PolicyRole
	err := i.store.View(func(tx *store.Tx) error {
		if err := attachable(tx, scopeOf(ctx), aws.ToString(in.PolicyArn)); err != nil {
			return err
		}
		list, err := holders(tx, scopeOf(ctx), *in.PolicyArn)
		for _, r := range list {
			if strings.HasPrefix(r.Path, aws.ToString(in.PathPrefix)) && (in.EntityFilter == "" || in.EntityFilter == types.EntityTypeRole) {
				all = append(all, types.PolicyRole{RoleName: aws.String(r.Name), RoleId: aws.String(r.ID)})
			}
		}
		return err
	})
	out.PolicyRoles, out.Marker = wire.Page(all, in.Marker, in.MaxItems, 100, func(r types.PolicyRole) string { return *r.RoleName })
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (i *IAM) tagPolicy(ctx context.Context, in *iam.TagPolicyInput) (*iam.TagPolicyOutput, error) {
	return nil, policies.change(ctx, i, in.PolicyArn, func(p *policy) error {
		p.Tags = with(p.Tags, in.Tags)
		return nil
	})
}

func (i *IAM) untagPolicy(ctx context.Context, in *iam.UntagPolicyInput) (*iam.UntagPolicyOutput, error) {
	return nil, policies.change(ctx, i, in.PolicyArn, func(p *policy) error {
		p.Tags = without(p.Tags, in.TagKeys)
		return nil
	})
}

func (i *IAM) listPolicyTags(ctx context.Context, in *iam.ListPolicyTagsInput) (*iam.ListPolicyTagsOutput, error) {
	found, err := policies.read(ctx, i, in.PolicyArn)
	return &iam.ListPolicyTagsOutput{Tags: tagList(found.Tags)}, err
}
