package kube

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/graph/infer"
)

// payload is what a Secret or a ConfigMap has in it.
type payload struct {
	Data       map[string]string `json:"data"`
	BinaryData map[string]string `json:"binaryData"`
}

// sum is a hash of it that says nothing to whoever has not the key. Without its key a
// short password could be found by trying.
func (p payload) sum(key []byte, id ID) string {
	h := hmac.New(sha256.New, key)
	write := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	write(id.String())
	for _, values := range []map[string]string{p.Data, p.BinaryData} {
		write(fmt.Sprint(len(values)))
		for _, name := range slices.Sorted(maps.Keys(values)) {
			write(name)
			write(values[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// stamp is the annotation of a Pod template whose Pods read this.
func stamp(reads []v1alpha1.ReadContent) string {
	h := sha256.New()
	for _, r := range reads {
		fmt.Fprintf(h, "%s=%s\n", r.Object, r.Sum)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// stamped puts into the Pod template of a workload what it reads just now, of the kinds
// that its component restarts for. It waits until that is there which the Pods can't do
// without.
func (c *Cluster) stamped(ctx context.Context, it item, owner Owner, o ApplyOptions) (item, error) {
	if len(o.RestartOn) == 0 {
		return it, nil
	}
	for _, r := range infer.Reads(it.Object, infer.Place{Namespace: it.id.Namespace}) {
		if !slices.Contains(o.RestartOn, r.Kind) {
			continue
		}
		id := ID{Kind: r.Kind, Namespace: r.Scope, Name: r.Name}
		sum, err := c.contentOf(ctx, id, !r.Optional, o.Waiting)
		if err != nil {
			return it, fmt.Errorf("%s%s is restarted when %s changes, which: %w", at(it.at()), it.id.Resource(), id.Resource(), err)
		}
		it.reads = append(it.reads, v1alpha1.ReadContent{Object: id.String(), Sum: sum})
	}
	if len(it.reads) == 0 {
		return it, nil
	}
	slices.SortFunc(it.reads, func(a, b v1alpha1.ReadContent) int { return strings.Compare(a.Object, b.Object) })
	it.Object.Object = it.Object.Object.DeepCopy()
	if err := unstructured.SetNestedField(it.Object.Object.Object, stamp(it.reads), "spec", "template", "metadata", "annotations", v1alpha1.AnnotationContent); err != nil {
		return it, applyError(it, err)
	}
	var err error
	it.body, err = encode(it, owner)
	return it, err
}

// contentOf reads what is in a Secret or ConfigMap; "" when it does not exist and is not
// required. One that is required is waited for.
func (c *Cluster) contentOf(ctx context.Context, id ID, required bool, waiting func(Progress)) (string, error) {
	if len(c.contentKey) == 0 {
		return "", errors.New("can't be followed, since this cluster was connected to without Options.ContentKey")
	}
	for {
		a, err := c.own.do(ctx, request{verb: "GET", path: contentKind(id).path(id.Namespace, id.Name)})
		switch {
		case apierrors.IsNotFound(err) && !required:
			return "", nil
		case apierrors.IsForbidden(err):
			return "", fmt.Errorf("the controller may not read: it needs get, list and watch on it: %w", err)
		case err == nil:
			var p payload
			if err := json.Unmarshal(a.body, &p); err != nil {
				return "", errors.New("the server answered with something else than that") // which err may quote
			}
			return p.sum(c.contentKey, id), nil
		case !apierrors.IsNotFound(err):
			return "", fmt.Errorf("can't be read: %w", err)
		}
		if waiting != nil {
			waiting(Progress{Object: id, Message: "does not exist yet"})
		}
		if err := c.untilThere(ctx, id); err != nil {
			return "", fmt.Errorf("does not exist yet: %w", err)
		}
	}
}

// contentKind is the kind of a Secret or a ConfigMap.
func contentKind(id ID) kind {
	k := kind{resource: "secrets", namespaced: true, watchable: true}
	if id.Kind == "ConfigMap" {
		k.resource = "configmaps"
	}
	k.Version, k.Kind = "v1", id.Kind
	return k
}
