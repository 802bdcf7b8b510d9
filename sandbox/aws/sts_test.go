package aws_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// as is a configuration with the credentials of a session.
func (w *world) as(c *types.Credentials) aws.Config {
	config := w.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return config
}

func TestSessionToken(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Dir: dir, Clock: clock})
	token := do(t, sts.NewFromConfig(w.Config).GetSessionToken, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)})
	w.stop() // a session outlives a restart
	w = start(t, sandbox.Options{Dir: dir, Clock: clock})
	config := w.as(token.Credentials)
	who := do(t, sts.NewFromConfig(config).GetCallerIdentity, &sts.GetCallerIdentityInput{})
	if want := "arn:aws:iam::" + account + ":user/test"; *who.Arn != want {
		t.Errorf("the session is %s, want %s", *who.Arn, want)
	}
	client := sts.NewFromConfig(w.Config)
	assumed := do(t, client.AssumeRole, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/r"), RoleSessionName: aws.String("me")})
	_, err := sts.NewFromConfig(w.as(assumed.Credentials)).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	wantCode(t, err, "AccessDenied")
	_, err = client.DecodeAuthorizationMessage(t.Context(), &sts.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("x")})
	wantCode(t, err, "InvalidAuthorizationMessageException")

	clock.Advance(901 * time.Second)
	_, err = sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "ExpiredToken")
	_, err = ssm.NewFromConfig(config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("x")})
	wantCode(t, err, "ExpiredTokenException")
	_, err = s3.NewFromConfig(config).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	wantCode(t, err, "ExpiredToken")
}

func TestWebIdentity(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	do(t, iam.NewFromConfig(w.Config).CreateOpenIDConnectProvider, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://cluster.local/id"), ClientIDList: []string{"sts.amazonaws.com"},
	})
	token := func(issuer, audience string, expires time.Time) *string {
		payload := fmt.Sprintf(`{"iss":%q,"sub":"system:serviceaccount:a:b","aud":[%q],"exp":%d}`, issuer, audience, expires.Unix())
		return aws.String("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
	}
	// The client has no credentials: the token is all that says who it is.
	config := w.Copy()
	config.Credentials = aws.AnonymousCredentials{}
	client, later := sts.NewFromConfig(config), time.Now().Add(time.Hour)
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/pod"), RoleSessionName: aws.String("pod")}
	for _, test := range []struct {
		name  string
		token *string
		code  string
	}{
		{"no token at all", aws.String("x"), "InvalidIdentityToken"},
		{"another issuer", token("https://other", "sts.amazonaws.com", later), "InvalidIdentityToken"},
		{"another audience", token("https://cluster.local/id", "other", later), "InvalidIdentityToken"},
		{"expired", token("https://cluster.local/id", "sts.amazonaws.com", time.Now().Add(-time.Hour)), "ExpiredTokenException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in.WebIdentityToken = test.token
			_, err := client.AssumeRoleWithWebIdentity(t.Context(), in)
			wantCode(t, err, test.code)
		})
	}
	in.WebIdentityToken = token("https://cluster.local/id", "sts.amazonaws.com", later)
	out := do(t, client.AssumeRoleWithWebIdentity, in)
	who := do(t, sts.NewFromConfig(w.as(out.Credentials)).GetCallerIdentity, &sts.GetCallerIdentityInput{})
	if want := "arn:aws:sts::" + account + ":assumed-role/pod/pod"; *who.Arn != want || *out.SubjectFromWebIdentityToken != "system:serviceaccount:a:b" {
		t.Errorf("the session is %s for %s, want %s", *who.Arn, *out.SubjectFromWebIdentityToken, want)
	}
	_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: in.RoleArn, RoleSessionName: in.RoleSessionName})
	if err == nil {
		t.Error("AssumeRole without a signature succeeded")
	}
}
