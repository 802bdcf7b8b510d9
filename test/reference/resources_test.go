package reference

import (
	"io/fs"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/api/crds"
)

//go:generate go test -run TestAPI|TestSandbox -update .

func TestAPI(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no definitions in api/crds", err)
	}
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, name := range names {
		body, err := fs.ReadFile(crds.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		d := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(body, d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		definitions = append(definitions, d)
	}
	Current(t, "../../docs/reference/api.md", Resources(definitions))
}
