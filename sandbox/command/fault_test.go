package command

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
)

func TestPrintFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		list []fault.Status
		want string
	}{
		{nil, "no faults are set\n"},
		{[]fault.Status{
			{Fault: fault.Fault{Kind: fault.Throttle, Service: "cloudformation", Operation: "ExecuteChangeSet", After: 1, Count: 3}, Seen: 2, Met: 1},
			{Fault: fault.Fault{Kind: fault.Lose, Rate: 0.25, Seed: 7}},
		}, "KIND      SERVICE         OPERATION         AFTER  COUNT  RATE  SEED  SEEN  MET\n" +
			"throttle  cloudformation  ExecuteChangeSet  1      3      0     0     2     1\n" +
			"lose      *               *                 0      0      0.25  7     0     0\n"},
	} {
		var out bytes.Buffer
		if err := printFaults(&out, test.list); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
