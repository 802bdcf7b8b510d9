package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// store keeps the Components of one Environment as custom resources.
type store struct {
	client   client.Client
	reader   client.Reader
	env      *v1alpha1.Environment
	patience time.Duration // how long a call is repeated while the API server is away
	slots    chan struct{} // one for each request that may be in flight
}

// storeRequests bounds the requests for Components in flight, of all
// Environments. An install has hundreds to send at once: that makes the server no
// faster, and above its hundred streams a connection each request dials another.
const storeRequests = 8

// maxName is how long the name of an object may be (RFC 1123 subdomain).
const maxName = 253

// componentName is "<environment>.<component>". Components have no dots in their
// names, so no two have one name.
func componentName(environment, component string) string {
	name := environment + "." + component
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:maxName-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}

func (s *store) List(ctx context.Context) ([]v1alpha1.Component, error) {
	var list v1alpha1.ComponentList
	err := s.patiently(ctx, func() error {
		return s.reader.List(ctx, &list, client.InNamespace(s.env.Namespace), client.MatchingLabels{v1alpha1.LabelEnvironment: s.env.Name})
	})
	return list.Items, err
}

func (s *store) Create(ctx context.Context, c *v1alpha1.Component) error {
	c.ObjectMeta = metav1.ObjectMeta{
		Namespace:       s.env.Namespace,
		Name:            componentName(s.env.Name, c.Spec.Name),
		Labels:          map[string]string{v1alpha1.LabelEnvironment: s.env.Name},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s.env, v1alpha1.GroupVersion.WithKind("Environment"))},
	}
	spec := c.Spec
	err := s.patiently(ctx, func() error { return s.client.Create(ctx, c) })
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	// Ours, by a request whose answer was lost, or left from before.
	if err := s.reload(ctx, c); err != nil {
		return err
	}
	c.Spec = spec
	return s.UpdateSpec(ctx, c)
}

func (s *store) UpdateSpec(ctx context.Context, c *v1alpha1.Component) error {
	spec := c.Spec
	return s.overwrite(ctx, c, func() { c.Spec = spec }, func() error { return s.client.Update(ctx, c) })
}

func (s *store) UpdateStatus(ctx context.Context, c *v1alpha1.Component) error {
	status := c.Status
	return s.overwrite(ctx, c, func() { c.Status = status }, func() error { return s.client.Status().Update(ctx, c) })
}

func (s *store) Delete(ctx context.Context, c *v1alpha1.Component) error {
	return s.patiently(ctx, func() error { return client.IgnoreNotFound(s.client.Delete(ctx, c)) })
}

// overwrite writes, and when somebody else wrote meanwhile, or took the object
// away, writes over that.
func (s *store) overwrite(ctx context.Context, c *v1alpha1.Component, ours func(), write func() error) error {
	for {
		err := s.patiently(ctx, write)
		switch {
		case apierrors.IsConflict(err):
			if err := s.reload(ctx, c); err != nil {
				return err
			}
			ours()
		case apierrors.IsNotFound(err):
			// Somebody deleted it. What it owns must not be forgotten.
			fresh := &v1alpha1.Component{Spec: c.Spec}
			if err := s.Create(ctx, fresh); err != nil {
				return err
			}
			status := c.Status
			*c = *fresh
			c.Status = status
			ours()
			if err := s.patiently(ctx, func() error { return s.client.Status().Update(ctx, c) }); err != nil {
				return err
			}
			return nil
		default:
			return err
		}
	}
}

func (s *store) reload(ctx context.Context, c *v1alpha1.Component) error {
	key := client.ObjectKeyFromObject(c)
	return s.patiently(ctx, func() error {
		*c = v1alpha1.Component{}
		return s.reader.Get(ctx, key, c)
	})
}

// patiently repeats a request while the API server is away or overloaded.
func (s *store) patiently(ctx context.Context, request func() error) error {
	return patiently(ctx, s.patience, func() error {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return request()
	})
}

func patiently(ctx context.Context, patience time.Duration, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	backoff := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 30, Cap: 5 * time.Second}
	var last error
	// Not wait.ExponentialBackoff: that ends where the pause reaches its cap.
	err := backoff.DelayFunc().Until(ctx, true, true, func(context.Context) (bool, error) {
		last = request()
		if kube.Passes(last) {
			return false, nil
		}
		return true, last
	})
	if err != nil && last != nil {
		return last
	}
	return err
}
