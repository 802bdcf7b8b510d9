package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// kind is a kind that the cluster serves, in one version.
type kind struct {
	schema.GroupVersionKind
	resource   string // "deployments"
	namespaced bool
	watchable  bool
}

func (k kind) gvr() schema.GroupVersionResource {
	return k.GroupVersion().WithResource(k.resource)
}

// path of an object, or of all of a namespace when the name is empty.
func (k kind) path(namespace, name string) string {
	p := "/apis/" + k.Group + "/" + k.Version
	if k.Group == "" {
		p = "/api/" + k.Version
	}
	if k.namespaced && namespace != "" {
		p += "/namespaces/" + namespace
	}
	p += "/" + k.resource
	if name != "" {
		p += "/" + name
	}
	return p
}

// kinds knows what the cluster serves. It asks again when it is asked for a kind
// that it does not know.
type kinds struct {
	discovery discovery.DiscoveryInterface
	patience  patience

	asking sync.Mutex // held while the server is asked
	mu     sync.Mutex
	asked  int // how many times the server was asked
	byGVK  map[schema.GroupVersionKind]kind
	byGK   map[schema.GroupKind][]string // versions, the server's preferred one first
	broken map[schema.GroupVersion]error // whose server did not answer
}

func newKinds(config *rest.Config, httpClient *http.Client, p patience) (*kinds, error) {
	d, err := discovery.NewDiscoveryClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", config.Host, err)
	}
	return &kinds{discovery: d, patience: p}, nil
}

// errNotServed says that the cluster does not serve a kind. What can't be told,
// because the server of its group does not answer, is another error: prune would
// take it for gone.
var errNotServed = errors.New("not served by the cluster")

// serve returns the kind in that version, or errNotServed.
func (k *kinds) serve(ctx context.Context, gvk schema.GroupVersionKind) (kind, error) {
	var found kind
	err := k.find(ctx, gvk.Group, func() (ok bool) { found, ok = k.byGVK[gvk]; return ok })
	return found, err
}

// preferred returns the kind in the version that the server prefers.
func (k *kinds) preferred(ctx context.Context, gk schema.GroupKind) (kind, error) {
	var found kind
	err := k.find(ctx, gk.Group, func() bool {
		v := k.byGK[gk]
		if len(v) == 0 {
			return false
		}
		found = k.byGVK[gk.WithVersion(v[0])]
		return true
	})
	return found, err
}

// versions that the cluster serves of a kind.
func (k *kinds) versions(gk schema.GroupKind) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.byGK[gk])
}

// find looks, and when it does not find asks the server once and looks again.
// Callers that wait meanwhile share that one asking.
func (k *kinds) find(ctx context.Context, group string, look func() bool) error {
	looked := func() (bool, int) {
		k.mu.Lock()
		defer k.mu.Unlock()
		return look(), k.asked
	}
	found, before := looked()
	if found {
		return nil
	}
	k.asking.Lock()
	defer k.asking.Unlock()
	found, asked := looked()
	if !found && asked == before {
		if err := k.patience.try(ctx, nil, k.ask); err != nil {
			return fmt.Errorf("asking the cluster which kinds it serves: %w", err)
		}
		found, _ = looked()
	}
	if found {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for gv, err := range k.broken {
		if gv.Group == group {
			return fmt.Errorf("the server behind %s does not answer, so it can't be told what it serves: %w", gv, err)
		}
	}
	return errNotServed
}

func (k *kinds) ask() error {
	groups, lists, err := k.discovery.ServerGroupsAndResources()
	broken, partly := discovery.GroupDiscoveryFailedErrorGroups(err)
	if err != nil && !partly {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = broken
	k.asked++
	k.byGVK = map[schema.GroupVersionKind]kind{}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			return err
		}
		for _, r := range l.APIResources {
			if !slices.Contains(r.Verbs, "patch") {
				continue // subresources, reviews: nothing that can be applied
			}
			gvk := gv.WithKind(r.Kind)
			if _, ok := k.byGVK[gvk]; ok || strings.Contains(r.Name, "/") {
				continue
			}
			k.byGVK[gvk] = kind{
				GroupVersionKind: gvk, resource: r.Name, namespaced: r.Namespaced,
				watchable: slices.Contains(r.Verbs, "watch") && slices.Contains(r.Verbs, "list"),
			}
		}
	}
	k.byGK = map[schema.GroupKind][]string{}
	for _, g := range groups {
		for _, v := range g.Versions { // the preferred one comes first
			for gvk := range k.byGVK {
				if gvk.Group == g.Name && gvk.Version == v.Version {
					k.byGK[gvk.GroupKind()] = append(k.byGK[gvk.GroupKind()], v.Version)
				}
			}
		}
	}
	return nil
}
