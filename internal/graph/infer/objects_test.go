package infer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/internal/graph"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

var here = Place{Namespace: "shop", Region: "eu-west-1"}

// edgesOf infers the edges of components given as a txtar: a file is a component, one
// with Resources a template.
func edgesOf(t *testing.T, files string) []graph.Edge {
	t.Helper()
	facts := map[string]Facts{}
	for _, f := range txtar.Parse([]byte(files)).Files {
		name := strings.TrimSuffix(f.Name, ".yaml")
		if strings.Contains(string(f.Data), "Resources:") {
			parsed, err := template.Parse(f.Data, f.Name)
			if err == nil {
				err = parsed.Validate()
			}
			if err != nil {
				t.Fatal(err)
			}
			facts[name] = Template(parsed, template.Environment{Region: here.Region, StackName: "production-" + name})
			continue
		}
		tree, blobs := gittest.Tree(t, map[string]string{f.Name: string(f.Data)})
		r, err := render.Kubernetes(t.Context(), tree, blobs, "", render.Inputs{Pending: []string{"OPEN"}}, render.Options{})
		if err != nil {
			t.Fatal(err)
		}
		facts[name] = Objects(r.Objects, here)
	}
	return Edges(facts)
}

// printed is an edge a line, with its reasons.
func printed(edges []graph.Edge) string {
	var b strings.Builder
	for _, e := range edges {
		for _, r := range e.Reasons {
			fmt.Fprintf(&b, "%s needs %s: %s\n", e.From, e.To, r)
		}
	}
	return b.String()
}

// rule is what one rule finds, and edits of the files after which it finds nothing.
type rule struct {
	files string
	want  string
	none  []edit
}

type edit struct{ before, after string }

// check tries the rule in both directions.
func (r rule) check(t *testing.T) {
	t.Helper()
	if d := cmp.Diff(strings.TrimSpace(r.want), strings.TrimSpace(printed(edgesOf(t, r.files)))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(r.none) == 0 {
		t.Error("the rule is not tried where there is no edge")
	}
	for _, e := range r.none {
		if !strings.Contains(r.files, e.before) {
			t.Errorf("no %q in the files", e.before)
		}
		if got := printed(edgesOf(t, strings.Replace(r.files, e.before, e.after, 1))); got != "" {
			t.Errorf("with %q instead of %q:\n%s", e.after, e.before, got)
		}
	}
}

const pod = `
-- app.yaml --
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
`

// lookalikes are names that only look like those of "a" in "shop".
var lookalikes = []edit{
	{"metadata: {name: a}", "metadata: {name: ab}"},
	{"metadata: {name: a}", "metadata: {name: A}"},
	{"metadata: {name: a}", "metadata: {name: a, namespace: other}"},
	{"metadata: {name: app}", "metadata: {name: app, namespace: other}"},
	{"metadata: {name: a}", "metadata: {name: \"${OPEN}\"}"},
}

func TestObjects(t *testing.T) {
	t.Parallel()
	settings := "-- settings.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	keys := "-- keys.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	readsMap := "app needs settings: Pod app reads ConfigMap shop/a, app.yaml:1"
	readsSecret := "app needs keys: Pod app reads Secret shop/a, app.yaml:1"
	optional := func(name string) edit { return edit{name, strings.TrimSuffix(name, "}") + ", optional: true}"} }
	also := func(edits ...edit) []edit { return append(edits, lookalikes...) }

	for name, r := range map[string]rule{
		"envFrom of a ConfigMap": {pod + "  containers: [{envFrom: [{configMapRef: {name: a}}]}]\n" + settings, readsMap, also(optional("{name: a}"), edit{"kind: ConfigMap", "kind: Secret"})},
		"envFrom of a Secret":    {pod + "  containers: [{envFrom: [{secretRef: {name: a}}]}]\n" + keys, readsSecret, also(optional("{name: a}"), edit{"kind: Secret", "kind: ConfigMap"})},
		"a variable of a Secret": {pod + "  initContainers: [{env: [{name: X, valueFrom: {secretKeyRef: {name: a, key: k}}}]}]\n" + keys, readsSecret, also(optional("{name: a, key: k}"))},
		"a variable of a ConfigMap": {pod + "  containers: [{env: [{name: X, valueFrom: {configMapKeyRef: {name: a, key: k}}}]}]\n" + settings, readsMap,
			also(edit{"configMapKeyRef", "fieldRef"})},
		"a volume of a Secret":    {pod + "  volumes: [{name: v, secret: {secretName: a}}]\n" + keys, readsSecret, also(optional("{secretName: a}"))},
		"a volume of a ConfigMap": {pod + "  volumes: [{name: a, configMap: {name: a}}]\n" + settings, readsMap, also(edit{"configMap: {name: a}", "emptyDir: {}"})},
		"projected": {pod + "  volumes: [{name: v, projected: {sources: [{configMap: {name: a}}, {secret: {name: a}}]}}]\n" + settings + keys,
			readsMap + "\n" + readsSecret, []edit{{"metadata: {name: app}", "metadata: {name: app, namespace: other}"}, {"projected:", "csi:"}}},
		"imagePullSecrets": {pod + "  imagePullSecrets: [{name: a}]\n" + keys, "app needs keys: Pod app pulls images with Secret shop/a, app.yaml:1", lookalikes},
		"a ServiceAccount": {pod + "  serviceAccountName: a\n-- id.yaml --\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n",
			"app needs id: Pod app runs as ServiceAccount shop/a, app.yaml:1", also(edit{"serviceAccountName: a", "serviceAccountName: default"})},
		"a Namespace": {"-- app.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: a}\n-- place.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
			"app needs place: ConfigMap a/x is in Namespace a, app.yaml:1", []edit{{"namespace: a", "namespace: b"}, {", namespace: a", ""}, {"kind: Namespace", "kind: ConfigMap"}}},
		"the default Namespace": {"-- app.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n-- place.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
			"app needs place: ConfigMap x is in Namespace shop, app.yaml:1", []edit{{"kind: ConfigMap", "kind: PriorityClass"}, {"name: x", "name: x, namespace: other"}}},
		"a custom resource": {"-- app.yaml --\napiVersion: example.com/v1\nkind: Widget\nmetadata: {name: x}\n-- kinds.yaml --\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec: {group: example.com, names: {kind: Widget}}\n",
			"app needs kinds: Widget x is of the kind Widget.example.com, app.yaml:1", []edit{{"example.com/v1", "example.org/v1"}, {"kind: Widget\n", "kind: Gadget\n"}, {"group: example.com", "group: sub.example.com"}}},
		"a Role": {"-- app.yaml --\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: app}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}\n-- role.yaml --\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\n",
			"app needs role: RoleBinding app grants Role shop/a, app.yaml:1", also(edit{"kind: Role,", "kind: ClusterRole,"})},
		"a ClusterRole": {"-- app.yaml --\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: app}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a}\n-- role.yaml --\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n",
			"app needs role: RoleBinding app grants ClusterRole a, app.yaml:1", []edit{{"kind: ClusterRole,", "kind: Role,"}, {"metadata: {name: a}", "metadata: {name: b}"}}},
		"an IAM role": {"-- app.yaml --\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app, annotations: {eks.amazonaws.com/role-arn: \"arn:aws:iam::123456789012:role/team/app\"}}\n-- roles.yaml --\nResources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: app, Path: /team/, AssumeRolePolicyDocument: {}}}}\n",
			"app needs roles: ServiceAccount app takes the role team/app, app.yaml:1",
			[]edit{{"RoleName: app", "RoleName: App"}, {"Path: /team/, ", ""}, {"role/team/app", "user/team/app"}, {"RoleName: app, ", ""}, {":iam:", ":sts:"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

func TestKindsThatMakePods(t *testing.T) {
	t.Parallel()
	keys := "-- keys.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	template := "{spec: {containers: [{envFrom: [{secretRef: {name: a}}]}]}}"
	for kind, spec := range map[string]string{
		"apps/v1 Deployment": "{template: %s}", "apps/v1 StatefulSet": "{template: %s}", "apps/v1 DaemonSet": "{template: %s}",
		"apps/v1 ReplicaSet": "{template: %s}", "batch/v1 Job": "{template: %s}", "batch/v1 CronJob": "{jobTemplate: {spec: {template: %s}}}",
	} {
		version, kind, _ := strings.Cut(kind, " ")
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rule{
				"-- app.yaml --\napiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: app}\nspec: " + fmt.Sprintf(spec, template) + "\n" + keys,
				"app needs keys: " + kind + " app reads Secret shop/a, app.yaml:1",
				append([]edit{{version, "example.com/v1"}}, lookalikes...),
			}.check(t)
		})
	}
}
