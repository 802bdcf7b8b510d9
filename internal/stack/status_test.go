package stack

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// TestEveryStatusHasAnAnswer fails when the SDK learns a status that nobody has
// decided about.
func TestEveryStatusHasAnAnswer(t *testing.T) {
	t.Parallel()
	known := types.StackStatus("").Values()
	for _, s := range known {
		a, ok := answers[s]
		if !ok {
			t.Errorf("%s has no answer", s)
		}
		if a == explain && advice(s) == advice("UNHEARD_OF") {
			t.Errorf("%s is explained, but nothing says what to do about it", s)
		}
	}
	if len(answers) != len(known)+1 {
		t.Errorf("%d answers for %d statuses and none", len(answers), len(known))
	}
	for s, want := range map[types.StackStatus]answer{"NEW_THING_IN_PROGRESS": wait, "NEW_THING_COMPLETE": explain} {
		if got := answerTo(s); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	long := "team-a-production-with-a-name-that-is-longer-than-anybody-would-want-it-to-be-but-that-is-allowed-all-the-same-0001"
	got := map[string]string{}
	for _, change := range []string{"production-42", "a.b", "a-b", long, long + "2"} {
		name := token(change, "")
		if len(name) > 117 {
			t.Errorf("%s has %d characters", name, len(name))
		}
		got[name] = change
	}
	if name := token("production-42", "0b9d8f7e-1111-2222"); name != "drawbridge-production-42-0b9d8f7e" {
		t.Error(name)
	}
	if len(got) != 5 || got["drawbridge-production-42"] == "" || got["drawbridge-a-b"] != "a-b" {
		t.Errorf("%v", got)
	}
}

func TestFieldPath(t *testing.T) {
	t.Parallel()
	p := func(s string) *string { return &s }
	for _, c := range []struct {
		target types.ResourceTargetDefinition
		want   string
	}{
		{types.ResourceTargetDefinition{Attribute: "Properties", Path: p("/Properties/MultiAZ")}, "MultiAZ"},
		{types.ResourceTargetDefinition{Attribute: "Properties", Path: p("/Properties/Tags/0/Value")}, "Tags[0].Value"},
		{types.ResourceTargetDefinition{Attribute: "Properties", Path: p("/Properties/Map/a~1b.c")}, `Map["a/b.c"]`},
		{types.ResourceTargetDefinition{Attribute: "Properties", Name: p("MultiAZ")}, "MultiAZ"},
		{types.ResourceTargetDefinition{Attribute: "DeletionPolicy"}, "DeletionPolicy"},
		{types.ResourceTargetDefinition{Attribute: "Tags", Path: p("/Tags")}, "Tags"},
	} {
		if d := cmp.Diff(c.want, fieldPath(c.target)); d != "" {
			t.Error(d)
		}
	}
}
