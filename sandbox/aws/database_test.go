package aws_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

const dbType = "AWS::RDS::DBInstance"

// subnetGroup makes a VPC with two subnets and a group of them.
func (w *world) subnetGroup(t *testing.T) string {
	t.Helper()
	vpc := w.create(t, "AWS::EC2::VPC", "vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}).Ref
	return w.create(t, "AWS::RDS::DBSubnetGroup", "group", map[string]any{
		"DBSubnetGroupDescription": "two zones",
		"SubnetIds":                []any{w.subnetOf(t, vpc, "10.0.0.0/24", "us-east-1a"), w.subnetOf(t, vpc, "10.0.1.0/24", "us-east-1b")},
	}).Ref
}

func mysql(group string, more map[string]any) map[string]any {
	properties := map[string]any{
		"Engine": "mysql", "DBInstanceClass": "db.t4g.small", "AllocatedStorage": "20", "DBName": "ghost",
		"MasterUsername": "ghost", "MasterUserPassword": "correct-horse", "DBSubnetGroupName": group,
	}
	for k, v := range more {
		properties[k] = v
	}
	return properties
}

// shown is what DescribeDBInstances shows of an instance that matters here.
type shown struct {
	Status, Endpoint, Zone, Standby string
	MultiAZ                         bool
}

func (w *world) describe(t *testing.T, id string) shown {
	t.Helper()
	out, err := rds.NewFromConfig(w.Config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(id)})
	if err != nil {
		t.Fatal(err)
	}
	i := out.DBInstances[0]
	s := shown{Status: *i.DBInstanceStatus, Zone: aws.ToString(i.AvailabilityZone), Standby: aws.ToString(i.SecondaryAvailabilityZone), MultiAZ: *i.MultiAZ}
	if i.Endpoint != nil {
		s.Endpoint = aws.ToString(i.Endpoint.Address)
	}
	return s
}

func TestDatabaseLife(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Clock: clock, Durations: simtime.Default()})
	began := clock.Now()
	group := w.subnetGroup(t)
	single := mysql(group, map[string]any{"MultiAZ": false})

	made := make(chan resource.State, 1)
	go func() { made <- w.create(t, dbType, "create", single) }()
	clock.Waiting(1)
	client := rds.NewFromConfig(w.Config)
	all, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(all.DBInstances) != 1 {
		t.Fatalf("DescribeDBInstances = %v, %v", all, err)
	}
	id := *all.DBInstances[0].DBInstanceIdentifier
	if diff := cmp.Diff(shown{Status: "creating", Zone: "us-east-1a"}, w.describe(t, id)); diff != "" {
		t.Errorf("while creating (-want +got):\n%s", diff)
	}
	clock.Advance(3 * time.Second)
	state := <-made
	endpoint := state.Attributes["Endpoint.Address"].(string)
	if diff := cmp.Diff(shown{Status: "available", Endpoint: endpoint, Zone: "us-east-1a"}, w.describe(t, id)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if state.Attributes["Endpoint.Port"] != "3306" || state.Ref != id {
		t.Errorf("state = %+v", state)
	}

	double := mysql(group, map[string]any{"MultiAZ": true, "DeletionProtection": true})
	updated := make(chan error, 1)
	go func() {
		_, err := w.update(t, dbType, "update", id, single, double)
		updated <- err
	}()
	clock.Waiting(1)
	if diff := cmp.Diff(shown{Status: "modifying", Endpoint: endpoint, Zone: "us-east-1a"}, w.describe(t, id)); diff != "" {
		t.Errorf("while modifying (-want +got):\n%s", diff)
	}
	_, err = client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String(id), ApplyImmediately: aws.Bool(true), AllocatedStorage: aws.Int32(30)})
	wantCode(t, err, "InvalidDBInstanceState")
	clock.Advance(2 * time.Second)
	if err := <-updated; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shown{Status: "available", Endpoint: endpoint, Zone: "us-east-1a", Standby: "us-east-1b", MultiAZ: true}, w.describe(t, id)); diff != "" {
		t.Errorf("modified (-want +got):\n%s", diff)
	}
	if got := w.Simulated(began, clock.Now()); got != 5*time.Second {
		t.Errorf("Simulated = %s, want 5s", got)
	}

	wantHandlerCode(t, w.delete(t, dbType, "delete", id, double), resource.InvalidRequest)
	wantHandlerCode(t, w.delete(t, "AWS::RDS::DBSubnetGroup", "g", group, nil), resource.ResourceConflict)
	_, err = client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String(id), ApplyImmediately: aws.Bool(true), DeletionProtection: aws.Bool(false)})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Second)
	_, err = client.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String(id)})
	wantCode(t, err, "InvalidParameterCombination")
	if _, err = client.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{DBInstanceIdentifier: aws.String(id), FinalDBSnapshotIdentifier: aws.String("Last")}); err != nil {
		t.Fatal(err)
	}
	if got := w.describe(t, id).Status; got != "deleting" {
		t.Errorf("status = %s, want deleting", got)
	}
	clock.Advance(simtime.Default().Of(dbType, simtime.Snapshot) + time.Second)
	_, err = client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(id)})
	wantCode(t, err, "DBInstanceNotFound")
	kept, err := client.DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: aws.String("last")})
	if err != nil || *kept.DBSnapshots[0].DbiResourceId != state.Attributes["DbiResourceId"] {
		t.Errorf("the last snapshot: %v, %v", kept, err)
	}
	if err := w.delete(t, dbType, "delete", id, double); err != nil {
		t.Errorf("delete of what is gone: %v", err)
	}
	if err := w.delete(t, "AWS::RDS::DBSubnetGroup", "g", group, nil); err != nil {
		t.Error(err)
	}
}

// TestDatabaseIsTakenUpAfterACrash repeats a call with its token in a new process.
func TestDatabaseIsTakenUpAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := simtime.NewManual(time.Now())
	options := sandbox.Options{Dir: dir, Clock: clock, Durations: simtime.Default()}
	w := start(t, options)
	properties := mysql(w.subnetGroup(t), nil)
	call := func(w *world) chan resource.State {
		done := make(chan resource.State, 1)
		go func() {
			state, _ := w.provider(t, dbType).Create(t.Context(), w.request(dbType, "create", properties))
			done <- state
		}()
		return done
	}
	lost := call(w) // the process dies while this call waits
	clock.Waiting(1)
	clock.Advance(time.Second)
	w.stop()
	w = start(t, options)
	again := call(w)
	clock.Waiting(2)
	clock.Advance(2 * time.Second) // 3 s after the first call
	if first, second := <-lost, <-again; first.PhysicalID != second.PhysicalID || second.PhysicalID == "" {
		t.Errorf("the repeated call made %q, after %q", second.PhysicalID, first.PhysicalID)
	}
	all, err := rds.NewFromConfig(w.Config).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(all.DBInstances) != 1 || *all.DBInstances[0].DBInstanceStatus != "available" {
		t.Errorf("DescribeDBInstances = %v, %v", all, err)
	}
}

func TestDatabaseRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	group := w.subnetGroup(t)
	vpc := w.create(t, "AWS::EC2::VPC", "other", map[string]any{"CidrBlock": "10.9.0.0/16"}).Ref
	_, err := w.tryCreate(t, "AWS::RDS::DBSubnetGroup", "narrow", map[string]any{
		"DBSubnetGroupDescription": "one zone", "SubnetIds": []any{w.subnetOf(t, vpc, "10.9.0.0/24", "us-east-1a")},
	})
	wantHandlerCode(t, err, resource.InvalidRequest)
	for name, more := range map[string]map[string]any{
		"engine":         {"Engine": "db2"},
		"password":       {"MasterUserPassword": "short"},
		"no group":       {"DBSubnetGroupName": "none"},
		"identifier":     {"DBInstanceIdentifier": "a--b"},
		"zone and multi": {"MultiAZ": true, "AvailabilityZone": "us-east-1a"},
		"storage":        {"AllocatedStorage": 5},
	} {
		if _, err := w.tryCreate(t, dbType, name, mysql(group, more)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	made := w.create(t, dbType, "ok", mysql(group, map[string]any{"AllocatedStorage": 40}))
	_, err = w.update(t, dbType, "shrink", made.Ref, mysql(group, nil), mysql(group, nil))
	wantHandlerCode(t, err, resource.InvalidRequest)
	_, err = w.tryCreate(t, dbType, "again", mysql(group, map[string]any{"DBInstanceIdentifier": made.Ref}))
	wantHandlerCode(t, err, resource.AlreadyExists)
}

func TestSecretIsAttachedToDatabase(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	secret := w.create(t, "AWS::SecretsManager::Secret", "secret", map[string]any{"SecretString": `{"username":"ghost","password":"a<b&c"}`})
	made := w.create(t, dbType, "db", mysql("", map[string]any{"DBInstanceIdentifier": "Blog"})) // in the default VPC
	attachment := map[string]any{"SecretId": secret.Ref, "TargetType": dbType, "TargetId": made.Ref}
	state := w.create(t, "AWS::SecretsManager::SecretTargetAttachment", "att", attachment)
	w.create(t, "AWS::SecretsManager::SecretTargetAttachment", "att", attachment)
	read := func() map[string]any {
		t.Helper()
		out, err := secretsmanager.NewFromConfig(w.Config).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(state.Ref)})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(*out.SecretString), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := map[string]any{
		"username": "ghost", "password": "a<b&c", "engine": "mysql", "host": made.Attributes["Endpoint.Address"], "port": 3306.0,
		"dbname": "ghost", "dbInstanceIdentifier": "blog",
	}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
	if err := w.delete(t, "AWS::SecretsManager::SecretTargetAttachment", "gone", state.PhysicalID, attachment); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"username": "ghost", "password": "a<b&c"}, read()); diff != "" {
		t.Errorf("detached (-want +got):\n%s", diff)
	}

	request := w.request(dbType, "snap", nil)
	request.PhysicalID = made.PhysicalID
	id, err := w.provider(t, dbType).(resource.Snapshotter).Snapshot(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := rds.NewFromConfig(w.Config).DescribeDBSnapshots(t.Context(), &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: aws.String("blog")})
	if err != nil || len(snapshots.DBSnapshots) != 1 || *snapshots.DBSnapshots[0].DBSnapshotIdentifier != id || *snapshots.DBSnapshots[0].Status != "available" {
		t.Errorf("snapshots = %v, %v, want %s", snapshots, err, id)
	}
}
