package schema

import "testing"

// An entry that the schema does not call conditional is wrong or out of date.
func TestInPlaceIsConditionalInTheSchema(t *testing.T) {
	t.Parallel()
	for name, properties := range inPlace {
		typ, ok := Lookup(name)
		if !ok {
			t.Fatalf("no type %s", name)
		}
		for _, p := range properties {
			if r := typ.ReplacementBy(p); r != Conditionally {
				t.Errorf("%s %s: the schema says %v, so it needs no entry", name, p, r)
			}
			if !InPlace(name, p) {
				t.Errorf("%s %s is not found", name, p)
			}
		}
	}
	if InPlace("AWS::RDS::DBInstance", "Engine") {
		t.Error("another engine is another database")
	}
}
