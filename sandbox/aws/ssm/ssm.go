// Package ssm is the sandbox's Systems Manager Parameter Store: parameters with
// versions, its API, and the resource type AWS::SSM::Parameter.
//
// A parameter is named "a" or "/path/to/a"; every put makes a version, counted
// from 1, of which the last 100 are kept. "name:3" reads version 3, and "name:live"
// the one with the label live. A SecureString is kept as it is, and is only readable
// with WithDecryption; without it callers get a text that is not the value. The tier
// says how large a value may be; policies of parameters are refused.
package ssm

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// SSM is the service. It is safe for concurrent use.
type SSM struct {
	store *store.Store
	pace  *simtime.Pace
}

// New returns the service over a store.
func New(state *store.Store, pace *simtime.Pace) *SSM { return &SSM{store: state, pace: pace} }

type parameter struct {
	Name, ARN, Tier, DataType string
	Tags                      map[string]string
	Versions                  []version // the newest last
	// Token of the CloudFormation operation that made or changed it last.
	Token string
}

type version struct {
	Number                                   int64
	Type                                     types.ParameterType
	Value, Description, AllowedPattern, User string
	KeyID                                    string // of a SecureString
	Modified                                 time.Time
	Labels                                   []string
}

var parameters = store.Table[parameter]{Name: "ssm/parameters"}

// keptVersions is how many versions of a parameter the service keeps.
const keptVersions = 100

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// put is one write of a parameter.
type put struct {
	name, value, description, pattern, dataType, tier, user, token, keyID string
	kind                                                                  types.ParameterType
	overwrite                                                             bool
	tags                                                                  map[string]string
}

func (s *SSM) put(tx *store.Tx, scope store.Scope, p put) (parameter, error) {
	if len(p.name) > 1011 || !nameForm.MatchString(p.name) || strings.Contains(p.name, "//") || strings.Contains(p.name, "/") && !strings.HasPrefix(p.name, "/") {
		return parameter{}, wire.Errorf("ValidationException",
			"Parameter name %q must consist of letters, digits and .-_/, and a name with a path must begin with a slash.", p.name)
	}
	if p.value == "" {
		return parameter{}, wire.Errorf("ValidationException", "The value of parameter %s is empty.", p.name)
	}
	found, exists, err := parameters.Get(tx, scope, p.name)
	if err != nil {
		return parameter{}, err
	}
	if exists && !p.overwrite {
		return parameter{}, &types.ParameterAlreadyExists{Message: aws.String(
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")}
	}
	next := version{Number: 1, Type: p.kind, Value: p.value, Description: p.description, AllowedPattern: p.pattern, User: p.user, Modified: s.pace.Now()}
	if exists {
		last := found.Versions[len(found.Versions)-1]
		next.Number = last.Number + 1
		if next.Type == "" {
			next.Type = last.Type
		}
	} else {
		found = parameter{
			Name: p.name, Tier: "Standard", DataType: "text",
			ARN: "arn:aws:ssm:" + scope.Region + ":" + scope.Account + ":parameter/" + strings.TrimPrefix(p.name, "/"),
		}
	}
	switch next.Type {
	case types.ParameterTypeString, types.ParameterTypeStringList, types.ParameterTypeSecureString:
	case "":
		return parameter{}, wire.Errorf("ValidationException", "A parameter type is required when you create a parameter.")
	default:
		return parameter{}, &types.UnsupportedParameterType{Message: aws.String("The parameter type " + string(next.Type) + " is not supported.")}
	}
	if next.Type == types.ParameterTypeSecureString {
		if next.KeyID = p.keyID; next.KeyID == "" {
			next.KeyID = "alias/aws/ssm"
		}
	} else if p.keyID != "" {
		return parameter{}, wire.Errorf("ValidationException", "KeyId is required for SecureString type parameter only.")
	}
	if p.pattern != "" {
		pattern, err := regexp.Compile(p.pattern)
		if err != nil {
			return parameter{}, &types.InvalidAllowedPatternException{Message: aws.String("The allowed pattern is no regular expression.")}
		}
		if !pattern.MatchString(p.value) {
			return parameter{}, &types.ParameterPatternMismatchException{Message: aws.String(
				"Parameter value, cannot be validated against allowedPattern: " + p.pattern)}
		}
	}
	if p.dataType != "" {
		found.DataType = p.dataType
	}
	if err := found.setTier(p.tier, len(p.value)); err != nil {
		return parameter{}, err
	}
	if p.tags != nil {
		found.Tags = p.tags
	}
	found.Token = p.token
	found.Versions = append(found.Versions, next)
	if extra := len(found.Versions) - keptVersions; extra > 0 {
		if labels := found.Versions[0].Labels; len(labels) > 0 {
			return parameter{}, &types.ParameterMaxVersionLimitExceeded{Message: aws.String(fmt.Sprintf(
				"You attempted to create a new version of %s by calling the PutParameter API. Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.",
				found.Name, found.Versions[0].Number))}
		}
		found.Versions = found.Versions[extra:]
	}
	return found, parameters.Put(tx, scope, p.name, found)
}

// The largest values of the tiers, in bytes.
const (
	standardSize = 4096
	advancedSize = 8192
)

// setTier gives the parameter the tier that was asked for, or the one that its value
// needs where that is Intelligent-Tiering. No way leads back to Standard.
func (found *parameter) setTier(asked string, size int) error {
	tier, advanced := found.Tier, string(types.ParameterTierAdvanced)
	switch types.ParameterTier(asked) {
	case "":
	case types.ParameterTierStandard:
		if found.Tier == advanced && len(found.Versions) > 0 {
			return wire.Errorf("ValidationException", "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
		}
		tier = asked
	case types.ParameterTierAdvanced:
		tier = asked
	case types.ParameterTierIntelligentTiering:
		if size > standardSize {
			tier = advanced
		}
	default:
		return wire.Errorf("ValidationException", "Tier %q is none of %v.", asked, types.ParameterTier("").Values())
	}
	limit := standardSize
	if tier == advanced {
		limit = advancedSize
	}
	if size > limit {
		return wire.Errorf("ValidationException", "%s tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", tier, limit)
	}
	found.Tier = tier
	return nil
}

// get finds a parameter and its version by "name", "name:3", "name:label" or ARN.
func get(tx *store.Tx, scope store.Scope, id string) (parameter, version, error) {
	name := id
	if rest, ok := strings.CutPrefix(id, "arn:aws:ssm:"+scope.Region+":"+scope.Account+":parameter/"); ok {
		name = rest
		if strings.Contains(rest, "/") {
			name = "/" + rest
		} else if _, found, err := parameters.Get(tx, scope, rest); err == nil && !found {
			name = "/" + rest
		}
	}
	name, selector, _ := strings.Cut(name, ":")
	found, exists, err := parameters.Get(tx, scope, name)
	if err != nil {
		return found, version{}, err
	}
	if !exists {
		return found, version{}, &types.ParameterNotFound{Message: aws.String("Parameter " + name + " not found.")}
	}
	if selector == "" {
		return found, found.Versions[len(found.Versions)-1], nil
	}
	for _, v := range found.Versions {
		if strconv.FormatInt(v.Number, 10) == selector {
			return found, v, nil
		}
		for _, label := range v.Labels {
			if label == selector {
				return found, v, nil
			}
		}
	}
	return found, version{}, &types.ParameterVersionNotFound{Message: aws.String("Systems Manager could not find version " + selector + " of " + name + ".")}
}

// Value returns the value of "name" or "name:version", decrypted: what
// {{resolve:ssm:…}} and template parameters of SSM types stand for. Secure tells
// whether it is a SecureString, which must not be shown.
func (s *SSM) Value(_ context.Context, account, region, id string) (value string, secure bool, err error) {
	err = s.store.View(func(tx *store.Tx) error {
		_, v, err := get(tx, store.Scope{Account: account, Region: region}, id)
		value, secure = v.Value, v.Type == types.ParameterTypeSecureString
		return err
	})
	return value, secure, err
}

func (found parameter) answer(v version, decrypt bool, selector string) types.Parameter {
	value := v.Value
	if v.Type == types.ParameterTypeSecureString && !decrypt {
		value = "encrypted:" + strconv.FormatInt(v.Number, 10)
	}
	p := types.Parameter{
		Name: aws.String(found.Name), ARN: aws.String(found.ARN), Type: v.Type, Value: aws.String(value),
		Version: v.Number, LastModifiedDate: aws.Time(v.Modified), DataType: aws.String(found.DataType),
	}
	if selector != "" {
		p.Selector = aws.String(":" + selector)
	}
	return p
}

// position sorts the versions of a parameter.
func (v version) position() string { return fmt.Sprintf("%019d", v.Number) }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
