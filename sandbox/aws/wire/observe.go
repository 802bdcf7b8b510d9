package wire

import "context"

type observerKey struct{}

// WithObserver returns a context in which each request that names an operation of
// the sandbox tells observe about it, before it is answered.
func WithObserver(ctx context.Context, observe func(service, operation string)) context.Context {
	return context.WithValue(ctx, observerKey{}, observe)
}

// Observed tells the observer of the context, if there is one.
func Observed(ctx context.Context, service, operation string) {
	if observe, ok := ctx.Value(observerKey{}).(func(service, operation string)); ok {
		observe(service, operation)
	}
}
