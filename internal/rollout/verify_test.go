package rollout

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

const synced = `
-- web/secret.yaml --
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop}
spec:
  secretStoreRef: {name: vault, kind: SecretStore}
  data: [{secretKey: a, remoteRef: {key: a}}]
-- other/web.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: shop}
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - name: other
    path: other
    dependsOn: [web]
`

// What was found to the end of the wire is in the step, and dependents wait for it.
func TestVerifiedToTheEndOfTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.commit(synced)
	w.succeeded(o)
	want := []v1alpha1.Verification{{
		Object: "ExternalSecret shop/db", Check: "secret-version", Result: "Skipped",
		Message: "synced; its version is not compared: SecretStore shop/vault is not there",
	}}
	if d := cmp.Diff(want, o.Steps[0].Verified); d != "" {
		t.Error(d)
	}
	if len(o.Steps[1].Verified) > 0 {
		t.Errorf("%v", o.Steps[1].Verified)
	}
}

func TestNotHealthyBeforeTheEndOfTheWire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cluster.reported = nil
		w.timeout = time.Minute
		o := w.commit(synced)
		const says = "ExternalSecret shop/db: waits for External Secrets: it has said nothing of this object yet"
		w.failed(o, "not healthy in time (1m0s", says)
		if w.cluster.objects["/ConfigMap/shop/other"].Object != nil || !strings.Contains(phases(o), "create other Skipped") {
			t.Errorf("what depends on it was begun: %s", phases(o))
		}
		if v := o.Steps[0].Verified; len(v) != 1 || v[0].Result != "Waiting" {
			t.Errorf("%v", v)
		}
	})
}
