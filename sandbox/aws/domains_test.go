package aws_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// zone makes a public hosted zone and returns its ID.
func (w *world) zone(t *testing.T, name string) string {
	t.Helper()
	made, err := route53.NewFromConfig(w.Config).CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String(name), CallerReference: aws.String(t.Name() + name),
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(*made.HostedZone.Id, "/hostedzone/")
}

// set is a simple record set with a TTL of 60 s, or an alias to "ZONE/NAME".
func set(name string, kind types.RRType, values ...string) *types.ResourceRecordSet {
	made := &types.ResourceRecordSet{Name: aws.String(name), Type: kind}
	if id, target, ok := strings.Cut(values[0], "/"); ok && kind != types.RRTypeTxt {
		made.AliasTarget = &types.AliasTarget{DNSName: aws.String(target), HostedZoneId: aws.String(id)}
		return made
	}
	made.TTL = aws.Int64(60)
	for _, value := range values {
		made.ResourceRecords = append(made.ResourceRecords, types.ResourceRecord{Value: aws.String(value)})
	}
	return made
}

func weighted(s *types.ResourceRecordSet, id string, weight int64) *types.ResourceRecordSet {
	s.SetIdentifier, s.Weight = aws.String(id), aws.Int64(weight)
	return s
}

// changeRecords makes a batch of pairs: an action and a record set.
func (w *world) changeRecords(ctx context.Context, zone string, pairs ...any) (*types.ChangeInfo, error) {
	batch := &types.ChangeBatch{Changes: []types.Change{}}
	for i := 0; i < len(pairs); i += 2 {
		batch.Changes = append(batch.Changes, types.Change{
			Action: types.ChangeAction(pairs[i].(string)), ResourceRecordSet: pairs[i+1].(*types.ResourceRecordSet),
		})
	}
	out, err := route53.NewFromConfig(w.Config).ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(zone), ChangeBatch: batch})
	if err != nil {
		return nil, err
	}
	return out.ChangeInfo, nil
}

// recordsOf lists a zone, a page of n at a time, as "name type [identifier]".
func (w *world) recordsOf(t *testing.T, zone string, n int32) []string {
	t.Helper()
	var all []string
	pages := route53.NewListResourceRecordSetsPaginator(route53.NewFromConfig(w.Config), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), MaxItems: aws.Int32(n),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.ResourceRecordSets {
			all = append(all, strings.TrimSpace(fmt.Sprint(*s.Name, " ", s.Type, " ", aws.ToString(s.SetIdentifier))))
		}
	}
	return all
}

func TestHostedZones(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	client := route53.NewFromConfig(w.Config)
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("Example.test"), CallerReference: aws.String("a"), HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("c")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *made.HostedZone.Name != "example.test." || len(made.DelegationSet.NameServers) != 4 || !strings.HasSuffix(*made.Location, *made.HostedZone.Id) {
		t.Errorf("CreateHostedZone = %s, %v, %s", *made.HostedZone.Name, made.DelegationSet.NameServers, *made.Location)
	}
	_, err = client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String("other.test"), CallerReference: aws.String("a")})
	wantCode(t, err, "HostedZoneAlreadyExists")
	_, err = client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String("a..b"), CallerReference: aws.String("b")})
	wantCode(t, err, "InvalidDomainName")
	private, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("a.test"), CallerReference: aws.String("p"), VPC: &types.VPC{VPCId: aws.String("vpc-1"), VPCRegion: types.VPCRegionUsEast1},
	})
	if err != nil || !private.HostedZone.Config.PrivateZone || private.DelegationSet != nil {
		t.Errorf("the private zone is %v, %v", private, err)
	}
	id := made.HostedZone.Id
	if _, err := client.ChangeTagsForResource(t.Context(), &route53.ChangeTagsForResourceInput{
		ResourceType: types.TagResourceTypeHostedzone, ResourceId: aws.String(strings.TrimPrefix(*id, "/hostedzone/")),
		AddTags: []types.Tag{{Key: aws.String("team"), Value: aws.String("blog")}, {Key: aws.String("x"), Value: aws.String("y")}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ChangeTagsForResource(t.Context(), &route53.ChangeTagsForResourceInput{
		ResourceType: types.TagResourceTypeHostedzone, ResourceId: id, RemoveTagKeys: []string{"x"},
	}); err != nil {
		t.Fatal(err)
	}

	w.stop() // what follows is read after a restart
	w = start(t, sandbox.Options{Dir: dir})
	client = route53.NewFromConfig(w.Config)
	got, err := client.GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: id})
	if err != nil || *got.HostedZone.ResourceRecordSetCount != 2 || *got.HostedZone.Config.Comment != "c" {
		t.Errorf("GetHostedZone = %v, %v", got, err)
	}
	tags, err := client.ListTagsForResources(t.Context(), &route53.ListTagsForResourcesInput{ResourceType: types.TagResourceTypeHostedzone, ResourceIds: []string{*id}})
	if err != nil || len(tags.ResourceTagSets) != 1 || len(tags.ResourceTagSets[0].Tags) != 1 || *tags.ResourceTagSets[0].Tags[0].Value != "blog" {
		t.Errorf("tags = %v, %v", tags, err)
	}
	byName, err := client.ListHostedZonesByName(t.Context(), &route53.ListHostedZonesByNameInput{MaxItems: aws.Int32(1)})
	if err != nil || *byName.HostedZones[0].Name != "a.test." || !byName.IsTruncated || *byName.NextDNSName != "example.test." {
		t.Errorf("ListHostedZonesByName = %v, %v", byName, err)
	}
	one, err := client.ListTagsForResource(t.Context(), &route53.ListTagsForResourceInput{
		ResourceType: types.TagResourceTypeHostedzone, ResourceId: aws.String(strings.TrimPrefix(*id, "/hostedzone/")),
	})
	if err != nil || *one.ResourceTagSet.Tags[0].Key != "team" {
		t.Errorf("tags of one = %v, %v", one, err)
	}
	updated, err := client.UpdateHostedZoneComment(t.Context(), &route53.UpdateHostedZoneCommentInput{Id: id, Comment: aws.String("d")})
	if err != nil || *updated.HostedZone.Config.Comment != "d" {
		t.Errorf("UpdateHostedZoneComment = %v, %v", updated, err)
	}
	count, err := client.GetHostedZoneCount(t.Context(), &route53.GetHostedZoneCountInput{})
	if err != nil || *count.HostedZoneCount != 2 {
		t.Errorf("count = %v, %v", count, err)
	}
	first, err := client.ListHostedZones(t.Context(), &route53.ListHostedZonesInput{MaxItems: aws.Int32(1)})
	if err != nil || !first.IsTruncated || len(first.HostedZones) != 1 {
		t.Fatalf("ListHostedZones = %v, %v", first, err)
	}
	rest, err := client.ListHostedZones(t.Context(), &route53.ListHostedZonesInput{Marker: first.NextMarker})
	if err != nil || rest.IsTruncated || len(rest.HostedZones) != 1 || *rest.HostedZones[0].Id == *first.HostedZones[0].Id {
		t.Errorf("ListHostedZones = %v, %v", rest, err)
	}
	if _, err := w.changeRecords(t.Context(), *id, "CREATE", set("www.example.test", types.RRTypeA, "192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteHostedZone(t.Context(), &route53.DeleteHostedZoneInput{Id: id})
	wantCode(t, err, "HostedZoneNotEmpty")
	if _, err := client.DeleteHostedZone(t.Context(), &route53.DeleteHostedZoneInput{Id: private.HostedZone.Id}); err != nil {
		t.Error(err)
	}
	_, err = client.GetHostedZone(t.Context(), &route53.GetHostedZoneInput{Id: private.HostedZone.Id})
	wantCode(t, err, "NoSuchHostedZone")
	_, err = client.ListHealthChecks(t.Context(), &route53.ListHealthChecksInput{})
	wantCode(t, err, "InvalidAction")
}

func TestRecordsAreListedInTheOrderOfReversedLabels(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	zone := w.zone(t, "example.test")
	_, err := w.changeRecords(t.Context(), zone,
		"CREATE", set("www.example.test", types.RRTypeTxt, `"v"`), "CREATE", set("b.a.example.test", types.RRTypeA, "192.0.2.1"),
		"CREATE", set("*.example.test", types.RRTypeA, "192.0.2.1"), "UPSERT", set("WWW.example.test.", types.RRTypeAaaa, "2001:db8::1"),
		"CREATE", weighted(set("w.example.test", types.RRTypeA, "192.0.2.1"), "two", 1), "CREATE", weighted(set("w.example.test", types.RRTypeA, "192.0.2.2"), "one", 1),
		"CREATE", set(`sp\040ace.example.test`, types.RRTypeCname, "x.y"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"example.test. NS", "example.test. SOA", `\052.example.test. A`, "b.a.example.test. A", `sp\040ace.example.test. CNAME`,
		"w.example.test. A one", "w.example.test. A two", "www.example.test. AAAA", "www.example.test. TXT",
	}
	for _, page := range []int32{1, 2, 300} {
		if diff := cmp.Diff(want, w.recordsOf(t, zone, page)); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", page, diff)
		}
	}
	out, err := route53.NewFromConfig(w.Config).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone), StartRecordName: aws.String("w.example.test"), StartRecordType: types.RRTypeA, StartRecordIdentifier: aws.String("p"), MaxItems: aws.Int32(1),
	})
	if err != nil || aws.ToString(out.ResourceRecordSets[0].SetIdentifier) != "two" || *out.NextRecordName != "www.example.test." || out.NextRecordType != types.RRTypeAaaa {
		t.Errorf("from the middle: %v, %v", out, err)
	}
}

func TestBatchesAreMadeWholeOrRefused(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	zone := w.zone(t, "example.test")
	a := func(name string, values ...string) *types.ResourceRecordSet {
		return set(name, types.RRTypeA, values...)
	}
	cname := func(name string) *types.ResourceRecordSet { return set(name, types.RRTypeCname, "x.y") }
	if _, err := w.changeRecords(t.Context(), zone, "CREATE", a("here.example.test", "192.0.2.1", "192.0.2.2"), "CREATE", cname("c.example.test"),
		"CREATE", weighted(a("w.example.test", "192.0.2.1"), "x", 1)); err != nil {
		t.Fatal(err)
	}
	before := w.recordsOf(t, zone, 300)
	noTTL, both, noPolicy, noIdentifier := a("n.example.test", "192.0.2.1"), a("n.example.test", "192.0.2.1"), a("n.example.test", "192.0.2.1"), a("n.example.test", "192.0.2.1")
	noTTL.TTL = nil
	both.AliasTarget = &types.AliasTarget{DNSName: aws.String("x"), HostedZoneId: aws.String("Z")}
	noPolicy.SetIdentifier = aws.String("x")
	noIdentifier.Weight = aws.Int64(1)
	for name, test := range map[string]struct {
		changes    []any
		code, says string
	}{
		"exists":          {[]any{"CREATE", a("here.example.test", "192.0.2.9")}, "InvalidChangeBatch", "[Tried to create resource record set [name='here.example.test.', type='A'] but it already exists]"},
		"not found":       {[]any{"DELETE", a("gone.example.test", "192.0.2.1")}, "InvalidChangeBatch", "[Tried to delete resource record set [name='gone.example.test.', type='A'] but it was not found]"},
		"mismatch":        {[]any{"DELETE", a("here.example.test", "192.0.2.1")}, "InvalidChangeBatch", "[Tried to delete resource record set [name='here.example.test.', type='A'] but the values provided do not match the current values]"},
		"weighted":        {[]any{"CREATE", weighted(a("w.example.test", "192.0.2.1"), "x", 2)}, "InvalidChangeBatch", "[Tried to create resource record set [name='w.example.test.', type='A', set-identifier='x'] but it already exists]"},
		"other zone":      {[]any{"CREATE", a("example.org", "192.0.2.1")}, "InvalidChangeBatch", "[RRSet with DNS name example.org. is not permitted in zone example.test.]"},
		"apex":            {[]any{"CREATE", cname("example.test")}, "InvalidChangeBatch", "not permitted at apex in zone example.test."},
		"beside CNAME":    {[]any{"CREATE", a("c.example.test", "192.0.2.1")}, "InvalidChangeBatch", "because a conflicting RRSet of type  CNAME"},
		"CNAME beside":    {[]any{"CREATE", cname("here.example.test")}, "InvalidChangeBatch", "as it conflicts with other records"},
		"simple beside":   {[]any{"CREATE", a("w.example.test", "192.0.2.1")}, "InvalidChangeBatch", "cannot be created as other RRSets exist with the same name and type"},
		"twice":           {[]any{"CREATE", a("t.example.test", "192.0.2.1"), "UPSERT", a("t.example.test", "192.0.2.1")}, "InvalidChangeBatch", "invalid set of changes for a resource record set 'A t.example.test.'"},
		"two problems":    {[]any{"CREATE", a("ok.example.test", "192.0.2.1"), "CREATE", a("here.example.test", "192.0.2.9"), "DELETE", a("gone.example.test", "192.0.2.1")}, "InvalidChangeBatch", "already exists, Tried to delete"},
		"address":         {[]any{"CREATE", a("n.example.test", "ten")}, "InvalidChangeBatch", "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'ten'"},
		"bare text":       {[]any{"CREATE", set("n.example.test", types.RRTypeTxt, "v=1")}, "InvalidChangeBatch", "should be enclosed in quotation marks"},
		"doubled":         {[]any{"CREATE", a("n.example.test", "192.0.2.1", "192.0.2.1")}, "InvalidChangeBatch", "Duplicate Resource Record: '192.0.2.1'"},
		"no name servers": {[]any{"DELETE", w.existing(t, zone, types.RRTypeNs)}, "InvalidChangeBatch", "at least one NS record"},
		"no SOA":          {[]any{"DELETE", w.existing(t, zone, types.RRTypeSoa)}, "InvalidChangeBatch", "exactly one SOA record"},
		"alias of none":   {[]any{"CREATE", set("n.example.test", types.RRTypeA, zone+"/none.example.test")}, "InvalidChangeBatch", "that target was not found"},
		"alias outside":   {[]any{"CREATE", set("n.example.test", types.RRTypeA, zone+"/example.org")}, "InvalidChangeBatch", "does not lie within the target zone"},
		"no TTL":          {[]any{"CREATE", noTTL}, "InvalidInput", "but found none in Change with [Action=CREATE, Name=n.example.test, Type=A, SetIdentifier=null]"},
		"both":            {[]any{"CREATE", both}, "InvalidInput", "but found more than one in Change"},
		"no policy":       {[]any{"CREATE", noPolicy}, "InvalidInput", "Expected exactly one of [Weight, Region"},
		"no identifier":   {[]any{"CREATE", noIdentifier}, "InvalidInput", "Missing field 'SetIdentifier'"},
		"nothing":         {[]any{}, "InvalidInput", ""},
	} {
		_, err := w.changeRecords(t.Context(), zone, test.changes...)
		wantCode(t, err, test.code)
		if err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %q does not say %q", name, err, test.says)
		}
	}
	if diff := cmp.Diff(before, w.recordsOf(t, zone, 300)); diff != "" {
		t.Errorf("refused batches changed the zone (-before +after):\n%s", diff)
	}
	_, err := w.changeRecords(t.Context(), zone, "DELETE", cname("c.example.test"), "CREATE", a("c.example.test", "192.0.2.1"),
		"DELETE", a("here.example.test", "192.0.2.2", "192.0.2.1"), "CREATE", a("here.example.test", "192.0.2.3"))
	if err != nil {
		t.Errorf("replacing in one batch: %v", err)
	}
	_, err = w.changeRecords(t.Context(), "ZNONE", "CREATE", a("x.example.test", "192.0.2.1"))
	wantCode(t, err, "NoSuchHostedZone")
}

// existing is the record set at a zone's own name.
func (w *world) existing(t *testing.T, zone string, kind types.RRType) *types.ResourceRecordSet {
	t.Helper()
	out, err := route53.NewFromConfig(w.Config).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zone)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range out.ResourceRecordSets {
		if s.Type == kind {
			return &s
		}
	}
	t.Fatalf("no %s record", kind)
	return nil
}

func TestChangesBecomeInSync(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Clock: clock, Durations: simtime.Durations{"AWS::Route53::RecordSet": 2 * time.Second}})
	zone := w.zone(t, "example.test")
	begun, err := w.changeRecords(t.Context(), zone, "CREATE", set("a.example.test", types.RRTypeA, "192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	status := func() types.ChangeStatus {
		t.Helper()
		out, err := route53.NewFromConfig(w.Config).GetChange(t.Context(), &route53.GetChangeInput{Id: begun.Id})
		if err != nil {
			t.Fatal(err)
		}
		return out.ChangeInfo.Status
	}
	if begun.Status != types.ChangeStatusPending || status() != types.ChangeStatusPending {
		t.Errorf("at first the change is %s", status())
	}
	clock.Advance(2 * time.Second)
	if got := status(); got != types.ChangeStatusInsync {
		t.Errorf("after 2 s the change is %s", got)
	}
	_, err = route53.NewFromConfig(w.Config).GetChange(t.Context(), &route53.GetChangeInput{Id: aws.String("C0")})
	wantCode(t, err, "NoSuchChange")
}

func TestRecordsByStacks(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	zone := w.create(t, "AWS::Route53::HostedZone", "zone", map[string]any{"Name": "example.test", "HostedZoneTags": []any{map[string]any{"Key": "a", "Value": "b"}}})
	if again := w.create(t, "AWS::Route53::HostedZone", "zone", map[string]any{"Name": "example.test"}); again.Ref != zone.Ref {
		t.Errorf("the repeated call made %s, after %s", again.Ref, zone.Ref)
	}
	if servers := zone.Attributes["NameServers"].([]any); len(servers) != 4 {
		t.Errorf("NameServers = %v", servers)
	}
	www := map[string]any{"HostedZoneName": "example.test.", "Name": "www.example.test", "Type": "A", "TTL": "300", "ResourceRecords": []any{"192.0.2.1"}}
	if made := w.create(t, "AWS::Route53::RecordSet", "www", www); made.Ref != "www.example.test" {
		t.Errorf("Ref = %s", made.Ref)
	}
	w.create(t, "AWS::Route53::RecordSet", "www", www)
	_, err := w.tryCreate(t, "AWS::Route53::RecordSet", "other", www)
	wantHandlerCode(t, err, resource.AlreadyExists)
	changed := map[string]any{"HostedZoneName": "example.test.", "Name": "www.example.test", "Type": "AAAA", "TTL": 60, "ResourceRecords": []any{"2001:db8::1"}}
	if _, err := w.update(t, "AWS::Route53::RecordSet", "update", "www.example.test", www, changed); err != nil {
		t.Fatal(err)
	}
	group := map[string]any{"HostedZoneId": zone.Ref, "RecordSets": []any{
		map[string]any{"Name": "a.example.test", "Type": "A", "AliasTarget": map[string]any{"HostedZoneId": zone.Ref, "DNSName": "b.example.test"}},
		map[string]any{"Name": "b.example.test", "Type": "A", "TTL": 60, "ResourceRecords": []any{"192.0.2.1"}, "SetIdentifier": "x", "Weight": "1"},
	}}
	made := w.create(t, "AWS::Route53::RecordSetGroup", "group", group)
	want := []string{"example.test. NS", "example.test. SOA", "a.example.test. A", "b.example.test. A x", "www.example.test. AAAA"}
	if diff := cmp.Diff(want, w.recordsOf(t, zone.Ref, 300)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	wantHandlerCode(t, w.delete(t, "AWS::Route53::HostedZone", "z", zone.Ref, nil), resource.ResourceConflict)
	_, err = w.tryCreate(t, "AWS::Route53::RecordSet", "no zone", map[string]any{"HostedZoneId": "Z0", "Name": "x", "Type": "A", "TTL": 1, "ResourceRecords": []any{"192.0.2.1"}})
	wantHandlerCode(t, err, resource.NotFound)
	for range 2 { // the second time they are gone
		for _, gone := range []struct {
			kind, id   string
			properties map[string]any
		}{{"RecordSetGroup", made.PhysicalID, group}, {"RecordSet", "www.example.test", changed}, {"HostedZone", zone.Ref, nil}} {
			if err := w.delete(t, "AWS::Route53::"+gone.kind, "delete", gone.id, gone.properties); err != nil {
				t.Errorf("delete %s: %v", gone.kind, err)
			}
		}
	}
}

// empty deletes all records of a zone but its own.
func (w *world) empty(t *testing.T, zone string) {
	t.Helper()
	out, err := route53.NewFromConfig(w.Config).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zone)})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range out.ResourceRecordSets {
		if s.Type == types.RRTypeNs || s.Type == types.RRTypeSoa {
			continue
		}
		if _, err := w.changeRecords(t.Context(), zone, "DELETE", &s); err != nil {
			t.Fatal(err)
		}
	}
}
