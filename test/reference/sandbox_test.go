package reference

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/test/witness"
)

// witnesses are the test packages that write down what clients called.
var witnesses = []string{"../../sandbox/aws/", "../../sandbox/aws/cloudformation/", "../clients/"}

func TestSandbox(t *testing.T) {
	t.Parallel()
	endpoint, err := aws.New(aws.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer endpoint.Close()
	var files []string
	for _, dir := range witnesses {
		files = append(files, dir+witness.File)
	}
	seen, err := witness.Read(files...)
	if err != nil {
		t.Fatal(err)
	}
	apis := endpoint.APIs()
	for _, s := range seen {
		there := slices.ContainsFunc(apis, func(a aws.API) bool { return a.Name == s.Service && slices.Contains(a.Operations, s.Operation) })
		if !there {
			t.Errorf("%s %s was called by %s and is not there any more: run the tests of %v with -update", s.Service, s.Operation, s.Client, witnesses)
		}
	}
	Current(t, "../../docs/sandbox-aws.md", Sandbox(apis, endpoint.Resources().Types(), seen))
}
