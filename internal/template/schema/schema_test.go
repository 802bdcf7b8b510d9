package schema_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

func lookup(t *testing.T, name string) *schema.Type {
	t.Helper()
	typ, ok := schema.Lookup(name)
	if !ok {
		t.Fatalf("Lookup(%q) found nothing", name)
	}
	return typ
}

func TestEveryTypeDecodes(t *testing.T) {
	t.Parallel()
	names := schema.Names()
	if len(names) < 1800 {
		t.Errorf("%d types, want all of the source's 1828", len(names))
	}
	for _, name := range names {
		typ := lookup(t, name)
		for path, shapes := range map[string]map[string]schema.Property{"": typ.Properties} {
			for p, q := range shapes {
				checkShape(t, typ, path+p, q.Shape)
			}
		}
		for d, props := range typ.Definitions {
			for p, q := range props {
				checkShape(t, typ, d+"."+p, q.Shape)
			}
		}
	}
}

// checkShape finds references to definitions that are not there.
func checkShape(t *testing.T, typ *schema.Type, path string, s schema.Shape) {
	t.Helper()
	switch s.Kind {
	case schema.Object:
		if _, ok := typ.Definitions[s.Name]; !ok {
			t.Errorf("%s %s: definition %s is missing", typ.Name, path, s.Name)
		}
	case schema.List, schema.Map:
		checkShape(t, typ, path, *s.Element)
	case schema.Union:
		for _, a := range s.Alternatives {
			checkShape(t, typ, path, a)
		}
	case "":
		t.Errorf("%s %s: no kind", typ.Name, path)
	}
}

func TestDBInstance(t *testing.T) {
	t.Parallel()
	db := lookup(t, "AWS::RDS::DBInstance")
	got := map[string]any{
		"ref":      db.Ref(),
		"stateful": db.Stateful,
		"tags":     *db.Tags,
		"endpoint": db.Attributes["Endpoint.Address"].String(),
		"multiAZ":  db.Properties["MultiAZ"],
	}
	want := map[string]any{
		"ref":      []string{"DBInstanceIdentifier"},
		"stateful": true,
		"tags":     schema.Tags{Property: "Tags", Variant: "standard"},
		"endpoint": "string",
		"multiAZ":  schema.Property{Shape: schema.Shape{Kind: schema.Boolean}, Replacement: schema.Conditionally},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("AWS::RDS::DBInstance (-want +got):\n%s", d)
	}
}

func TestTypesThatTheSourceLacks(t *testing.T) {
	t.Parallel()
	if typ := lookup(t, "Custom::Thing"); !typ.OpenProperties || !typ.OpenAttributes || !typ.Properties["ServiceToken"].Required {
		t.Errorf("Custom::Thing = %+v, want open with a required ServiceToken", typ)
	}
	lookup(t, "AWS::CDK::Metadata")
	if _, ok := schema.Lookup("AWS::No::Such"); ok {
		t.Error("AWS::No::Such was found")
	}
}

func TestReplacementBy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ  string
		path []string
		want schema.Replacement
	}{
		{"AWS::RDS::DBInstance", []string{"DBName"}, schema.Always},
		{"AWS::RDS::DBInstance", []string{"MultiAZ"}, schema.Conditionally},
		{"AWS::RDS::DBInstance", []string{"AllocatedStorage"}, schema.Never},
		{"AWS::EFS::AccessPoint", []string{"RootDirectory", "CreationInfo", "OwnerUid"}, schema.Always},
		{"AWS::ACMPCA::Certificate", []string{"Validity", "Value"}, schema.Always},
		{"AWS::RedshiftServerless::Snapshot", []string{"Tags", "0", "Key"}, schema.Always},
		{"AWS::RDS::DBInstance", nil, schema.Never},
	} {
		if got := lookup(t, c.typ).ReplacementBy(c.path...); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.typ, c.path, got, c.want)
		}
	}
}

func TestShapeText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"string", "[#A]", "{[integer]}", "string|[string]|{json}", "[string|#B]"} {
		var s schema.Shape
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != text {
			t.Errorf("%q: read as %q, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "[string", "strin", "string|", "string]"} {
		if err := json.Unmarshal([]byte(`"`+text+`"`), new(schema.Shape)); err == nil {
			t.Errorf("%q was read without an error", text)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		schema.Lookup("AWS::RDS::DBInstance")
	}
}
