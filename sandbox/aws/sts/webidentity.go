package sts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// claims are what a web identity's token says.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  float64  `json:"exp"` // seconds since 1970
}

// audience is one text or a list of them.
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

func invalidToken(reason string) error { return wire.Errorf("InvalidIdentityToken", "%s", reason) }

// readToken returns what a JSON Web Token claims.
func readToken(token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c claims
	if err != nil || json.Unmarshal(payload, &c) != nil || c.Issuer == "" || c.Subject == "" {
		return claims{}, invalidToken("The web identity token provided could not be validated: it must have the claims iss and sub")
	}
	return c, nil
}

func (s *STS) assumeRoleWithWebIdentity(_ context.Context, in *sts.AssumeRoleWithWebIdentityInput) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	role := roleARN.FindStringSubmatch(aws.ToString(in.RoleArn))
	if role == nil {
		return nil, wire.Errorf("ValidationError", "%s is invalid", aws.ToString(in.RoleArn))
	}
	token, err := readToken(aws.ToString(in.WebIdentityToken))
	if err != nil {
		return nil, err
	}
	accepted, found, err := s.issuers.ClientIDs(role[1], strings.TrimPrefix(token.Issuer, "https://"))
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, invalidToken("No OpenIDConnect provider found in your account for " + token.Issuer)
	case s.pace.Now().After(time.Unix(int64(token.Expires), 0)):
		return nil, wire.Errorf("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
	}
	i := slices.IndexFunc(token.Audience, func(a string) bool { return slices.Contains(accepted, a) })
	if i < 0 {
		return nil, invalidToken("Incorrect token audience")
	}
	user, credentials, err := s.assume(in.RoleArn, in.RoleSessionName, in.DurationSeconds)
	return &sts.AssumeRoleWithWebIdentityOutput{
		AssumedRoleUser: user, Credentials: credentials, Audience: &token.Audience[i], Provider: &token.Issuer, SubjectFromWebIdentityToken: &token.Subject,
	}, err
}
