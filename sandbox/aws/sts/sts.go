// Package sts is the sandbox's Security Token Service: who the caller is, and
// sessions that a caller gets by taking on a role.
//
// A session is an access key of its own, with a token, kept in the store until it
// expires; [STS.Credential] finds it for the verification of signatures. Any
// principal may take on any role of any account of the sandbox: roles are named,
// not looked up, so that the roles that tools assume need not be made first.
package sts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
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
	store *store.Store
	pace  *simtime.Pace
}

// sessions are kept apart from accounts, since an access key comes before one.
var (
	sessions = store.Table[sigv4.Credential]{Name: "sts/sessions"}
	anywhere = store.Scope{Account: "sessions"}
)

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *STS { return &STS{store: state, pace: pace} }

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
	service := &wire.Service{Name: "sts", Protocol: wire.Query, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}
	wire.Register(service, "GetCallerIdentity", s.getCallerIdentity)
	wire.Register(service, "AssumeRole", s.assumeRole)
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
	role := roleARN.FindStringSubmatch(aws.ToString(in.RoleArn))
	if role == nil {
		return nil, wire.Errorf("ValidationError", "%s is invalid", aws.ToString(in.RoleArn))
	}
	name := aws.ToString(in.RoleSessionName)
	if !sessionName.MatchString(name) {
		return nil, wire.Errorf("ValidationError", "roleSessionName must match %s", sessionName)
	}
	seconds := int32(3600)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	if seconds < 900 || seconds > 43200 {
		return nil, wire.Errorf("ValidationError", "durationSeconds must be between 900 and 43200, not %d", seconds)
	}
	now := s.pace.Now()
	account, roleName := role[1], role[2][strings.LastIndex(role[2], "/")+1:]
	roleID := "AROA" + random(16)
	session := sigv4.Credential{
		AccessKeyID: "ASIA" + random(16), SecretAccessKey: secret(30), SessionToken: secret(120),
		Expires: now.Add(time.Duration(seconds) * time.Second), Account: account,
		Principal: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, roleName, name),
		UserID:    roleID + ":" + name,
	}
	err := s.store.Update(func(tx *store.Tx) error {
		var ended []string
		err := sessions.Walk(tx, anywhere, "", func(key string, old sigv4.Credential) error {
			if now.After(old.Expires) {
				ended = append(ended, key)
			}
			return nil
		})
		for _, key := range ended {
			if err == nil {
				err = sessions.Delete(tx, anywhere, key)
			}
		}
		if err != nil {
			return err
		}
		return sessions.Put(tx, anywhere, session.AccessKeyID, session)
	})
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: &types.AssumedRoleUser{Arn: aws.String(session.Principal), AssumedRoleId: aws.String(session.UserID)},
		Credentials: &types.Credentials{
			AccessKeyId: aws.String(session.AccessKeyID), SecretAccessKey: aws.String(session.SecretAccessKey),
			SessionToken: aws.String(session.SessionToken), Expiration: aws.Time(session.Expires),
		},
	}, nil
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
