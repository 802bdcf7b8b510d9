package controller

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	cachetest "k8s.io/client-go/tools/cache/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/server"
)

// secretsOf are the Secrets, as if they had been watched for a while.
func secretsOf(t *testing.T, all ...*corev1.Secret) *secrets {
	t.Helper()
	s := &secrets{ctx: t.Context(), byName: map[types.NamespacedName]cache.SharedIndexInformer{}}
	put := func(key types.NamespacedName, found ...*corev1.Secret) {
		source := cachetest.NewFakeControllerSource()
		for _, f := range found {
			source.Add(f)
		}
		informer := cache.NewSharedIndexInformer(source, &corev1.Secret{}, 0, cache.Indexers{})
		s.byName[key] = informer
		go informer.Run(t.Context().Done())
	}
	put(types.NamespacedName{Namespace: "team", Name: "absent"})
	for _, x := range all {
		put(client.ObjectKeyFromObject(x), x)
	}
	return s
}

func secretNamed(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, ResourceVersion: "1"}, Data: data}
}

func TestPushed(t *testing.T) {
	t.Parallel()
	env := func(name, branch, url, secret string) *v1alpha1.Environment {
		e := production()
		e.Name, e.Spec.Source.Branch, e.Spec.Source.URL = name, branch, url
		if secret != "" {
			e.Spec.Source.WebhookSecretRef = &v1alpha1.LocalReference{Name: secret}
		}
		return e
	}
	const shop = "https://git.example.com/shop.git"
	k := fakeCluster(t,
		env("production", "main", shop, "right"), env("mirror", "main", "https://git.example.com/shop/", "right"), env("other-secret", "main", shop, "other"),
		env("no-secret", "main", shop, ""), env("staging", "staging", shop, "right"), env("elsewhere", "main", "https://git.example.com/shop2", "right"),
		env("broken", "main", shop, "absent"), env("lost", "lost", shop, "absent"),
	)
	for name, tt := range map[string]struct {
		branch, secret string
		want           error
		nudged         string
	}{
		"to those whose secret signed it": {"main", "right", nil, "mirror production"},
		"another secret":                  {"main", "other", nil, "other-secret"},
		"a wrong secret":                  {"main", "wrong", server.ErrUnsigned, ""},
		"an empty secret":                 {"main", "", server.ErrUnsigned, ""},
		"a branch that nobody follows":    {"feature", "right", server.ErrNoEnvironment, ""},
		"a branch that one follows":       {"staging", "right", nil, "staging"},
		"one whose secret is not there":   {"lost", "right", server.ErrUnsigned, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := pushedTo(k, secretsOf(t, secretNamed("right", map[string][]byte{"token": []byte("right")}), secretNamed("other", map[string][]byte{"token": []byte("other")})))
			err := r.Pushed(t.Context(), server.Push{
				URLs: []string{"ssh://git@git.example.com/shop.git", shop}, Branch: tt.branch, After: "abc", Pusher: "alice",
				Signed: func(secret []byte) bool { return len(secret) > 0 && string(secret) == tt.secret },
			})
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			var nudged []string
			for len(r.nudges) > 0 {
				nudged = append(nudged, (<-r.nudges).Object.GetName())
			}
			if got := strings.Join(nudged, " "); got != tt.nudged {
				t.Errorf("fetched are %q, want %q", got, tt.nudged)
			}
			if pusher := r.pushers.of("abc"); (pusher == "alice") != (tt.want == nil) {
				t.Errorf("pusher %q is remembered; only a signed event is worth anything", pusher)
			}
		})
	}
}

func pushedTo(k client.Client, s *secrets) *environments {
	return &environments{
		world:  &world{client: k, log: slog.New(slog.DiscardHandler), repositories: &repositories{secrets: s}, pushers: &pushers{byHead: map[string]string{}}},
		nudges: make(chan event.GenericEvent, 10),
	}
}

// A Secret that is missing is told with its name, and waits for nobody.
func TestSecrets(t *testing.T) {
	t.Parallel()
	s := secretsOf(t, secretNamed("git", map[string][]byte{"username": []byte("u"), "token": []byte("t")}))
	data, err := s.data(t.Context(), production(), "git")
	if err != nil || string(data["username"]) != "u" {
		t.Errorf("%v %v", data, err)
	}
	if _, err := s.data(t.Context(), production(), "absent"); err == nil || !strings.Contains(err.Error(), "team/absent: not found") {
		t.Errorf("%v, want the name of the Secret", err)
	}
	env := production()
	env.Spec.Source.SecretRef = &v1alpha1.LocalReference{Name: "git"}
	r := &repositories{secrets: s}
	if _, _, err := r.fetch(t.Context(), env); err == nil || !strings.Contains(err.Error(), `has no key "password"`) {
		t.Errorf("%v, want the key that is missing", err)
	}
	// One that is not known yet does not hold anybody longer than they want to wait.
	s.byName[types.NamespacedName{Namespace: "team", Name: "slow"}] = cache.NewSharedIndexInformer(&cache.ListWatch{}, &corev1.Secret{}, 0, cache.Indexers{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.data(ctx, production(), "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that its time was over", err)
	}
}

func TestPushersForgetInTheEnd(t *testing.T) {
	t.Parallel()
	p := &pushers{byHead: map[string]string{}}
	for i := range 3 * maxPushers {
		p.saw(strings.Repeat("x", i), "alice")
	}
	if len(p.byHead) > maxPushers || p.of(strings.Repeat("x", 3*maxPushers-1)) != "alice" {
		t.Errorf("%d are remembered, the last as %q", len(p.byHead), p.of(strings.Repeat("x", 3*maxPushers-1)))
	}
}
