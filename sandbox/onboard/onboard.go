// Package onboard does in a sandbox what a platform team does once: it makes a
// repository on the Git server, has its pushes announced to the controller, and
// binds a branch of it to the sandbox's cluster and AWS region by an Environment.
package onboard

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
)

// Binding is a branch of a repository and the Environment that follows it, in the
// namespace default.
type Binding struct {
	Environment, Repository, Branch string
}

// Place is a sandbox, by the variables of its Env.
type Place map[string]string

// PlaceOf reads NAME=value variables, as sandbox.ReadEnv gives them.
func PlaceOf(env []string) Place {
	p := Place{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		p[name] = value
	}
	return p
}

// GitURL is the repository's URL, without credentials.
func (p Place) GitURL(repository string) string {
	return p["DRAWBRIDGE_GIT_URL"] + "/" + repository + ".git"
}

// Client reads and writes the sandbox's cluster as its administrator.
func (p Place) Client() (client.Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", p["KUBECONFIG"])
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{}
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		return nil, err
	}
	return client.New(config, client.Options{Scheme: s})
}

// Bind makes what is not there yet. The Git server's user alice owns the
// repository, the controller reads it as drawbridge.
func Bind(ctx context.Context, p Place, b Binding) error {
	server := forge.Client{URL: p["DRAWBRIDGE_GIT_URL"], User: "alice", Token: p["DRAWBRIDGE_GIT_TOKEN_ALICE"]}
	if _, err := server.CreateRepository(ctx, b.Repository); err != nil {
		return fmt.Errorf("create repository %s on the Git server: %w", b.Repository, err)
	}
	hook := forge.Hook{URL: p["DRAWBRIDGE_API_URL"] + "/webhooks/push", Secret: p["DRAWBRIDGE_WEBHOOK_SECRET"]}
	if err := server.SetHook(ctx, b.Repository, "drawbridge", hook); err != nil {
		return fmt.Errorf("announce pushes to %s: %w", b.Repository, err)
	}
	k, err := p.Client()
	if err != nil {
		return err
	}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: name} }
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: named("git"), StringData: map[string]string{"username": "drawbridge", "password": p["DRAWBRIDGE_GIT_TOKEN_DRAWBRIDGE"]}},
		&corev1.Secret{ObjectMeta: named("webhook"), StringData: map[string]string{"token": p["DRAWBRIDGE_WEBHOOK_SECRET"]}},
		&v1alpha1.Environment{
			ObjectMeta: named(b.Environment),
			Spec: v1alpha1.EnvironmentSpec{
				Source: v1alpha1.Source{
					URL: p.GitURL(b.Repository), Branch: b.Branch,
					SecretRef: &v1alpha1.LocalReference{Name: "git"}, WebhookSecretRef: &v1alpha1.LocalReference{Name: "webhook"},
				},
				AWS: &v1alpha1.AWS{Region: p["AWS_REGION"]},
				// The sandbox stores roles and enforces none.
				Build: v1alpha1.Build{RoleARN: "arn:aws:iam::" + p["AWS_ACCOUNT_ID"] + ":role/builds"},
			},
		},
	} {
		if err := k.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create %s: %w", object.GetName(), err)
		}
	}
	return nil
}
