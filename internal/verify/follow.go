package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// view is what is seen of a selection, or why it can't be seen.
type view struct {
	all func() []*unstructured.Unstructured
	err error
}

// follow is what a selection holds now. What changes in it later begins a new look.
func (w *watch) follow(ctx context.Context, s kube.Selection) ([]*unstructured.Unstructured, error) {
	v, known := w.views[s]
	if !known {
		v.all, v.err = w.Cluster.Follow(ctx, s, w.wake)
		w.views[s] = v
	}
	if v.err != nil {
		return nil, v.err
	}
	return v.all(), nil
}

func (w *watch) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// selection holds the object alone: its like, of which there may be thousands, are nobody's
// business here.
func (o object) selection() kube.Selection {
	return kube.Selection{
		GroupVersionKind: schema.GroupVersionKind{Group: o.Group, Version: o.version, Kind: o.Kind},
		Namespace:        o.Namespace, Fields: fields.OneTermEqualSelector("metadata.name", o.Name).String(),
	}
}

// now is the object as it was seen last; nil when it is not there.
func (w *watch) now(ctx context.Context, o object) *unstructured.Unstructured {
	all, _ := w.follow(ctx, o.selection())
	return named(all, o.Namespace, o.Name)
}

func named(all []*unstructured.Unstructured, namespace, name string) *unstructured.Unstructured {
	for _, o := range all {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return o
		}
	}
	return nil
}

// decode reads the fields of an object that v has.
func decode(o *unstructured.Unstructured, v any) error {
	text, err := json.Marshal(o.Object)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s %s/%s can't be read: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
	return nil
}

// answers of accounts, by what was asked.
type answers map[string]answer

type answer struct {
	value any
	err   error
}

// ask returns what was answered before, or asks the account in a region.
func ask[T any](ctx context.Context, w *watch, known answers, region, what string, f func(Account) (T, error)) (T, error) {
	key := region + " " + what
	a, ok := known[key]
	if !ok {
		account, err := w.account(ctx, region)
		if err == nil {
			a.value, err = f(account)
		}
		a.err = err
		known[key] = a
	}
	value, _ := a.value.(T)
	return value, a.err
}

var errNoAccount = errors.New("the Environment names no AWS account to look in (spec.aws)")

func (w *watch) account(ctx context.Context, region string) (Account, error) {
	if w.Account == nil {
		return nil, errNoAccount
	}
	if region == "" {
		region = w.Region
	}
	return w.Account(ctx, region)
}

// unanswered is what is found when an account does not say.
func unanswered(err error) Finding {
	var denied *DeniedError
	if errors.As(err, &denied) || errors.Is(err, errNoAccount) {
		return skipped("%v", err)
	}
	return polling("%v", err)
}
