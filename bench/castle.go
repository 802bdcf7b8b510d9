package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
	"github.com/drawbridge-gitops/drawbridge/sandbox/worktree"
)

// castle is a sandbox with a repository, and an Environment "production" that
// follows it by webhook.
type castle struct {
	*sandbox.Sandbox
	client  client.WithWatch
	kube    kubernetes.Interface
	tree    *worktree.Tree
	changes *follower
}

const (
	repositoryName  = "bench"
	environmentName = "production"
	author          = "alice"
)

// up starts a sandbox, without some parts, in which the simulated account takes
// no time.
func (b *bench) up(ctx context.Context, without ...string) (*castle, error) {
	program, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	s, err := sandbox.Up(ctx, sandbox.Options{
		Ephemeral: true, StateDir: b.dir, Controller: program, Without: without,
		AWSDurations: simtime.Durations{}, Log: os.Stderr,
	})
	if err != nil {
		return nil, err
	}
	return &castle{Sandbox: s}, nil
}

// down also ends the following, so that no broken watch is complained about.
func (c *castle) down() {
	if c.changes != nil {
		c.changes.stop()
	}
	if err := c.Down(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// connect makes the clients, the repository with its webhook, and follows the
// Changes.
func (c *castle) connect(ctx context.Context) (err error) {
	sch := runtime.NewScheme()
	if err := scheme.AddToScheme(sch); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(sch); err != nil {
		return err
	}
	if c.client, err = client.NewWithWatch(c.RESTConfig(), client.Options{Scheme: sch}); err != nil {
		return err
	}
	if c.kube, err = kubernetes.NewForConfig(c.RESTConfig()); err != nil {
		return err
	}
	server := forge.Client{URL: c.ForgeURL(), User: author, Token: c.Token(author)}
	if _, err := server.CreateRepository(ctx, repositoryName); err != nil {
		return err
	}
	hook := forge.Hook{URL: c.APIURL() + "/webhooks/push", Secret: c.WebhookSecret()}
	if err := server.SetHook(ctx, repositoryName, "drawbridge", hook); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "drawbridge-bench-tree-")
	if err != nil {
		return err
	}
	c.tree = &worktree.Tree{Dir: dir, URL: c.GitURL(repositoryName), User: author, Token: c.Token(author)}
	c.changes, err = follow(ctx, c.client)
	return err
}

// bind makes the Environment, as the platform team does once.
func (c *castle) bind(ctx context.Context, spec v1alpha1.EnvironmentSpec) error {
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: name} }
	spec.Source = v1alpha1.Source{
		URL: c.GitURL(repositoryName), Branch: "main",
		SecretRef: &v1alpha1.LocalReference{Name: "git"}, WebhookSecretRef: &v1alpha1.LocalReference{Name: "webhook"},
	}
	for _, o := range []client.Object{
		&corev1.Secret{ObjectMeta: named("git"), StringData: map[string]string{"username": "drawbridge", "password": c.Token("drawbridge")}},
		&corev1.Secret{ObjectMeta: named("webhook"), StringData: map[string]string{"token": c.WebhookSecret()}},
		&v1alpha1.Environment{ObjectMeta: named(environmentName), Spec: spec},
	} {
		if err := c.client.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// deploy pushes what is in the work tree and returns how long it took from the
// end of the push until the Change was Succeeded, and the requests.
func (c *castle) deploy(ctx context.Context, message string) (figure, error) {
	before, err := quiet(ctx, c.kube)
	if err != nil {
		return figure{}, err
	}
	if err := c.tree.Commit(ctx, message); err != nil {
		return figure{}, err
	}
	begun := time.Now()
	commit, err := c.tree.Push(ctx)
	if err != nil {
		return figure{}, err
	}
	pushed := time.Now()
	change, at, err := c.changes.ended(ctx, commit)
	if err != nil {
		return figure{}, err
	}
	if change.Status.Phase != v1alpha1.PhaseSucceeded {
		return figure{}, fmt.Errorf("change %s: %s: %s", change.Name, change.Status.Phase, change.Status.Message)
	}
	after, err := quiet(ctx, c.kube)
	if err != nil {
		return figure{}, err
	}
	own := "its rollout was not measured"
	if s, f := change.Status.StartedAt, change.Status.FinishedAt; s != nil && f != nil {
		own = fmt.Sprintf("the rollout itself took %s of it", f.Sub(s.Time).Round(time.Millisecond))
	}
	return figure{
		Duration: at.Sub(pushed), Requests: after.since(before).foreground(),
		Note: fmt.Sprintf("%s; git push took %s before; %s", own, pushed.Sub(begun).Round(time.Millisecond), strings.TrimSpace(change.Status.Message)),
	}, nil
}
