package aws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// database makes an instance by the API, in the default VPC.
func (w *world) database(t *testing.T, id string, change func(*rds.CreateDBInstanceInput)) {
	t.Helper()
	in := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &id, Engine: aws.String("mysql"), DBInstanceClass: aws.String("db.t4g.small"), AllocatedStorage: aws.Int32(20),
		MasterUsername: aws.String("admin"), MasterUserPassword: aws.String("correct-horse"),
	}
	if change != nil {
		change(in)
	}
	do(t, rds.NewFromConfig(w.Config).CreateDBInstance, in)
}

func TestStopStartReboot(t *testing.T) {
	t.Parallel()
	dir, clock := t.TempDir(), simtime.NewManual(time.Now())
	options := sandbox.Options{Dir: dir, Clock: clock, Durations: simtime.Durations{dbType + "/Update": time.Minute}}
	w := start(t, options)
	client, ctx, id := rds.NewFromConfig(w.Config), t.Context(), aws.String("db")
	w.database(t, "db", func(in *rds.CreateDBInstanceInput) { in.MultiAZ = aws.Bool(true) })
	_, err := client.StartDBInstance(ctx, &rds.StartDBInstanceInput{DBInstanceIdentifier: id})
	wantCode(t, err, "InvalidDBInstanceState")
	do(t, client.StopDBInstance, &rds.StopDBInstanceInput{DBInstanceIdentifier: id, DBSnapshotIdentifier: aws.String("before-stop")})
	status := func(want string) {
		t.Helper()
		if got := w.describe(t, "db").Status; got != want {
			t.Errorf("the status is %s, want %s", got, want)
		}
	}
	status("stopping")
	w.stop() // it goes on through a restart
	w = start(t, options)
	client = rds.NewFromConfig(w.Config)
	status("stopping")
	clock.Advance(time.Minute)
	status("stopped")
	_, err = client.ModifyDBInstance(ctx, &rds.ModifyDBInstanceInput{DBInstanceIdentifier: id, AllocatedStorage: aws.Int32(30), ApplyImmediately: aws.Bool(true)})
	wantCode(t, err, "InvalidDBInstanceState")
	do(t, client.StartDBInstance, &rds.StartDBInstanceInput{DBInstanceIdentifier: id})
	status("starting")
	clock.Advance(time.Minute)
	status("available")
	before := w.describe(t, "db")
	do(t, client.RebootDBInstance, &rds.RebootDBInstanceInput{DBInstanceIdentifier: id, ForceFailover: aws.Bool(true)})
	status("rebooting")
	clock.Advance(time.Minute)
	after := w.describe(t, "db")
	before.Zone, before.Standby = before.Standby, before.Zone
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after the failover (-want +got):\n%s", diff)
	}
	_, err = client.StopDBInstance(ctx, &rds.StopDBInstanceInput{DBInstanceIdentifier: aws.String("none")})
	wantCode(t, err, "DBInstanceNotFound")
}

func TestSnapshotsAndRestores(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := rds.NewFromConfig(w.Config), t.Context()
	w.database(t, "db", func(in *rds.CreateDBInstanceInput) {
		in.DBName, in.StorageEncrypted = aws.String("blog"), aws.Bool(true)
	})
	snapshot := &rds.CreateDBSnapshotInput{DBInstanceIdentifier: aws.String("db"), DBSnapshotIdentifier: aws.String("monday")}
	do(t, client.CreateDBSnapshot, snapshot)
	_, err := client.CreateDBSnapshot(ctx, snapshot)
	wantCode(t, err, "DBSnapshotAlreadyExists")
	_, err = client.CreateDBSnapshot(ctx, &rds.CreateDBSnapshotInput{DBInstanceIdentifier: aws.String("none"), DBSnapshotIdentifier: aws.String("x")})
	wantCode(t, err, "DBInstanceNotFound")
	do(t, client.DeleteDBInstance, &rds.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String("db"), FinalDBSnapshotIdentifier: aws.String("final")})

	restored := do(t, client.RestoreDBInstanceFromDBSnapshot, &rds.RestoreDBInstanceFromDBSnapshotInput{
		DBInstanceIdentifier: aws.String("again"), DBSnapshotIdentifier: aws.String("final"), DBInstanceClass: aws.String("db.t4g.medium"),
	}).DBInstance
	if *restored.Engine != "mysql" || *restored.DBName != "blog" || !*restored.StorageEncrypted || *restored.MasterUsername != "admin" || *restored.DBInstanceClass != "db.t4g.medium" {
		t.Errorf("restored = %+v", restored)
	}
	state := w.create(t, dbType, "r", map[string]any{"DBSnapshotIdentifier": "monday", "DBInstanceIdentifier": "third"})
	if state.Ref != "third" {
		t.Errorf("Ref = %s", state.Ref)
	}
	_, err = client.RestoreDBInstanceFromDBSnapshot(ctx, &rds.RestoreDBInstanceFromDBSnapshotInput{DBInstanceIdentifier: aws.String("x"), DBSnapshotIdentifier: aws.String("none")})
	wantCode(t, err, "DBSnapshotNotFound")
	_, err = client.RestoreDBInstanceFromDBSnapshot(ctx, &rds.RestoreDBInstanceFromDBSnapshotInput{DBInstanceIdentifier: aws.String("x"), DBSnapshotIdentifier: aws.String("final"), Engine: aws.String("postgres")})
	wantCode(t, err, "InvalidParameterValue")
	do(t, client.DeleteDBSnapshot, &rds.DeleteDBSnapshotInput{DBSnapshotIdentifier: aws.String("monday")})
	_, err = client.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: aws.String("monday")})
	wantCode(t, err, "DBSnapshotNotFound")
	if all := do(t, client.DescribeDBSnapshots, &rds.DescribeDBSnapshotsInput{}).DBSnapshots; len(all) != 1 || *all[0].Status != "available" {
		t.Errorf("snapshots = %+v", all)
	}
}

func TestParameterGroups(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx, name := rds.NewFromConfig(w.Config), t.Context(), aws.String("tuned")
	create := &rds.CreateDBParameterGroupInput{DBParameterGroupName: name, DBParameterGroupFamily: aws.String("mysql8.4"), Description: aws.String("tuned")}
	do(t, client.CreateDBParameterGroup, create)
	_, err := client.CreateDBParameterGroup(ctx, create)
	wantCode(t, err, "DBParameterGroupAlreadyExists")
	_, err = client.CreateDBParameterGroup(ctx, &rds.CreateDBParameterGroupInput{DBParameterGroupName: aws.String("x"), DBParameterGroupFamily: aws.String("oracle"), Description: aws.String("x")})
	wantCode(t, err, "InvalidParameterValue")
	set := []types.Parameter{{ParameterName: aws.String("max_connections"), ParameterValue: aws.String("99"), ApplyMethod: types.ApplyMethodImmediate}}
	do(t, client.ModifyDBParameterGroup, &rds.ModifyDBParameterGroupInput{DBParameterGroupName: name, Parameters: set})
	_, err = client.ModifyDBParameterGroup(ctx, &rds.ModifyDBParameterGroupInput{DBParameterGroupName: aws.String("default.mysql8.4"), Parameters: set})
	wantCode(t, err, "InvalidDBParameterGroupState")
	got := do(t, client.DescribeDBParameters, &rds.DescribeDBParametersInput{DBParameterGroupName: name, Source: aws.String("user")}).Parameters
	if len(got) != 1 || *got[0].ParameterValue != "99" {
		t.Errorf("parameters = %+v", got)
	}
	_, err = client.DescribeDBParameters(ctx, &rds.DescribeDBParametersInput{DBParameterGroupName: aws.String("none")})
	wantCode(t, err, "DBParameterGroupNotFound")

	w.database(t, "db", func(in *rds.CreateDBInstanceInput) { in.DBParameterGroupName = name })
	_, err = client.DeleteDBParameterGroup(ctx, &rds.DeleteDBParameterGroupInput{DBParameterGroupName: name})
	wantCode(t, err, "InvalidDBParameterGroupState")
	do(t, client.ModifyDBInstance, &rds.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String("db"), DBParameterGroupName: aws.String("default.mysql8.4"), ApplyImmediately: aws.Bool(true)})
	do(t, client.ResetDBParameterGroup, &rds.ResetDBParameterGroupInput{DBParameterGroupName: name, ResetAllParameters: aws.Bool(true)})
	do(t, client.DeleteDBParameterGroup, &rds.DeleteDBParameterGroupInput{DBParameterGroupName: name})

	properties := map[string]any{"Family": "postgres17", "Description": "d", "Parameters": map[string]any{"work_mem": 64}}
	made := w.create(t, "AWS::RDS::DBParameterGroup", "g", properties)
	if again := w.create(t, "AWS::RDS::DBParameterGroup", "g", properties); !cmp.Equal(made, again) {
		t.Errorf("the repeated call made %+v, after %+v", again, made)
	}
	_, err = w.tryCreate(t, dbType, "m", mysql("", map[string]any{"DBParameterGroupName": made.Ref}))
	wantHandlerCode(t, err, resource.InvalidRequest) // of another family
	if got := do(t, client.DescribeDBParameters, &rds.DescribeDBParametersInput{DBParameterGroupName: &made.Ref}).Parameters; *got[0].ParameterValue != "64" {
		t.Errorf("parameters = %+v", got)
	}
	for range 2 {
		if err := w.delete(t, "AWS::RDS::DBParameterGroup", "d", made.PhysicalID, properties); err != nil {
			t.Error(err)
		}
	}
	cluster := w.create(t, "AWS::RDS::DBClusterParameterGroup", "c", properties)
	groups := do(t, client.DescribeDBClusterParameterGroups, &rds.DescribeDBClusterParameterGroupsInput{DBClusterParameterGroupName: &cluster.Ref})
	if len(groups.DBClusterParameterGroups) != 1 {
		t.Errorf("groups = %+v", groups)
	}
	n := 0
	pages := rds.NewDescribeDBParameterGroupsPaginator(client, &rds.DescribeDBParameterGroupsInput{MaxRecords: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.DBParameterGroups)
	}
	if n != 8 { // the default of each family
		t.Errorf("%d groups by pages, want 8", n)
	}
}

func TestSubnetGroupsAndTagsByAPI(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := rds.NewFromConfig(w.Config), t.Context()
	var ids []string
	for _, s := range do(t, ec2.NewFromConfig(w.Config).DescribeSubnets, &ec2.DescribeSubnetsInput{}).Subnets {
		ids = append(ids, *s.SubnetId)
	}
	create := &rds.CreateDBSubnetGroupInput{DBSubnetGroupName: aws.String("Net"), DBSubnetGroupDescription: aws.String("d"), SubnetIds: ids}
	made := do(t, client.CreateDBSubnetGroup, create).DBSubnetGroup
	_, err := client.CreateDBSubnetGroup(ctx, create)
	wantCode(t, err, "DBSubnetGroupAlreadyExists")
	_, err = client.ModifyDBSubnetGroup(ctx, &rds.ModifyDBSubnetGroupInput{DBSubnetGroupName: made.DBSubnetGroupName, SubnetIds: ids[:1]})
	wantCode(t, err, "DBSubnetGroupDoesNotCoverEnoughAZs")
	do(t, client.AddTagsToResource, &rds.AddTagsToResourceInput{ResourceName: made.DBSubnetGroupArn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
	do(t, client.RemoveTagsFromResource, &rds.RemoveTagsFromResourceInput{ResourceName: made.DBSubnetGroupArn, TagKeys: []string{"a"}})
	if tags := do(t, client.ListTagsForResource, &rds.ListTagsForResourceInput{ResourceName: made.DBSubnetGroupArn}).TagList; len(tags) != 1 || *tags[0].Key != "b" {
		t.Errorf("tags = %v", tags)
	}
	do(t, client.DeleteDBSubnetGroup, &rds.DeleteDBSubnetGroupInput{DBSubnetGroupName: made.DBSubnetGroupName})
	_, err = client.ListTagsForResource(ctx, &rds.ListTagsForResourceInput{ResourceName: made.DBSubnetGroupArn})
	wantCode(t, err, "DBSubnetGroupNotFoundFault")
}

func TestEngineCatalog(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client := rds.NewFromConfig(w.Config)
	versions := do(t, client.DescribeDBEngineVersions, &rds.DescribeDBEngineVersionsInput{Engine: aws.String("postgres"), DefaultOnly: aws.Bool(true)}).DBEngineVersions
	if len(versions) != 1 || *versions[0].DBParameterGroupFamily != "postgres17" {
		t.Errorf("versions = %+v", versions)
	}
	options := do(t, client.DescribeOrderableDBInstanceOptions, &rds.DescribeOrderableDBInstanceOptionsInput{Engine: aws.String("mysql"), EngineVersion: aws.String("8.4.6"), DBInstanceClass: aws.String("db.t4g.small")}).OrderableDBInstanceOptions
	if len(options) != 1 || !*options[0].MultiAZCapable || len(options[0].AvailabilityZones) != 2 {
		t.Errorf("options = %+v", options)
	}
	_, err := client.DescribeOrderableDBInstanceOptions(t.Context(), &rds.DescribeOrderableDBInstanceOptionsInput{Engine: aws.String("db2")})
	wantCode(t, err, "InvalidParameterValue")
}
