package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/verify"
	"github.com/drawbridge-gitops/drawbridge/internal/verify/awsaccount"
)

// places are the clusters and AWS accounts that Environments deploy to, each
// connected to once and shared by all that name it.
type places struct {
	home    *rest.Config
	secrets *secrets
	options Options
	// contentKey of the hashes of what Secrets hold.
	contentKey []byte
	// drifted is called for each drift, one after the other for each object.
	drifted func(context.Context, kube.Drift)

	ctx      context.Context
	cancel   context.CancelFunc
	mu       sync.Mutex
	clusters map[string]*kube.Cluster
	accounts map[awsPlace]*awsAccount
	working  sync.WaitGroup
}

func newPlaces(home *rest.Config, s *secrets, o Options, contentKey []byte) *places {
	p := &places{home: home, secrets: s, options: o, contentKey: contentKey, clusters: map[string]*kube.Cluster{}, accounts: map[awsPlace]*awsAccount{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *places) close() {
	p.cancel()
	p.mu.Lock()
	for _, c := range p.clusters {
		c.Close()
	}
	p.mu.Unlock()
	p.working.Wait()
}

// awsPlace is what an Environment says of AWS, as far as a connection depends on it.
type awsPlace struct {
	account.Place
	templateBucket string
}

// awsAccount is a connection to AWS.
type awsAccount struct {
	account *account.Account
	stacks  *stack.Deployer
}

// of fills in where an Environment deploys to; no Stacks and no Account when it
// names no AWS.
func (p *places) of(ctx context.Context, env *v1alpha1.Environment, r *rollout.Request) error {
	cluster, err := p.cluster(ctx, env)
	if err != nil {
		return err
	}
	r.Cluster = cluster
	if env.Spec.AWS == nil {
		return nil
	}
	a, err := p.account(ctx, awsPlace{
		account.Place{Region: env.Spec.AWS.Region, RoleARN: env.Spec.AWS.RoleARN}, env.Spec.AWS.TemplateBucket,
	})
	if err != nil {
		return fmt.Errorf("environment %s/%s: AWS: %w", env.Namespace, env.Name, err)
	}
	r.Stacks, r.Account = a.stacks, a.account
	role := env.Spec.AWS.RoleARN
	r.LookInterval = p.options.StackInterval
	r.Look = func(ctx context.Context, region string) (verify.Account, error) {
		a, err := p.account(ctx, awsPlace{Place: account.Place{Region: region, RoleARN: role}})
		if err != nil {
			return nil, err
		}
		return awsaccount.New(a.account.Config()), nil
	}
	r.Elsewhere = func(ctx context.Context, region string) (rollout.Stacks, rollout.Account, error) {
		a, err := p.account(ctx, awsPlace{Place: account.Place{Region: region, RoleARN: role}})
		if err != nil {
			return nil, nil, err
		}
		return a.stacks, a.account, nil
	}
	return nil
}

// config is how the Environment's cluster is reached, and a key that is the same for
// the same.
func (p *places) config(ctx context.Context, env *v1alpha1.Environment) (config *rest.Config, key string, err error) {
	config = p.home
	if ref := env.Spec.Cluster.KubeconfigSecretRef; ref != nil {
		data, err := p.secrets.data(ctx, env, ref.Name)
		if err != nil {
			return nil, "", fmt.Errorf("environment %s/%s: kubeconfig: %w", env.Namespace, env.Name, err)
		}
		sum := sha256.Sum256(data["value"])
		key = hex.EncodeToString(sum[:])
		if config, err = clientcmd.RESTConfigFromKubeConfig(data["value"]); err != nil {
			// The error may quote the file, which holds credentials.
			return nil, "", fmt.Errorf("environment %s/%s: Secret %s has no usable kubeconfig under the key \"value\"", env.Namespace, env.Name, ref.Name)
		}
		if config.ExecProvider != nil || config.AuthProvider != nil {
			return nil, "", fmt.Errorf("environment %s/%s: the kubeconfig in Secret %s runs a program to log in, which the controller does not do: put a token or a client certificate in it", env.Namespace, env.Name, ref.Name)
		}
	}
	return config, key, nil
}

func (p *places) cluster(ctx context.Context, env *v1alpha1.Environment) (*kube.Cluster, error) {
	config, key, err := p.config(ctx, env)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clusters[key]; c != nil {
		return c, nil
	}
	if p.ctx.Err() != nil {
		return nil, errors.New("the controller stops")
	}
	c, err := kube.New(config, kube.Options{Log: p.options.Log, ContentKey: p.contentKey})
	if err != nil {
		return nil, err
	}
	p.clusters[key] = c
	p.working.Go(func() { p.watchDrift(c) })
	return c, nil
}

// forget an owner whose Environment is gone: what it applied stays and is its
// own from now on.
func (p *places) forget(owner kube.Owner) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clusters {
		c.Forget(owner)
	}
}

// driftsAtOnce bounds how many objects are corrected at the same time.
const driftsAtOnce = 8

func (p *places) watchDrift(c *kube.Cluster) {
	slots := make(chan struct{}, driftsAtOnce)
	for d := range c.Drifts() {
		slots <- struct{}{}
		p.working.Go(func() {
			defer func() { <-slots }()
			p.drifted(p.ctx, d)
		})
	}
}

// account connects to a region with a role.
func (p *places) account(ctx context.Context, place awsPlace) (*awsAccount, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.accounts[place]; a != nil {
		return a, nil
	}
	connected, err := account.Connect(ctx, place.Place)
	if err != nil {
		return nil, err
	}
	a := &awsAccount{connected, stack.Connect(connected, place.templateBucket, stack.Options{Interval: p.options.StackInterval})}
	p.accounts[place] = a
	return a, nil
}
