package kube

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// Options of a Cluster. The zero value has the defaults.
type Options struct {
	// Workers is how many requests may be in flight for all components
	// together. Default 8: more made two cores slower.
	Workers int

	// Patience is for how long a request is repeated while the server can't be
	// reached or fails. Default 2 minutes.
	Patience time.Duration

	// ContentKey is the key of the hashes of what Secrets hold, random, and the same in
	// each process; ApplyOptions.RestartOn needs it.
	ContentKey []byte

	// Log gets broken watches and the like. Default: slog.Default.
	Log *slog.Logger
}

// Cluster is one Kubernetes cluster as all Environments that deploy to it share
// it. Make it with New.
type Cluster struct {
	config   *rest.Config
	http     *http.Client
	own      *client
	dynamic  dynamic.Interface
	metadata metadata.Interface
	pods     corev1.PodsGetter
	kinds    *kinds
	slots    chan struct{}
	patience patience
	log      *slog.Logger
	seen     *observations
	// contentKey is Options.ContentKey.
	contentKey []byte

	mu    sync.Mutex
	as    map[string]*client  // by impersonated user
	views map[Selection]*view // that are followed
	ctx   context.Context     // of the watches, ended by Close
	close context.CancelFunc
}

// New returns the cluster at config, whose identity is used for reading and
// watching, and for writing where ApplyOptions names no other. Config's own
// limits of requests are lifted: the server has fairness rules of its own. No
// request is sent yet.
func New(config *rest.Config, o Options) (*Cluster, error) {
	if o.Workers <= 0 {
		o.Workers = 8
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	if config.UserAgent == "" {
		config.UserAgent = "drawbridge"
	}
	// One connection for all: HTTP/2 interleaves watches and writes.
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	c := &Cluster{
		config: config, http: httpClient,
		slots: make(chan struct{}, o.Workers), patience: patience{limit: o.Patience, host: config.Host, sleep: sleep}, log: o.Log,
		as: map[string]*client{}, views: map[Selection]*view{}, contentKey: o.ContentKey,
	}
	if c.own, err = c.newClient(config, httpClient); err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	if c.metadata, err = metadata.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	core, err := corev1.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	c.pods = core
	if c.kinds, err = newKinds(config, httpClient, c.patience); err != nil {
		return nil, err
	}
	c.ctx, c.close = context.WithCancel(context.Background())
	c.seen = newObservations()
	return c, nil
}

// Close ends all watches and closes the channel of Drifts. The Cluster can't be
// used after it.
func (c *Cluster) Close() {
	c.close()
	c.seen.close()
}

// writer is the client that acts as the service account, "namespace:name", or
// with the Cluster's own identity when that is empty.
func (c *Cluster) writer(serviceAccount string) (*client, error) {
	if serviceAccount == "" {
		return c.own, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.as[serviceAccount]; w != nil {
		return w, nil
	}
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + serviceAccount}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cluster %s as %s: %w", config.Host, serviceAccount, err)
	}
	w, err := c.newClient(config, httpClient)
	if err != nil {
		return nil, err
	}
	c.as[serviceAccount] = w
	return w, nil
}
