// Package sts is the sandbox's Security Token Service: who the caller is, and
// sessions that a caller gets by taking on a role, by a web identity or for itself.
//
// A session is an access key of its own, with a token, kept in the store until it
// expires; [STS.Credential] finds it for the verification of signatures. Any
// principal may take on any role of any account of the sandbox: roles are named,
// not looked up, so that the roles that tools assume need not be made first.
//
// A web identity's token must be a JSON Web Token of an issuer that the role's
// account has as an OpenID Connect provider, for one of its client IDs, and in its
// time. Its signature is not verified: that would need the issuer's keys, and the
// sandbox opens no connection.
package sts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// STS is the service. It is safe for concurrent use.
type STS struct {
	store   *store.Store
	pace    *simtime.Pace
	issuers Issuers
}

// Issuers knows the OpenID Connect providers of accounts.
type Issuers interface {
	// ClientIDs are those of the provider at https://host; found is false where
	// the account has no such provider.
	ClientIDs(account, host string) (ids []string, found bool, err error)
}

// sessions are kept apart from accounts, since an access key comes before one.
var (
	sessions = store.Table[sigv4.Credential]{Name: "sts/sessions"}
	anywhere = store.Scope{Account: "sessions"}
)

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace, issuers Issuers) *STS {
	return &STS{store: state, pace: pace, issuers: issuers}
}

// Credential finds the session of an access key.
func (s *STS) Credential(accessKeyID string) (credential sigv4.Credential, found bool, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		credential, found, err = sessions.Get(tx, anywhere, accessKeyID)
		return err
	})
	return credential, found, err
}

// Service returns the API.
func (s *STS) Service() *wire.Service {
	service := &wire.Service{Name: "sts", Protocol: wire.Query, Differences: differsFromAWS, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Unsigned: []string{"AssumeRoleWithWebIdentity"}}
	wire.Register(service, "GetCallerIdentity", s.getCallerIdentity)
	wire.Register(service, "AssumeRole", s.assumeRole)
	wire.Register(service, "AssumeRoleWithWebIdentity", s.assumeRoleWithWebIdentity)
	wire.Register(service, "GetSessionToken", s.getSessionToken)
	wire.Register(service, "DecodeAuthorizationMessage", s.decodeAuthorizationMessage)
	return service
}

func (s *STS) getCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	call := wire.CallOf(ctx)
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(call.Account), Arn: aws.String(call.Principal), UserId: aws.String(call.UserID),
	}, nil
}

var (
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(.+)$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

func (s *STS) assumeRole(_ context.Context, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	user, credentials, err := s.assume(in.RoleArn, in.RoleSessionName, in.DurationSeconds)
	return &sts.AssumeRoleOutput{AssumedRoleUser: user, Credentials: credentials}, err
}

// assume begins a session of a role.
func (s *STS) assume(arn, sessionNamed *string, duration *int32) (*types.AssumedRoleUser, *types.Credentials, error) {
	role := roleARN.FindStringSubmatch(aws.ToString(arn))
	if role == nil {
		return nil, nil, wire.Errorf("ValidationError", "%s is invalid", aws.ToString(arn))
	}
	name := aws.ToString(sessionNamed)
	if !sessionName.MatchString(name) {
		return nil, nil, wire.Errorf("ValidationError", "roleSessionName must match %s", sessionName)
	}
	account, roleName := role[1], role[2][strings.LastIndex(role[2], "/")+1:]
	user := &types.AssumedRoleUser{
		Arn:           aws.String(fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, roleName, name)),
		AssumedRoleId: aws.String("AROA" + random(16) + ":" + name),
	}
	credentials, err := s.begin(sigv4.Credential{Account: account, Principal: *user.Arn, UserID: *user.AssumedRoleId}, duration, 3600, 43200)
	return user, credentials, err
}

// begin makes a session for whom session says, of the asked for length in seconds.
func (s *STS) begin(session sigv4.Credential, duration *int32, byDefault, longest int32) (*types.Credentials, error) {
	seconds := byDefault
	if duration != nil {
		seconds = *duration
	}
	if seconds < 900 || seconds > longest {
		return nil, wire.Errorf("ValidationError", "durationSeconds must be between 900 and %d, not %d", longest, seconds)
	}
	now := s.pace.Now()
	session.AccessKeyID, session.SecretAccessKey, session.SessionToken = "ASIA"+random(16), secret(30), secret(120)
	session.Expires = now.Add(time.Duration(seconds) * time.Second)
	err := s.store.Update(func(tx *store.Tx) error {
		if err := sweep(tx, now); err != nil {
			return err
		}
		return sessions.Put(tx, anywhere, session.AccessKeyID, session)
	})
	return &types.Credentials{
		AccessKeyId: aws.String(session.AccessKeyID), SecretAccessKey: aws.String(session.SecretAccessKey),
		SessionToken: aws.String(session.SessionToken), Expiration: aws.Time(session.Expires),
	}, err
}

// remembered is how long an ended session is told from one that never was.
const remembered = 24 * time.Hour

// sweep deletes the sessions that ended long ago.
func sweep(tx *store.Tx, now time.Time) error {
	var ended []string
	err := sessions.Walk(tx, anywhere, "", func(key string, old sigv4.Credential) error {
		if now.After(old.Expires.Add(remembered)) {
			ended = append(ended, key)
		}
		return nil
	})
	for _, key := range ended {
		if err == nil {
			err = sessions.Delete(tx, anywhere, key)
		}
	}
	return err
}

// getSessionToken begins a session for the caller, who must be none of a session.
func (s *STS) getSessionToken(ctx context.Context, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	call := wire.CallOf(ctx)
	if strings.Contains(call.Principal, ":assumed-role/") {
		return nil, &wire.Error{Code: "AccessDenied", Message: "Cannot call GetSessionToken with session credentials", HTTPStatus: http.StatusForbidden}
	}
	credentials, err := s.begin(sigv4.Credential{Account: call.Account, Principal: call.Principal, UserID: call.UserID}, in.DurationSeconds, 43200, 129600)
	return &sts.GetSessionTokenOutput{Credentials: credentials}, err
}

// decodeAuthorizationMessage takes no message: the sandbox never denies, and so never
// made one.
func (s *STS) decodeAuthorizationMessage(context.Context, *sts.DecodeAuthorizationMessageInput) (*sts.DecodeAuthorizationMessageOutput, error) {
	return nil, wire.Errorf("InvalidAuthorizationMessageException", "Message is not valid: the sandbox denies nothing, and encodes no authorization messages.")
}

// random returns n characters of those that access keys have.
func random(n int) string {
	return rand.Text()[:n]
}

func secret(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the program first
	return base64.StdEncoding.EncodeToString(raw)
}
