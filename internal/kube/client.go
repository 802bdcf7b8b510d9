package kube

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// client sends requests with one identity, bounded by its Cluster's slots, and
// repeats them while that makes sense.
type client struct {
	rest     rest.Interface
	host     string
	slots    chan struct{}
	patience patience
}

func (c *Cluster) newClient(config *rest.Config, httpClient *http.Client) (*client, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion = &schema.GroupVersion{}
	config.APIPath = "/"
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	r, err := rest.RESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	return &client{rest: r, host: config.Host, slots: c.slots, patience: c.patience}, nil
}

// request is one call. All that are sent may be repeated without harm.
type request struct {
	verb        string
	path        string
	query       url.Values
	contentType types.PatchType // for PATCH
	accept      string          // default: application/json
	body        []byte
	again       func(error) bool // further errors that pass with time
}

// answer is what the server said: 201 for an object that was created, 200 else.
type answer struct {
	status int
	body   []byte
}

func (c *client) do(ctx context.Context, q request) (answer, error) {
	var a answer
	err := c.patience.try(ctx, q.again, func() (err error) {
		a, err = c.once(ctx, q)
		return err
	})
	return a, err
}

func (c *client) once(ctx context.Context, q request) (answer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	r := c.rest.Verb(q.verb).AbsPath(q.path).MaxRetries(0)
	for k, vs := range q.query {
		for _, v := range vs {
			r = r.Param(k, v)
		}
	}
	if q.body != nil {
		r = r.Body(q.body)
	}
	if q.contentType != "" {
		r = r.SetHeader("Content-Type", string(q.contentType))
	}
	if q.accept != "" {
		r = r.SetHeader("Accept", q.accept)
	}
	var a answer
	result := r.Do(ctx).StatusCode(&a.status)
	if err := result.Error(); err != nil {
		return a, err
	}
	var err error
	a.body, err = result.Raw()
	return a, err
}
