package rds

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// parameterGroup is a group of the parameters of instances or of clusters. It knows
// the parameters that were set and no others: the sandbox has no list of what each
// engine takes, and every parameter is one that may be set.
type parameterGroup struct {
	Name, Family, Description, ARN string
	Values                         map[string]parameterValue
	Tags                           map[string]string
	Token                          string // of the CloudFormation operation that made it
}

type parameterValue struct {
	Value string
	Apply types.ApplyMethod
}

// parameterKind is one of the two kinds of groups.
type parameterKind struct {
	table store.Table[parameterGroup]
	arn   string // what stands in its ARN: "pg"
	noun  string
}

var (
	instanceParameters = parameterKind{store.Table[parameterGroup]{Name: "rds/parameter-groups"}, "pg", "DBParameterGroup"}
	clusterParameters  = parameterKind{store.Table[parameterGroup]{Name: "rds/cluster-parameter-groups"}, "cluster-pg", "DBClusterParameterGroup"}
)

var groupForm = regexp.MustCompile(`^[a-z](-?[a-z0-9.]){0,254}$`)

func (k parameterKind) newGroup(scope store.Scope, name, family, description string) (parameterGroup, error) {
	name = strings.ToLower(name)
	if !groupForm.MatchString(name) || strings.HasPrefix(name, "default.") {
		return parameterGroup{}, invalid("The parameter %sName is not a valid identifier: %q: letters, digits and single hyphens, beginning with a letter.", k.noun, name)
	}
	if !slices.Contains(families(), family) {
		return parameterGroup{}, invalid("ParameterGroupFamily %s is not a valid parameter group family: the sandbox has %s.", family, strings.Join(families(), ", "))
	}
	if description == "" {
		return parameterGroup{}, invalid("The parameter Description must be provided and must not be blank.")
	}
	return parameterGroup{Name: name, Family: family, Description: description, ARN: k.arnOf(scope, name), Values: map[string]parameterValue{}}, nil
}

func (k parameterKind) arnOf(scope store.Scope, name string) string {
	return "arn:aws:rds:" + scope.Region + ":" + scope.Account + ":" + k.arn + ":" + name
}

// add puts a new group into the store. One of the same token is the same call.
func (k parameterKind) add(tx *store.Tx, scope store.Scope, made parameterGroup) error {
	old, exists, err := k.table.Get(tx, scope, made.Name)
	if err != nil || exists && made.Token != "" && old.Token == made.Token {
		return err
	}
	if exists {
		return wire.Errorf("DBParameterGroupAlreadyExists", "Parameter group %s already exists", made.Name)
	}
	return k.table.Put(tx, scope, made.Name, made)
}

// find returns a group. Those that are the default of a family are always there.
func (k parameterKind) find(tx *store.Tx, scope store.Scope, name string) (parameterGroup, error) {
	name = strings.ToLower(name)
	if family, ok := strings.CutPrefix(name, "default."); ok && slices.Contains(families(), family) {
		return parameterGroup{Name: name, Family: family, Description: "Default parameter group for " + family, ARN: k.arnOf(scope, name)}, nil
	}
	found, exists, err := k.table.Get(tx, scope, name)
	if err == nil && !exists {
		err = &wire.Error{Code: "DBParameterGroupNotFound", Message: k.noun + " not found: " + name, HTTPStatus: 404}
	}
	return found, err
}

// own returns a group that may be changed.
func (k parameterKind) own(tx *store.Tx, scope store.Scope, name string) (parameterGroup, error) {
	found, err := k.find(tx, scope, name)
	if err == nil && strings.HasPrefix(found.Name, "default.") {
		err = wire.Errorf("InvalidDBParameterGroupState", "A default %s cannot be changed or deleted: %s", k.noun, found.Name)
	}
	return found, err
}

// list returns all groups, the defaults too, by name.
func (k parameterKind) list(tx *store.Tx, scope store.Scope) ([]parameterGroup, error) {
	all, err := k.table.List(tx, scope, "")
	for _, family := range families() {
		found, findErr := k.find(tx, scope, "default."+family)
		if findErr != nil {
			return nil, findErr
		}
		all = append(all, found)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all, err
}

// remove deletes a group that no instance has.
func (k parameterKind) remove(tx *store.Tx, r *RDS, scope store.Scope, name string) error {
	found, err := k.own(tx, scope, name)
	if err != nil {
		return err
	}
	err = instances.Walk(tx, scope, "", func(id string, stored instance) error {
		now, there := stored.at(r.pace.Now())
		if there && k.arn == instanceParameters.arn && slices.ContainsFunc(now.DBParameterGroups, func(g types.DBParameterGroupStatus) bool {
			return aws.ToString(g.DBParameterGroupName) == found.Name
		}) {
			return wire.Errorf("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group %s, so the group cannot be deleted: %s", found.Name, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return k.table.Delete(tx, scope, found.Name)
}

// set changes parameters of a group.
func (g *parameterGroup) set(parameters []types.Parameter) error {
	if len(parameters) == 0 || len(parameters) > 20 {
		return invalid("A call changes 1 to 20 parameters, not %d.", len(parameters))
	}
	if g.Values == nil {
		g.Values = map[string]parameterValue{}
	}
	for _, p := range parameters {
		name := aws.ToString(p.ParameterName)
		if name == "" || p.ApplyMethod != types.ApplyMethodImmediate && p.ApplyMethod != types.ApplyMethodPendingReboot {
			return invalid("Parameter %q needs a name, and the ApplyMethod immediate or pending-reboot.", name)
		}
		g.Values[name] = parameterValue{aws.ToString(p.ParameterValue), p.ApplyMethod}
	}
	return nil
}

// reset takes the values of parameters away: of all where none is named.
func (g *parameterGroup) reset(all *bool, parameters []types.Parameter) error {
	if aws.ToBool(all) {
		g.Values = map[string]parameterValue{}
		return nil
	}
	if len(parameters) == 0 {
		return invalid("Name the parameters to reset, or set ResetAllParameters.")
	}
	for _, p := range parameters {
		delete(g.Values, aws.ToString(p.ParameterName))
	}
	return nil
}

// answer is the parameters that were set, which are all of the source "user".
func (g parameterGroup) answer(source *string) []types.Parameter {
	var out []types.Parameter
	if source != nil && *source != "user" {
		return nil
	}
	for name, v := range g.Values {
		out = append(out, types.Parameter{
			ParameterName: aws.String(name), ParameterValue: aws.String(v.Value), ApplyMethod: v.Apply,
			Source: aws.String("user"), IsModifiable: aws.Bool(true), DataType: aws.String("string"),
		})
	}
	sort.Slice(out, func(i, j int) bool { return *out[i].ParameterName < *out[j].ParameterName })
	return out
}

func (g parameterGroup) ofInstances() types.DBParameterGroup {
	return types.DBParameterGroup{DBParameterGroupName: &g.Name, DBParameterGroupFamily: &g.Family, Description: &g.Description, DBParameterGroupArn: &g.ARN}
}

func (g parameterGroup) ofClusters() types.DBClusterParameterGroup {
	return types.DBClusterParameterGroup{DBClusterParameterGroupName: &g.Name, DBParameterGroupFamily: &g.Family, Description: &g.Description, DBClusterParameterGroupArn: &g.ARN}
}
