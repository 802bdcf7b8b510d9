package secretsmanager

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// secretProvider drives AWS::SecretsManager::Secret. Its physical ID is the ARN.
type secretProvider struct{ *SecretsManager }

func (p secretProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	name, err := properties.String("Name")
	if err != nil {
		return resource.State{}, err
	}
	if name == "" {
		name = resource.Name(request, 200)
	}
	scope := store.Scope{Account: request.Account, Region: request.Region}
	var state resource.State
	err = p.store.Update(func(tx *store.Tx) error {
		if old, found, err := secrets.Get(tx, scope, name); err != nil {
			return err
		} else if found && old.Token == request.Token {
			state = stateOf(old)
			return nil
		}
		made, err := p.newSecret(tx, scope, name, request.Token)
		if err != nil {
			return err
		}
		if err := p.set(&made, request, nil); err != nil {
			return err
		}
		state = stateOf(made)
		return secrets.Put(tx, scope, name, made)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Create))
}

func (p secretProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	var state resource.State
	err := p.store.Update(func(tx *store.Tx) error {
		found, err := p.find(tx, scope, request.PhysicalID)
		if err != nil {
			return err
		}
		if err := p.set(&found, request, request.Previous); err != nil {
			return err
		}
		state = stateOf(found)
		return secrets.Put(tx, scope, found.Name, found)
	})
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return state, p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Update))
}

// Delete leaves no recovery window, as CloudFormation does not.
func (p secretProvider) Delete(ctx context.Context, request resource.Request) error {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err := p.store.Update(func(tx *store.Tx) error {
		found, err := p.find(tx, scope, request.PhysicalID)
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) {
			return nil
		}
		if err != nil {
			return err
		}
		return secrets.Delete(tx, scope, found.Name)
	})
	if err != nil {
		return refusal(err)
	}
	return p.pace.Wait(ctx, p.pace.End(request.Type, simtime.Delete))
}

// set gives a secret what its properties say. A value is written only where the
// properties for it changed, so that an update of a tag keeps the password.
func (p secretProvider) set(found *secret, request resource.Request, previous resource.Props) error {
	properties := resource.Props(request.Properties)
	var err error
	if found.Description, err = properties.String("Description"); err != nil {
		return err
	}
	if found.KMSKeyID, err = properties.String("KmsKeyId"); err != nil {
		return err
	}
	if found.Tags, err = properties.Tags("Tags", request.Tags); err != nil {
		return err
	}
	if properties.Has("ReplicaRegions") {
		return noReplicas()
	}
	if properties.Has("SecretString") && properties.Has("GenerateSecretString") {
		return resource.Invalid("You can't specify both SecretString and GenerateSecretString")
	}
	id := versionID("", request.Token)
	if _, err := found.value(id, ""); err == nil {
		return nil // the same call again
	}
	var value string
	switch {
	case properties.Has("SecretString") && !reflect.DeepEqual(properties["SecretString"], previous["SecretString"]):
		value, err = properties.String("SecretString")
	case properties.Has("GenerateSecretString") && !reflect.DeepEqual(properties["GenerateSecretString"], previous["GenerateSecretString"]):
		var rules resource.Props
		if rules, err = properties.Object("GenerateSecretString"); err == nil {
			value, err = generateSecretString(rules)
		}
	case previous == nil && !properties.Has("SecretString"):
		// With neither property CloudFormation generates a password by the defaults.
		value, err = generateSecretString(nil)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return found.put(version{ID: id, String: &value, Created: p.pace.Now(), Stages: []string{Current}})
}

func stateOf(found secret) resource.State {
	return resource.State{PhysicalID: found.ARN, Ref: found.ARN, Attributes: map[string]any{"Id": found.ARN}}
}

// Targets says where the databases are that secrets are attached to.
type Targets interface {
	// Target returns how to reach the target of a type, such as
	// "AWS::RDS::DBInstance", and of an ID. One that is not there is a
	// [resource.Error] with code NotFound.
	Target(ctx context.Context, account, region, targetType, targetID string) (Target, error)
}

// Target is what an attachment writes into its secret.
type Target struct {
	Engine, Host, DBName string
	Port                 int
	// IdentifierKey is "dbInstanceIdentifier" for an instance.
	IdentifierKey, Identifier string
}

// attachmentProvider drives AWS::SecretsManager::SecretTargetAttachment: it writes
// the connection details of a database into a secret that holds a JSON object.
type attachmentProvider struct{ *SecretsManager }

func (p attachmentProvider) Create(ctx context.Context, request resource.Request) (resource.State, error) {
	properties := resource.Props(request.Properties)
	secretID, err := properties.Required("SecretId")
	if err != nil {
		return resource.State{}, err
	}
	targetType, err := properties.Required("TargetType")
	if err != nil {
		return resource.State{}, err
	}
	targetID, err := properties.Required("TargetId")
	if err != nil {
		return resource.State{}, err
	}
	target, err := p.targets.Target(ctx, request.Account, request.Region, targetType, targetID)
	if err != nil {
		return resource.State{}, err
	}
	details := map[string]any{"engine": target.Engine, "host": target.Host, "port": target.Port, target.IdentifierKey: target.Identifier}
	if target.DBName != "" {
		details["dbname"] = target.DBName
	}
	arn, err := p.write(request, secretID, details)
	if err != nil {
		return resource.State{}, refusal(err)
	}
	return resource.State{PhysicalID: arn, Ref: arn, Attributes: map[string]any{"Id": arn}}, nil
}

func (p attachmentProvider) Update(ctx context.Context, request resource.Request) (resource.State, error) {
	return p.Create(ctx, request)
}

// Delete takes the connection details out again; a secret that has gone before
// has none.
func (p attachmentProvider) Delete(_ context.Context, request resource.Request) error {
	details := map[string]any{"engine": nil, "host": nil, "port": nil, "dbname": nil, "dbInstanceIdentifier": nil, "dbClusterIdentifier": nil}
	_, err := p.write(request, request.PhysicalID, details)
	var gone *types.ResourceNotFoundException
	if errors.As(err, &gone) {
		return nil
	}
	return refusal(err)
}

// write lays details over the JSON object in a secret; nil takes a key out.
func (p attachmentProvider) write(request resource.Request, secretID string, details map[string]any) (arn string, err error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	err = p.store.Update(func(tx *store.Tx) error {
		found, err := p.live(tx, scope, secretID)
		if err != nil {
			return err
		}
		arn = found.ARN
		id := versionID("", request.Token)
		if _, err := found.value(id, ""); err == nil {
			return nil // the same call again
		}
		current, err := found.value("", Current)
		if err != nil {
			return err
		}
		object := map[string]any{}
		if err := json.Unmarshal([]byte(aws.ToString(current.String)), &object); err != nil {
			return resource.Invalid("The secret %s must hold a JSON object to be attached to a database", found.Name)
		}
		for key, value := range details {
			if value == nil {
				delete(object, key)
			} else {
				object[key] = value
			}
		}
		text, err := marshal(object)
		if err != nil {
			return err
		}
		if text == aws.ToString(current.String) {
			return nil
		}
		if err := found.put(version{ID: id, String: &text, Created: p.pace.Now(), Stages: []string{Current}}); err != nil {
			return err
		}
		return secrets.Put(tx, scope, found.Name, found)
	})
	return arn, err
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	var (
		missing *types.ResourceNotFoundException
		exists  *types.ResourceExistsException
		request *types.InvalidRequestException
		wrong   *types.InvalidParameterException
	)
	switch {
	case errors.As(err, &missing):
		return &resource.Error{Code: resource.NotFound, Message: missing.ErrorMessage()}
	case errors.As(err, &exists):
		return &resource.Error{Code: resource.AlreadyExists, Message: exists.ErrorMessage()}
	case errors.As(err, &request):
		return &resource.Error{Code: resource.InvalidRequest, Message: request.ErrorMessage()}
	case errors.As(err, &wrong):
		return &resource.Error{Code: resource.InvalidRequest, Message: wrong.ErrorMessage()}
	}
	return err
}
