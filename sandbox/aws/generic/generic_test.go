package generic_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/generic"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

func provider(t *testing.T) *generic.Provider {
	t.Helper()
	state, err := store.Open(filepath.Join(t.TempDir(), "aws.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return generic.New(state, simtime.New(nil, simtime.Durations{}))
}

func request(typeName, token string, properties map[string]any) resource.Request {
	return resource.Request{Account: "123456789012", Region: "eu-west-1", StackName: "shop", LogicalID: "It", Type: typeName, Token: token, Properties: properties}
}

// Any type can be made, referred to and deleted, and each call be repeated.
func TestEveryType(t *testing.T) {
	t.Parallel()
	p := provider(t)
	for _, name := range schema.Names() {
		q := request(name, name, nil)
		made, err := p.Create(t.Context(), q)
		if err != nil || made.PhysicalID == "" || made.Ref == "" {
			t.Errorf("%s: made %q with the reference %q, %v", name, made.PhysicalID, made.Ref, err)
			continue
		}
		again, err := p.Create(t.Context(), q)
		if d := cmp.Diff(made.PhysicalID, again.PhysicalID); d != "" || err != nil {
			t.Errorf("%s: the same call again (-first +again):\n%s%v", name, d, err)
		}
		typ, _ := schema.Lookup(name)
		for attribute := range typ.Attributes {
			if made.Attributes[attribute] == nil {
				t.Errorf("%s: no attribute %s", name, attribute)
			}
		}
		q.PhysicalID, q.Token = made.PhysicalID, name+"/delete"
		for range 2 {
			if err := p.Delete(t.Context(), q); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	p := provider(t)
	made, err := p.Create(t.Context(), request("AWS::Kinesis::Stream", "t", map[string]any{"Name": "clicks", "ShardCount": int64(1)}))
	if err != nil {
		t.Fatal(err)
	}
	want := resource.State{PhysicalID: "clicks", Ref: "clicks", Attributes: map[string]any{
		"Arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks", "WarmThroughputObject": made.Attributes["WarmThroughputObject"]}}
	delete(made.Attributes, "WarmThroughputObject")
	delete(want.Attributes, "WarmThroughputObject")
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("a stream with a name of its own (-want +got):\n%s", d)
	}
	var refused *resource.Error
	if _, err := p.Create(t.Context(), request("AWS::Kinesis::Stream", "other", map[string]any{"Name": "clicks"})); !errors.As(err, &refused) || refused.Code != resource.AlreadyExists {
		t.Errorf("another one with the name: %v", err)
	}
	made, err = p.Create(t.Context(), request("AWS::Kinesis::Stream", "third", nil))
	if err != nil || !strings.HasPrefix(made.PhysicalID, "shop-It-") {
		t.Errorf("one without a name is called %s, %v", made.PhysicalID, err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	p := provider(t)
	made, err := p.Create(t.Context(), request("AWS::EC2::VPC", "t", map[string]any{"CidrBlock": "10.0.0.0/16"}))
	if err != nil {
		t.Fatal(err)
	}
	q := request("AWS::EC2::VPC", "u", map[string]any{"CidrBlock": "10.1.0.0/16"})
	q.PhysicalID = made.PhysicalID
	now, err := p.Update(t.Context(), q)
	if err != nil || now.Attributes["CidrBlock"] != "10.1.0.0/16" || now.Ref != made.Ref {
		t.Errorf("updated to %+v, %v", now, err)
	}
	q.PhysicalID = "vpc-nowhere"
	var refused *resource.Error
	if _, err := p.Update(t.Context(), q); !errors.As(err, &refused) || refused.Code != resource.NotFound {
		t.Errorf("updating what is not there: %v", err)
	}
}
