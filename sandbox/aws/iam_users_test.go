package aws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func TestUsersAndTheirKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client, ctx, name := iam.NewFromConfig(w.Config), t.Context(), aws.String("ci")
	create := &iam.CreateUserInput{UserName: name, Path: aws.String("/bots/"), Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("us")}}}
	do(t, client.CreateUser, create)
	_, err := client.CreateUser(ctx, create)
	wantCode(t, err, "EntityAlreadyExists")
	_, err = client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("none")})
	wantCode(t, err, "NoSuchEntity")
	key := do(t, client.CreateAccessKey, &iam.CreateAccessKeyInput{UserName: name}).AccessKey

	w.stop() // everything is there after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = iam.NewFromConfig(w.Config)
	config := w.Copy()
	config.Credentials = static(*key.AccessKeyId, *key.SecretAccessKey)
	who := func() error {
		out, err := sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if want := "arn:aws:iam::" + account + ":user/bots/ci"; err == nil && *out.Arn != want {
			t.Errorf("the key signs for %s, want %s", *out.Arn, want)
		}
		return err
	}
	if err := who(); err != nil {
		t.Fatal(err)
	}
	if me := do(t, iam.NewFromConfig(config).GetUser, &iam.GetUserInput{}).User; *me.UserName != "ci" || *me.Tags[0].Value != "us" {
		t.Errorf("the caller is %+v", me)
	}
	if me := do(t, client.GetUser, &iam.GetUserInput{}).User; *me.UserName != "test" {
		t.Errorf("the caller is %+v", me)
	}
	do(t, client.UpdateAccessKey, &iam.UpdateAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId, Status: types.StatusTypeInactive})
	wantCode(t, who(), "InvalidClientTokenId")
	do(t, client.CreateAccessKey, &iam.CreateAccessKeyInput{UserName: name})
	_, err = client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	wantCode(t, err, "LimitExceeded")
	_, err = client.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	wantCode(t, err, "DeleteConflict")
	for _, k := range do(t, client.ListAccessKeys, &iam.ListAccessKeysInput{UserName: name}).AccessKeyMetadata {
		do(t, client.DeleteAccessKey, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: k.AccessKeyId})
	}
	_, err = client.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId})
	wantCode(t, err, "NoSuchEntity")
	if users := do(t, client.ListUsers, &iam.ListUsersInput{PathPrefix: aws.String("/bots/")}).Users; len(users) != 1 {
		t.Errorf("users = %+v", users)
	}
	do(t, client.DeleteUser, &iam.DeleteUserInput{UserName: name})
	_, err = client.GetUser(ctx, &iam.GetUserInput{UserName: name})
	wantCode(t, err, "NoSuchEntity")
	_, err = client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String("{}")})
	wantCode(t, err, "InvalidAction")
}
