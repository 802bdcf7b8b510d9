package rds

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// engine is one of the engines of the sandbox.
type engine struct {
	port        int32
	version     string   // that an instance gets that asks for none
	versions    []string // that are listed; an instance may ask for others
	description string
	majorParts  int // how many numbers of a version its parameter group family has
}

var engines = map[string]engine{
	"mysql":    {3306, "8.4.6", []string{"8.0.43", "8.4.6"}, "MySQL Community Edition", 2},
	"mariadb":  {3306, "11.8.3", []string{"10.11.14", "11.4.8", "11.8.3"}, "MariaDb Community Edition", 2},
	"postgres": {5432, "17.6", []string{"15.14", "16.10", "17.6"}, "PostgreSQL", 1},
}

// classes are the instance classes that are listed; an instance may be of any other.
var classes = []string{
	"db.m6g.large", "db.m7g.large", "db.r6g.large", "db.r7g.large",
	"db.t3.medium", "db.t3.micro", "db.t3.small", "db.t4g.medium", "db.t4g.micro", "db.t4g.small",
}

func major(name, version string) string {
	parts := strings.Split(version, ".")
	return strings.Join(parts[:min(engines[name].majorParts, len(parts))], ".")
}

// familyOf is the parameter group family of a version: "mysql8.4", "postgres17".
func familyOf(name, version string) string { return name + major(name, version) }

// families are those of all versions that are listed.
func families() []string {
	var out []string
	for name, e := range engines {
		for _, version := range e.versions {
			out = append(out, familyOf(name, version))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func license(name string) string {
	if name == "postgres" {
		return "postgresql-license"
	}
	return "general-public-license"
}

func (r *RDS) describeDBEngineVersions(_ context.Context, in *rds.DescribeDBEngineVersionsInput) (*rds.DescribeDBEngineVersionsOutput, error) {
	if len(in.Filters) > 0 {
		return nil, invalid("The sandbox has no filters of engine versions.")
	}
	names := make([]string, 0, len(engines))
	for name := range engines {
		if in.Engine == nil || *in.Engine == name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []types.DBEngineVersion
	for _, name := range names {
		e := engines[name]
		for _, version := range e.versions {
			if in.EngineVersion != nil && version != *in.EngineVersion && !strings.HasPrefix(version, *in.EngineVersion+".") ||
				in.DBParameterGroupFamily != nil && familyOf(name, version) != *in.DBParameterGroupFamily ||
				aws.ToBool(in.DefaultOnly) && in.EngineVersion == nil && version != e.version {
				continue
			}
			all = append(all, types.DBEngineVersion{
				Engine: aws.String(name), EngineVersion: aws.String(version), MajorEngineVersion: aws.String(major(name, version)),
				DBParameterGroupFamily: aws.String(familyOf(name, version)), DBEngineDescription: aws.String(e.description),
				DBEngineVersionDescription: aws.String(e.description + " " + version), Status: aws.String(available),
			})
		}
	}
	out := &rds.DescribeDBEngineVersionsOutput{}
	out.DBEngineVersions, out.Marker = wire.Page(all, in.Marker, in.MaxRecords, 100, func(v types.DBEngineVersion) string { return *v.Engine + "/" + *v.EngineVersion })
	return out, nil
}

func (r *RDS) describeOrderableDBInstanceOptions(ctx context.Context, in *rds.DescribeOrderableDBInstanceOptionsInput) (*rds.DescribeOrderableDBInstanceOptionsOutput, error) {
	if len(in.Filters) > 0 {
		return nil, invalid("The sandbox has no filters of orderable options.")
	}
	name := aws.ToString(in.Engine)
	e, ok := engines[name]
	if !ok {
		return nil, invalid("Invalid DB engine: %s: the sandbox has mariadb, mysql and postgres.", name)
	}
	scope := scopeOf(ctx)
	subnets, err := r.network.DefaultSubnets(ctx, scope.Account, scope.Region)
	if err != nil {
		return nil, err
	}
	var zones []types.AvailabilityZone
	for _, subnet := range subnets {
		zones = append(zones, types.AvailabilityZone{Name: subnet.AvailabilityZone})
	}
	var all []types.OrderableDBInstanceOption
	for _, version := range e.versions {
		for _, class := range classes {
			if in.EngineVersion != nil && version != *in.EngineVersion || in.DBInstanceClass != nil && class != *in.DBInstanceClass ||
				in.LicenseModel != nil && *in.LicenseModel != license(name) || in.Vpc != nil && !*in.Vpc {
				continue
			}
			all = append(all, types.OrderableDBInstanceOption{
				Engine: aws.String(name), EngineVersion: aws.String(version), DBInstanceClass: aws.String(class), LicenseModel: aws.String(license(name)),
				AvailabilityZones: zones, MultiAZCapable: aws.Bool(len(zones) > 1), ReadReplicaCapable: aws.Bool(false), Vpc: aws.Bool(true),
				SupportsStorageEncryption: aws.Bool(true), StorageType: aws.String("gp3"), MinStorageSize: aws.Int32(20), MaxStorageSize: aws.Int32(65536),
				SupportsIAMDatabaseAuthentication: aws.Bool(true), SupportedNetworkTypes: []string{"IPV4"},
			})
		}
	}
	out := &rds.DescribeOrderableDBInstanceOptionsOutput{}
	out.OrderableDBInstanceOptions, out.Marker = wire.Page(all, in.Marker, in.MaxRecords, 100, func(o types.OrderableDBInstanceOption) string {
		return *o.EngineVersion + "/" + *o.DBInstanceClass
	})
	return out, nil
}

// parametersFor returns the parameter group that an instance is to have: the one that
// is asked for, the one that it has, or its family's default.
func (r *RDS) parametersFor(scope store.Scope, i types.DBInstance, asked string) ([]types.DBParameterGroupStatus, error) {
	family := familyOf(aws.ToString(i.Engine), aws.ToString(i.EngineVersion))
	name := asked
	if name == "" && len(i.DBParameterGroups) > 0 {
		name = aws.ToString(i.DBParameterGroups[0].DBParameterGroupName)
	}
	if name == "" || asked == "" && strings.HasPrefix(name, "default.") {
		name = "default." + family
	}
	if name != "default."+family { // a family that is not listed has its default group, too
		var found parameterGroup
		err := r.store.View(func(tx *store.Tx) (err error) {
			found, err = instanceParameters.find(tx, scope, name)
			return err
		})
		if err != nil {
			return nil, err
		}
		if found.Family != family {
			return nil, wire.Errorf("InvalidParameterCombination", "The Parameter Group %s with DBParameterGroupFamily %s cannot be used for this instance. Please use a Parameter Group with DBParameterGroupFamily %s",
				name, found.Family, family)
		}
	}
	return []types.DBParameterGroupStatus{{DBParameterGroupName: aws.String(strings.ToLower(name)), ParameterApplyStatus: aws.String("in-sync")}}, nil
}
