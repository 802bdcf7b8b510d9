package iam

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// user is an IAM user. The sandbox keeps no policies of users.
type user struct {
	Name, ID, ARN, Path string
	Created             time.Time
	Tags                map[string]string
}

// accessKey is a key of a user; those of all accounts are in one table, since a key
// comes before its account.
type accessKey struct {
	ID, Secret, User, Account string
	Status                    types.StatusType
	Created                   time.Time
}

// keyLimit is how many access keys a user may have.
const keyLimit = 2

var (
	users = kind[user]{store.Table[user]{Name: "iam/users"}, func(name string) string {
		return "The user with name " + name + " cannot be found."
	}}
	accessKeys = store.Table[accessKey]{Name: "iam/access-keys"}
	anywhere   = store.Scope{Account: "access-keys"}
)

func (i *IAM) registerUsers(service *wire.Service) {
	wire.Register(service, "CreateUser", i.createUser)
	wire.Register(service, "GetUser", i.getUser)
	wire.Register(service, "ListUsers", i.listUsers)
	wire.Register(service, "DeleteUser", i.deleteUser)
	wire.Register(service, "TagUser", i.tagUser)
	wire.Register(service, "UntagUser", i.untagUser)
	wire.Register(service, "ListUserTags", i.listUserTags)
	wire.Register(service, "CreateAccessKey", i.createAccessKey)
	wire.Register(service, "ListAccessKeys", i.listAccessKeys)
	wire.Register(service, "UpdateAccessKey", i.updateAccessKey)
	wire.Register(service, "DeleteAccessKey", i.deleteAccessKey)
}

// Credential finds the access key of a user, if it is active.
func (i *IAM) Credential(accessKeyID string) (credential sigv4.Credential, found bool, err error) {
	err = i.store.View(func(tx *store.Tx) error {
		key, exists, err := accessKeys.Get(tx, anywhere, accessKeyID)
		if err != nil || !exists || key.Status != types.StatusTypeActive {
			return err
		}
		of, err := users.find(tx, store.Scope{Account: key.Account}, key.User)
		if err != nil {
			return err
		}
		found = true
		credential = sigv4.Credential{AccessKeyID: key.ID, SecretAccessKey: key.Secret, Account: key.Account, Principal: of.ARN, UserID: of.ID}
		return nil
	})
	return credential, found, err
}

func (u user) answer() *types.User {
	return &types.User{
		UserName: aws.String(u.Name), UserId: aws.String(u.ID), Arn: aws.String(u.ARN), Path: aws.String(u.Path),
		CreateDate: aws.Time(u.Created), Tags: tagList(u.Tags),
	}
}

func (i *IAM) createUser(ctx context.Context, in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.UserName)
	if len(name) > 64 || !nameForm.MatchString(name) {
		return nil, wire.Errorf("ValidationError", "The specified value for userName is invalid: it must have 1 to 64 characters of %s", nameForm)
	}
	if in.PermissionsBoundary != nil {
		return nil, wire.Errorf("InvalidInput", "The sandbox keeps no policies of users, permissions boundaries among them.")
	}
	scope := scopeOf(ctx)
	made := user{
		Name: name, Path: path, ID: "AIDA" + resource.Suffix(uuid.NewString(), 17), Created: i.pace.Now(), Tags: with(nil, in.Tags),
		ARN: "arn:aws:iam::" + scope.Account + ":user" + path + name,
	}
	return &iam.CreateUserOutput{User: made.answer()}, i.store.Update(func(tx *store.Tx) error {
		if _, exists, err := users.Get(tx, scope, name); err != nil || exists {
			if err == nil {
				err = entityExists("User with name " + name + " already exists.")
			}
			return err
		}
		return users.Put(tx, scope, name, made)
	})
}

// callingUser is the name of the user who calls; a session has none.
func callingUser(ctx context.Context, named *string) (string, error) {
	if named != nil {
		return *named, nil
	}
	principal := wire.CallOf(ctx).Principal
	_, path, ok := strings.Cut(principal, ":user/")
	if !ok {
		return "", wire.Errorf("ValidationError", "Must specify userName when calling with non-User credentials")
	}
	return path[strings.LastIndex(path, "/")+1:], nil
}

func (i *IAM) getUser(ctx context.Context, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	found, err := users.read(ctx, i, &name)
	if call := wire.CallOf(ctx); gone(err) && strings.HasSuffix(call.Principal, ":user/"+name) {
		// The users of the access keys that the sandbox was started with are in no table.
		return &iam.GetUserOutput{User: &types.User{
			UserName: &name, UserId: aws.String(call.UserID), Arn: aws.String(call.Principal), Path: aws.String("/"), CreateDate: aws.Time(time.Unix(0, 0).UTC()),
		}}, nil
	}
	return &iam.GetUserOutput{User: found.answer()}, err
}

func (i *IAM) listUsers(ctx context.Context, in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
	all, err := users.list(ctx, i)
	var under []types.User
	for _, u := range all {
		if strings.HasPrefix(u.Path, aws.ToString(in.PathPrefix)) {
			answer := u.answer()
			answer.Tags = nil // as the service leaves them out
			under = append(under, *answer)
		}
	}
	out := &iam.ListUsersOutput{}
	out.Users, out.Marker = wire.Page(under, in.Marker, in.MaxItems, 100, func(u types.User) string { return *u.UserName })
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (i *IAM) deleteUser(ctx context.Context, in *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := users.find(tx, scopeOf(ctx), aws.ToString(in.UserName))
		if err != nil {
			return err
		}
		if keys, err := keysOf(tx, scopeOf(ctx), found.Name); err != nil || len(keys) > 0 {
			if err == nil {
				err = deleteConflict("Cannot delete entity, must delete access keys first.")
			}
			return err
		}
		return users.Delete(tx, scopeOf(ctx), found.Name)
	})
}

func (i *IAM) tagUser(ctx context.Context, in *iam.TagUserInput) (*iam.TagUserOutput, error) {
	return nil, users.change(ctx, i, in.UserName, func(u *user) error {
		u.Tags = with(u.Tags, in.Tags)
		return nil
	})
}

func (i *IAM) untagUser(ctx context.Context, in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
	return nil, users.change(ctx, i, in.UserName, func(u *user) error {
		u.Tags = without(u.Tags, in.TagKeys)
		return nil
	})
}

func (i *IAM) listUserTags(ctx context.Context, in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
	found, err := users.read(ctx, i, in.UserName)
	return &iam.ListUserTagsOutput{Tags: tagList(found.Tags)}, err
}

// keysOf are the access keys of a user, by ID.
func keysOf(tx *store.Tx, scope store.Scope, name string) (keys []accessKey, err error) {
	err = accessKeys.Walk(tx, anywhere, "", func(_ string, k accessKey) error {
		if k.Account == scope.Account && k.User == name {
			keys = append(keys, k)
		}
		return nil
	})
	return keys, err
}

func (i *IAM) createAccessKey(ctx context.Context, in *iam.CreateAccessKeyInput) (*iam.CreateAccessKeyOutput, error) {
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	made := accessKey{
		ID: "AKIA" + rand.Text()[:16], Secret: rand.Text() + rand.Text()[:14], User: name, Account: scopeOf(ctx).Account,
		Status: types.StatusTypeActive, Created: i.pace.Now(),
	}
	return &iam.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
			AccessKeyId: &made.ID, SecretAccessKey: &made.Secret, UserName: &made.User, Status: made.Status, CreateDate: &made.Created,
		}}, i.store.Update(func(tx *store.Tx) error {
			if _, err := users.find(tx, scopeOf(ctx), name); err != nil {
				return err
			}
			if keys, err := keysOf(tx, scopeOf(ctx), name); err != nil || len(keys) >= keyLimit {
				if err == nil {
					err = &wire.Error{Code: "LimitExceeded", Message: "Cannot exceed quota for AccessKeysPerUser: 2", HTTPStatus: http.StatusConflict}
				}
				return err
			}
			return accessKeys.Put(tx, anywhere, made.ID, made)
		})
}

func (i *IAM) listAccessKeys(ctx context.Context, in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAccessKeysOutput{} // two at most: one page
	return out, i.store.View(func(tx *store.Tx) error {
		if _, err := users.find(tx, scopeOf(ctx), name); err != nil {
			return err
		}
		keys, err := keysOf(tx, scopeOf(ctx), name)
		for _, k := range keys {
			out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{AccessKeyId: &k.ID, UserName: &k.User, Status: k.Status, CreateDate: &k.Created})
		}
		return err
	})
}

// ownKey finds an access key of the caller's account.
func ownKey(ctx context.Context, tx *store.Tx, id *string) (accessKey, error) {
	found, exists, err := accessKeys.Get(tx, anywhere, aws.ToString(id))
	if err == nil && (!exists || found.Account != scopeOf(ctx).Account) {
		err = noSuchEntity("The Access Key with id " + aws.ToString(id) + " cannot be found.")
	}
	return found, err
}

func (i *IAM) updateAccessKey(ctx context.Context, in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	if in.Status != types.StatusTypeActive && in.Status != types.StatusTypeInactive {
		return nil, wire.Errorf("ValidationError", "The status of an access key is Active or Inactive, not %q", in.Status)
	}
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := ownKey(ctx, tx, in.AccessKeyId)
		if err != nil {
			return err
		}
		found.Status = in.Status
		return accessKeys.Put(tx, anywhere, found.ID, found)
	})
}

func (i *IAM) deleteAccessKey(ctx context.Context, in *iam.DeleteAccessKeyInput) (*iam.DeleteAccessKeyOutput, error) {
	return nil, i.store.Update(func(tx *store.Tx) error {
		found, err := ownKey(ctx, tx, in.AccessKeyId)
		if err != nil {
			return err
		}
		return accessKeys.Delete(tx, anywhere, found.ID)
	})
}
