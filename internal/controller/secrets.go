package controller

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// secrets are the Secrets that Environments name: each watched by itself from
// its first use on, so that a fetch costs no request, and so that the controller
// needs to see no other Secret.
type secrets struct {
	ctx    context.Context // of the watches
	client kubernetes.Interface
	mu     sync.Mutex
	byName map[types.NamespacedName]cache.SharedIndexInformer
}

// secretPatience is for the first look at a Secret: without the right to look,
// its watch tries for ever.
const secretPatience = 10 * time.Second

// data of a Secret beside the Environment. The caller does not change it.
func (s *secrets) data(ctx context.Context, env *v1alpha1.Environment, name string) (map[string][]byte, error) {
	key := types.NamespacedName{Namespace: env.Namespace, Name: name}
	informer := s.watch(key)
	limited, cancel := context.WithTimeout(ctx, secretPatience)
	defer cancel()
	if !cache.WaitForCacheSync(limited.Done(), informer.HasSynced) {
		return nil, cmp.Or(ctx.Err(), fmt.Errorf("secret %s can't be read within %s: the controller needs get, list and watch on it", key, secretPatience))
	}
	found, ok, err := informer.GetStore().GetByKey(key.String())
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", key, err)
	}
	if !ok {
		return nil, fmt.Errorf("secret %s: not found; create it beside the Environment", key)
	}
	return found.(*corev1.Secret).Data, nil
}

func (s *secrets) watch(key types.NamespacedName) cache.SharedIndexInformer {
	s.mu.Lock()
	defer s.mu.Unlock()
	informer := s.byName[key]
	if informer == nil {
		lw := cache.NewListWatchFromClient(s.client.CoreV1().RESTClient(), "secrets", key.Namespace, fields.OneTermEqualSelector("metadata.name", key.Name))
		informer = cache.NewSharedIndexInformer(lw, &corev1.Secret{}, 0, cache.Indexers{})
		s.byName[key] = informer
		go informer.Run(s.ctx.Done())
	}
	return informer
}
