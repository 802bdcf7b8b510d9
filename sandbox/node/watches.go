package node

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// watches are the caches of what the agent looks at: Pods that are on a node,
// and the names and keys, never the values, of Secrets and ConfigMaps.
type watches struct {
	pods, secrets, configMaps, claims cache.SharedIndexInformer
}

// Indexes of Pods by what they read, as namespace/name, and by their address while
// they have one.
const (
	byAddress   = "address"
	bySecret    = "secret"
	byConfigMap = "configmap"
	byClaim     = "claim"
)

// sync starts the watches and returns when the caches are full, with every Pod
// in the queue.
func (a *agent) sync(ctx context.Context) error {
	bound := informers.NewSharedInformerFactoryWithOptions(a.k, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	}))
	all := informers.NewSharedInformerFactory(a.k, 0)
	a.watches = watches{
		pods:       bound.Core().V1().Pods().Informer(),
		secrets:    all.Core().V1().Secrets().Informer(),
		configMaps: all.Core().V1().ConfigMaps().Informer(),
		claims:     all.Core().V1().PersistentVolumeClaims().Informer(),
	}
	if err := a.wire(); err != nil {
		return err
	}
	bound.Start(ctx.Done())
	all.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), a.pods.HasSynced, a.secrets.HasSynced, a.configMaps.HasSynced, a.claims.HasSynced) {
		return errNotSynced
	}
	return nil
}

func (a *agent) wire() error {
	for _, i := range []cache.SharedIndexInformer{a.secrets, a.configMaps} {
		if err := i.SetTransform(keysOnly); err != nil {
			return err
		}
	}
	if err := a.pods.AddIndexers(cache.Indexers{
		bySecret:    podsBy(func(p *corev1.Pod) []string { return sourceNames(p, true) }),
		byConfigMap: podsBy(func(p *corev1.Pod) []string { return sourceNames(p, false) }),
		byClaim:     podsBy(claimNames),
		byAddress:   addressOf,
	}); err != nil {
		return err
	}
	if _, err := a.pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) {
			pod := o.(*corev1.Pod)
			if m := a.ours(pod); m != nil && pod.Status.PodIP != "" {
				m.addresses.keep(pod.UID, pod.Status.PodIP)
			}
			a.enqueue(pod)
		},
		UpdateFunc: func(_, o any) { a.enqueue(o.(*corev1.Pod)) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if pod, ok := o.(*corev1.Pod); ok {
				a.forget(pod)
			}
		},
	}); err != nil {
		return err
	}
	for index, informer := range map[string]cache.SharedIndexInformer{bySecret: a.secrets, byConfigMap: a.configMaps, byClaim: a.claims} {
		wake := func(o any) { a.wake(index, o) }
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: wake, UpdateFunc: func(_, o any) { wake(o) }, DeleteFunc: wake,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) enqueue(pod *corev1.Pod) {
	if a.ours(pod) != nil {
		a.queue.Add(cache.MetaObjectToName(pod))
	}
}

// wake looks again at the Pods that read an object which changed.
func (a *agent) wake(index string, o any) {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
	if err != nil {
		return
	}
	pods, err := a.pods.GetIndexer().ByIndex(index, key)
	if err != nil {
		return
	}
	for _, p := range pods {
		a.enqueue(p.(*corev1.Pod))
	}
}

// keysOnly keeps what a node must know of a Secret or ConfigMap.
func keysOnly(o any) (any, error) {
	switch o := o.(type) {
	case *corev1.Secret:
		kept := &corev1.Secret{ObjectMeta: bare(o.ObjectMeta), Data: map[string][]byte{}}
		for key := range o.Data {
			kept.Data[key] = nil
		}
		return kept, nil
	case *corev1.ConfigMap:
		kept := &corev1.ConfigMap{ObjectMeta: bare(o.ObjectMeta), BinaryData: map[string][]byte{}}
		for key := range o.Data {
			kept.BinaryData[key] = nil
		}
		for key := range o.BinaryData {
			kept.BinaryData[key] = nil
		}
		return kept, nil
	}
	return o, nil
}

func bare(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion}
}

func podsBy(names func(*corev1.Pod) []string) cache.IndexFunc {
	return func(o any) ([]string, error) {
		pod := o.(*corev1.Pod)
		var keys []string
		for _, name := range names(pod) {
			keys = append(keys, pod.Namespace+"/"+name)
		}
		slices.Sort(keys)
		return slices.Compact(keys), nil
	}
}

// addressOf is the address of a Pod that has not ended.
func addressOf(o any) ([]string, error) {
	pod := o.(*corev1.Pod)
	if pod.Status.PodIP == "" || terminal(pod.Status.Phase) {
		return nil, nil
	}
	return []string{pod.Status.PodIP}, nil
}

func sourceNames(pod *corev1.Pod, secret bool) []string {
	var names []string
	for _, s := range sourcesOf(pod) {
		if s.secret == secret {
			names = append(names, s.name)
		}
	}
	return names
}

func claimNames(pod *corev1.Pod) []string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if name := claimOf(pod, v); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (w watches) pod(key cache.ObjectName) *corev1.Pod {
	o, _ := cached[*corev1.Pod](w.pods, key.Namespace, key.Name)
	return o
}

func (w watches) secretKeys(namespace, name string) ([]string, bool) {
	o, ok := cached[*corev1.Secret](w.secrets, namespace, name)
	if !ok {
		return nil, false
	}
	return slices.Collect(maps.Keys(o.Data)), true
}

func (w watches) configMapKeys(namespace, name string) ([]string, bool) {
	o, ok := cached[*corev1.ConfigMap](w.configMaps, namespace, name)
	if !ok {
		return nil, false
	}
	return slices.Collect(maps.Keys(o.BinaryData)), true
}

func (w watches) claimPhase(namespace, name string) (corev1.PersistentVolumeClaimPhase, bool) {
	o, ok := cached[*corev1.PersistentVolumeClaim](w.claims, namespace, name)
	if !ok {
		return "", false
	}
	return o.Status.Phase, true
}

func cached[T any](informer cache.SharedIndexInformer, namespace, name string) (T, bool) {
	var none T
	o, exists, err := informer.GetIndexer().GetByKey(namespace + "/" + name)
	if err != nil || !exists {
		return none, false
	}
	t, ok := o.(T)
	return t, ok
}
