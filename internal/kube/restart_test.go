package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

const three = `
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
`

// Killed in the middle of an apply, the next process finishes it.
func TestKilledWhileApplying(t *testing.T) {
	if file := os.Getenv("KUBE_TEST_CHILD"); file != "" {
		config, err := clientcmd.BuildConfigFromFlags("", file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(config, Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		namespace := os.Getenv("KUBE_TEST_NAMESPACE")
		_, err = c.Apply(t.Context(), Owner{Environment: "test/" + namespace, Component: "web"}, objects(t, three), ApplyOptions{DefaultNamespace: namespace})
		t.Fatalf("the child lived on: %v", err)
	}
	t.Parallel()
	p := controlplane.Shared(t)
	w := worldIn(t, p)
	file := t.TempDir() + "/kubeconfig"
	if err := os.WriteFile(file, p.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(w.ctx, os.Args[0], "-test.run=^TestKilledWhileApplying$")
	child.Env = append(os.Environ(), "KUBE_TEST_CHILD="+file, "KUBE_TEST_NAMESPACE="+w.namespace, failpoint.Variable+"=kube/after-apply=kill@2")
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v:\n%s", err, out)
	}
	got := map[diff.Action]int{}
	for _, c := range w.apply(three).Changes {
		got[c.Action]++
	}
	if got[diff.NoOp] < 2 || got[diff.NoOp]+got[diff.Create] != 3 {
		t.Error(got)
	}
}

// What is being deleted is waited for, and created anew.
func TestApplyToWhatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [example.test/held]}\n"
	first := w.apply(text)
	maps := w.client.CoreV1().ConfigMaps(w.namespace)
	if err := maps.Delete(w.ctx, "c", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := maps.Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(w.ctx, time.Second)
	defer cancel()
	_, err = w.Apply(short, w.owner, objects(t, text), ApplyOptions{DefaultNamespace: w.namespace})
	var stuck *StuckError
	if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "example.test/held") {
		t.Fatalf("applied to what is being deleted: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := w.tryApply(text); done <- err }()
	if _, err := maps.Patch(w.ctx, "c", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	after, err := maps.Get(w.ctx, "c", metav1.GetOptions{})
	if err != nil || after.UID == before.UID {
		t.Error("it is still the old one", err)
	}
	if err := w.Wait(w.ctx, first.Objects, nil); err != nil {
		t.Error(err)
	}
}

func TestApplyAsServiceAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	as := ApplyOptions{DefaultNamespace: w.namespace, ServiceAccount: w.namespace + ":deployer"}
	_, err := w.Apply(w.ctx, w.owner, objects(t, three), as)
	if !apierrors.IsForbidden(err) || !strings.Contains(fmt.Sprint(err), "system:serviceaccount:"+w.namespace+":deployer") || !strings.Contains(err.Error(), "grant get, create and patch") {
		t.Fatal(err)
	}
	_, err = w.client.RbacV1().Roles(w.namespace).Create(w.ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create", "patch"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.client.RbacV1().RoleBindings(w.namespace).Create(w.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "deployer"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "deployer", Namespace: w.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.until(func() bool { // the authorizer sees the binding a moment later
		_, err = w.Apply(w.ctx, w.owner, objects(t, three), as)
		return err == nil
	})
}

func TestWatchThatIsForbidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "nobody", Groups: []string{"system:authenticated"}}
	c, err := New(config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Apply(w.ctx, w.owner, objects(t, three), ApplyOptions{DefaultNamespace: w.namespace})
	if err == nil || !strings.Contains(err.Error(), "needs list and watch") {
		t.Error(err)
	}
}

// Who takes our labels away hides the object from the watch; that is noticed,
// and mended by applying again.
func TestDriftOfLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.apply(fmt.Sprintf(web, "red", 0, "1"))
	w.seenBy(a)
	w.merge("web", `{"metadata":{"labels":{"drawbridge.dev/environment":null}}}`)
	if d := cmp.Diff(Drift{Owner: w.owner, Object: w.id(a.Objects[1]), Deleted: true}, w.drift()); d != "" {
		t.Fatal(d)
	}
	again := w.apply(fmt.Sprintf(web, "red", 0, "1"))
	if c := again.Changes[1]; c.Action != diff.Update || !strings.Contains(c.Reason, "label") {
		t.Errorf("%+v", c)
	}
	w.seenBy(again)
}
