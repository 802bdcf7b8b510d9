package kube

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

func filesOf(t *testing.T, text string) Files {
	t.Helper()
	f := Files{Objects: map[string]render.Object{}}
	all := objects(t, text)
	ids, err := f.Identify(t.Context(), all, nil, "default")
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		f.Objects[id] = all[i]
	}
	return f
}

func TestFilesIdentify(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}":                                             "/ConfigMap/shop/a",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}":                               "/ConfigMap/b/a",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}":                               "/Namespace//a",
		"{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}}":                 "rbac.authorization.k8s.io/ClusterRole//a",
		"{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a}}":                           "storage.k8s.io/StorageClass//a",
		"{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: a}}":                "external-secrets.io/ClusterSecretStore//a",
		"{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}}":                    "external-secrets.io/ExternalSecret/shop/a",
		"{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: a, namespace: b}}":              "postgresql.cnpg.io/Cluster/b/a",
		"{apiVersion: example.test/v1, kind: Zone, metadata: {name: a}}":                                     "example.test/Zone//a",
		"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a, namespace: b}, spec: {x: y}}": "networking.k8s.io/Ingress/b/a",
	} {
		crd := objects(t, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: zones.example.test}, spec: {group: example.test, scope: Cluster, names: {kind: Zone, plural: zones}, versions: [{name: v1, served: true}]}}")
		got, err := Files{}.Identify(t.Context(), objects(t, object), crd, "shop")
		if d := cmp.Diff([]string{want}, got); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	for object, want := range map[string]string{
		"{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a}}":                                                      "metadata.name",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}": "already defined at app.yaml:1",
		"{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}":                                        "use apiVersion policy/v1",
		"{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: 1}}":                                             "expected text",
	} {
		if _, err := (Files{}).Identify(t.Context(), objects(t, object), nil, "shop"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", object, err)
		}
	}
}

func TestFilesPreview(t *testing.T) {
	t.Parallel()
	const claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
	f := filesOf(t, strings.ReplaceAll(fmt.Sprintf(web, "red", 1, "1"), "metadata: {name:", "metadata: {namespace: shop, name:")+claim)
	now := strings.ReplaceAll(fmt.Sprintf(web, render.Placeholder, 2, "1"), "metadata: {name:", "metadata: {namespace: shop, name:")
	changes, err := f.Preview(t.Context(), Owner{}, objects(t, now+"---\napiVersion: v1\nkind: Secret\nmetadata: {name: new}\n"), PreviewOptions{ApplyOptions: ApplyOptions{DefaultNamespace: "shop"}})
	if d := cmp.Diff([]string{"unknown ConfigMap settings", "update apps/Deployment web", "create Secret new"}, actions(changes)); d != "" || err != nil {
		t.Fatal(err, d)
	}
	if d := cmp.Diff([]diff.Field{{Path: "data.color", Before: "red", After: diff.Later, Unknown: true}}, changes[0].Fields); d != "" {
		t.Error(d)
	}
	changes, err = f.PreviewPrune(t.Context(), Owner{}, []string{"/PersistentVolumeClaim/shop/data", "/Namespace//shop", "/ConfigMap/shop/settings", "/ConfigMap/shop/gone"})
	if d := cmp.Diff([]string{"delete PersistentVolumeClaim data", "delete Namespace shop", "delete ConfigMap settings"}, actions(changes)); d != "" || err != nil {
		t.Fatal(err, d)
	}
	if !changes[0].LosesData() || !changes[1].LosesData() || changes[2].LosesData() {
		t.Errorf("%+v", changes)
	}
}
