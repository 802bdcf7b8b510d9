// Package ssm is the sandbox's Systems Manager Parameter Store: parameters with
// versions, its API, and the resource type AWS::SSM::Parameter.
//
// A parameter is named "a" or "/path/to/a"; every put makes a version, counted
// from 1, of which the last 100 are kept. "name:3" reads version 3. A SecureString
// is kept as it is, and is only readable with WithDecryption; without it callers
// get a text that is not the value.
package ssm

import (
	"context"
	"regexp"
	"sort"
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
	Modified                                 time.Time
	Labels                                   []string
}

var parameters = store.Table[parameter]{Name: "ssm/parameters"}

// keptVersions is how many versions of a parameter the service keeps.
const keptVersions = 100

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// put is one write of a parameter.
type put struct {
	name, value, description, pattern, dataType, tier, user, token string
	kind                                                           types.ParameterType
	overwrite                                                      bool
	tags                                                           map[string]string
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
	if p.tier != "" {
		found.Tier = p.tier
	}
	if p.tags != nil {
		found.Tags = p.tags
	}
	found.Token = p.token
	found.Versions = append(found.Versions, next)
	if extra := len(found.Versions) - keptVersions; extra > 0 {
		found.Versions = found.Versions[extra:]
	}
	return found, parameters.Put(tx, scope, p.name, found)
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

func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	sort.Slice(list, func(i, j int) bool { return *list[i].Key < *list[j].Key })
	return list
}
