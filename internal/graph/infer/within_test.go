package infer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/git/gittest"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// waits are those between objects of one file, a wait a line.
func waits(t *testing.T, text string) string {
	t.Helper()
	tree, blobs := gittest.Tree(t, map[string]string{"app.yaml": text})
	r, err := render.Kubernetes(t.Context(), tree, blobs, "", render.Inputs{}, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return object{r.Objects[i].Object, r.Objects[i].Source, ""}.String() }
	var b strings.Builder
	for _, w := range Within(r.Objects, here) {
		how := "after"
		if w.Ready {
			how = "waits for"
		}
		fmt.Fprintf(&b, "%s %s %s: %s\n", name(w.From), how, name(w.To), w.Why)
	}
	return strings.TrimSpace(b.String())
}

const blog = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers: [{name: web, envFrom: [{secretRef: {name: db}}, {configMapRef: {name: web}}]}]
      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}, {name: o, secret: {secretName: extra, optional: true}}]
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: db}, spec: {secretStoreRef: {name: aws}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: more}, spec: {target: {name: extra}}}
---
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: aws}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {ingressClassName: alb, defaultBackend: {service: {name: web, port: {number: 80}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}}}
---
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}, spec: {controller: ingress.k8s.aws/alb}}
`

func TestWithin(t *testing.T) {
	t.Parallel()
	want := `
Deployment shop/web after ConfigMap web: Deployment shop/web reads ConfigMap shop/web
Deployment shop/web waits for ExternalSecret db: Deployment shop/web reads Secret shop/db (written by ExternalSecret db)
Deployment shop/web after ExternalSecret more: Deployment shop/web reads Secret shop/extra (written by ExternalSecret more)
Deployment shop/web after ServiceAccount web: Deployment shop/web runs as ServiceAccount shop/web
Deployment shop/web after PersistentVolumeClaim data: Deployment shop/web mounts PersistentVolumeClaim shop/data
ExternalSecret db after SecretStore aws: ExternalSecret db reads through SecretStore shop/aws
Ingress web after Service web: Ingress web sends to Service shop/web
Ingress web after Deployment shop/web: Ingress web sends to Service shop/web (Deployment shop/web)
Ingress web after IngressClass alb: Ingress web is of IngressClass alb`
	if d := cmp.Diff(strings.TrimSpace(want), waits(t, blog)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, e := range []edit{
		{"metadata: {name: db}", "metadata: {name: db, namespace: other}"},
		{"metadata: {name: db}, spec: {", "metadata: {name: db}, spec: {target: {creationPolicy: None}, "},
		{"secretRef: {name: db}", "secretRef: {name: db, optional: true}"},
	} {
		if !strings.Contains(blog, e.before) {
			t.Errorf("no %q", e.before)
		}
		if got := waits(t, strings.Replace(blog, e.before, e.after, 1)); strings.Contains(got, "waits for") {
			t.Errorf("with %q it waits all the same:\n%s", e.after, got)
		}
	}
}

// What is read twice is one wait, and for readiness where one of the two asks for that.
func TestWithinJoinsWaits(t *testing.T) {
	t.Parallel()
	got := waits(t, `
{apiVersion: v1, kind: Pod, metadata: {name: app}, spec: {volumes: [{secret: {secretName: a, optional: true}}, {secret: {secretName: b}}]}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: a}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: b}}
---
{apiVersion: v1, kind: Pod, metadata: {name: two}, spec: {containers: [{envFrom: [{secretRef: {name: a, optional: true}}], env: [{valueFrom: {secretKeyRef: {name: a}}}]}]}}
`)
	want := `
Pod app after ExternalSecret a: Pod app reads Secret shop/a (written by ExternalSecret a)
Pod app waits for ExternalSecret b: Pod app reads Secret shop/b (written by ExternalSecret b)
Pod two waits for ExternalSecret a: Pod two reads Secret shop/a (written by ExternalSecret a)`
	if d := cmp.Diff(strings.TrimSpace(want), got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
