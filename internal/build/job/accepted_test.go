package job

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/drawbridge-gitops/drawbridge/test/controlplane"
)

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m)) }

// A real API server takes the objects as they are, and knows each of their fields.
func TestObjectsAreAccepted(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a control plane")
	}
	client, err := kubernetes.NewForConfig(controlplane.Shared(t).Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: declared.Namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Declaration{declared, {Namespace: declared.Namespace, Name: "plain", Image: "i", AgentImage: "a"}} {
		job, err := client.BatchV1().Jobs(d.Namespace).Create(ctx, Object(d), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
		if err != nil {
			t.Fatal(err)
		}
		secret, err := Secret(job, instruction)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().Secrets(d.Namespace).Create(ctx, secret, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
			t.Error(err)
		}
		if pod := job.Spec.Template.Spec; d.ServiceAccount == "" && (pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken) {
			t.Error("a build without a service account gets a token")
		}
	}
}
