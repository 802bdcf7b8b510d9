package story

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// The controller is killed in the middle of a restart for a new Secret: the workload is
// rolled out once, and the ledger has it once.
func TestControllerKilledInARestart(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs the sandbox")
	}
	c := newCastle(t, sandbox.Controller)
	s := c.newServe()
	password := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"}, StringData: map[string]string{"password": "0"}}
	c.check(c.client.Create(c.ctx, password))
	commit := c.push(map[string]string{
		"drawbridge.yaml": "apiVersion: drawbridge.dev/v1alpha1\ncomponents: [{path: app, restartOn: [secrets]}]\n",
		"app/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n" +
			"  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: example.com/web, envFrom: [{secretRef: {name: db}}]}]}}\n",
	})
	s.start("")
	c.live(commit)
	s.kill()
	sum := c.reads("")
	places := []string{"kube/before-apply", "kube/after-apply", "rollout/restarted", "ledger/inside-append", "ledger/after-commit"}
	for i, place := range places {
		s.start(place + "=kill")
		s.awaitReady()
		password.StringData = map[string]string{"password": place}
		c.check(c.client.Update(c.ctx, password))
		s.awaitDeath()
		s.start("")
		s.awaitReady()
		s.rows(i + 2)
		sum = c.reads(sum)
		var web appsv1.Deployment
		c.check(c.client.Get(c.ctx, client.ObjectKey{Namespace: "default", Name: "web"}, &web))
		if want := int64(i + 2); web.Generation != want {
			t.Errorf("%s: the Deployment is in generation %d, want %d", place, web.Generation, want)
		}
		s.kill()
	}
}

// rows waits until the ledger has so many, and finds it more than that.
func (s *serve) rows(want int) {
	s.c.t.Helper()
	var head ledger.Head
	for deadline := time.Now().Add(patience); head.Rows < int64(want) && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s.get("/api/v1/ledger/verify", &head)
	}
	if head.Rows != int64(want) {
		s.c.t.Errorf("the ledger has %d rows, want %d", head.Rows, want)
	}
}

// reads waits until the component says that its workload was applied with something else
// than before, and returns that.
func (c *castle) reads(before string) string {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var component v1alpha1.Component
		c.check(c.client.Get(c.ctx, client.ObjectKey{Namespace: "default", Name: "production.app"}, &component))
		if reads := component.Status.Applied[0].Reads; len(reads) == 1 && reads[0].Sum != before {
			return reads[0].Sum
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the component never says what its workload reads: %+v", component.Status.Applied)
		}
	}
}
