package resource

import (
	"fmt"
	"sort"
	"sync"
)

// Registry finds the provider of a type. The zero value is empty and ready for
// use. It is safe for concurrent use.
type Registry struct {
	mu       sync.RWMutex
	byType   map[string]Provider
	fallback Provider
}

// Register makes provider the one for each of types. A type that has one already
// is a mistake of the program and panics.
func (r *Registry) Register(provider Provider, types ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byType == nil {
		r.byType = map[string]Provider{}
	}
	for _, t := range types {
		if _, ok := r.byType[t]; ok {
			panic(fmt.Sprintf("resource: %s has a provider already", t))
		}
		r.byType[t] = provider
	}
}

// SetFallback makes provider the one for every type that has none of its own.
func (r *Registry) SetFallback(provider Provider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fallback = provider
}

// Provider returns the provider of a type: its own, else the fallback. It is
// false where there is neither.
func (r *Registry) Provider(typeName string) (Provider, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p, ok := r.byType[typeName]; ok {
		return p, true
	}
	return r.fallback, r.fallback != nil
}

// Has tells whether the type has a provider of its own.
func (r *Registry) Has(typeName string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byType[typeName] != nil
}

// Types lists the types that have a provider of their own, in order.
func (r *Registry) Types() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	types := make([]string, 0, len(r.byType))
	for t := range r.byType {
		types = append(types, t)
	}
	sort.Strings(types)
	return types
}
