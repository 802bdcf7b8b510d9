package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// PreviewOptions of one Preview.
type PreviewOptions struct {
	ApplyOptions

	// CRDs that will have been applied before, as with Identify.
	CRDs []render.Object
}

// Reasons for a change that the server was not asked about.
const (
	notAsked = "compared with the object as it is: the right to patch it, which a dry run takes, is missing"
	noDryRun = "compared with the object as it is: a webhook of its kind can't do a dry run"
)

// Preview says what Apply would do, and writes nothing: each object that is there is
// read and applied in a dry run, as the same field manager. One that is not there is
// created in a dry run only to see whether it is valid. Where the identity may not
// patch, the fields of the object are compared with those that it has.
//
// Values with render.Placeholder in them are not known yet: the dry run has the present
// value in their place, and the fields are marked Unknown. An object of which nothing
// else changes has the action Unknown.
//
// As with Apply, nothing is asked when one of the objects does not stand Check. The error
// joins one for each object that would be refused, which then has the action Unknown.
func (c *Cluster) Preview(ctx context.Context, owner Owner, objects []render.Object, o PreviewOptions) ([]diff.Change, error) {
	if o.DefaultNamespace == "" {
		o.DefaultNamespace = "default"
	}
	w, err := c.writer(o.ServiceAccount)
	if err != nil {
		return nil, err
	}
	items, err := c.resolve(ctx, objects, o.DefaultNamespace, o.CRDs...)
	if err != nil {
		return nil, err
	}
	changes, errs := make([]diff.Change, len(items)), make([]error, len(items))
	var wg sync.WaitGroup
	for i, it := range items {
		wg.Go(func() { changes[i], errs[i] = c.previewOne(ctx, w, taker{owner, o.TakeFrom}, it) })
	}
	wg.Wait()
	return changes, errors.Join(errs...)
}

func (c *Cluster) previewOne(ctx context.Context, w *client, by taker, it item) (diff.Change, error) {
	ch := diff.Change{Resource: it.id.Resource(), Source: it.at(), HoldsData: holdsData(it.kind.GroupKind()), Action: diff.Unknown}
	if strings.Contains(it.id.String(), render.Placeholder) {
		ch.Reason = "its name is known only once another component is rolled out"
		return ch, nil
	}
	a, err := c.own.do(ctx, request{verb: "GET", path: it.kind.path(it.id.Namespace, it.id.Name)})
	if apierrors.IsNotFound(err) {
		ch.Action = diff.Create
		return ch, c.tryCreate(ctx, w, by.owner, it)
	}
	if err != nil {
		return ch, applyError(it, err)
	}
	m, err := readReply(a.body)
	if err != nil {
		return ch, applyError(it, err)
	}
	if other, ok := ownerOf(m.Metadata.Annotations[v1alpha1.AnnotationOwner], it.id); !ok {
		ch.Reason = "it is there already and will be managed by Drawbridge"
	} else if other != by.owner && (by.from == nil || !by.from(other, it.id.String())) {
		return ch, &OwnedError{Object: it.id, Source: it.at(), Owner: other, Wanted: by.owner}
	}
	before, err := decodeDesired(a.body)
	if err != nil {
		return ch, applyError(it, err)
	}
	open := it.Object.Object.Object
	filled := fill(open, before)
	it.Object.Object = it.Object.Object.DeepCopy()
	it.Object.Object.Object = filled
	after, why, err := c.dryRun(ctx, w, by.owner, it, before)
	if err != nil {
		return ch, applyError(it, err)
	}
	if why != "" {
		ch.Reason = strings.TrimPrefix(ch.Reason+"; "+why, "; ")
	} else if from := m.adoptable(); len(from) > 0 {
		ch.Reason = "what it was made by before (" + strings.Join(from.UnsortedList(), ", ") + ") hands over to Drawbridge: what is not in the repository goes away"
	}
	ch.Fields, ch.Action = withUnknown(diff.Values(before, after), diff.Values(filled, open))
	return secret.Redact(ch), nil
}

var dryRunQuery = url.Values{"fieldManager": {v1alpha1.FieldManager}, "force": {"true"}, "dryRun": {"All"}}

// dryRequest is the request of applyOne that writes nothing.
func dryRequest(owner Owner, it item) (request, error) {
	body, err := encode(it, owner)
	return request{
		verb: "PATCH", path: it.kind.path(it.id.Namespace, it.id.Name),
		query: dryRunQuery, contentType: types.ApplyPatchType, body: body, again: apierrors.IsConflict,
	}, err
}

// dryRun is the object as it would be, and why the server was not asked, if it was not.
func (c *Cluster) dryRun(ctx context.Context, w *client, owner Owner, it item, before map[string]any) (after map[string]any, why string, err error) {
	q, err := dryRequest(owner, it)
	if err != nil {
		return nil, "", err
	}
	a, err := w.do(ctx, q)
	switch {
	case apierrors.IsForbidden(err):
		why = notAsked
	case apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run"):
		why = noDryRun
	case err != nil:
		return nil, "", err
	default:
		after, err = decodeDesired(a.body)
		return after, "", err
	}
	wanted, err := decodeDesired(q.body)
	if err != nil {
		return nil, "", err
	}
	return overlay(before, wanted).(map[string]any), why, nil
}

// tryCreate returns what is wrong with a new object. What only has to do with the order
// of things (its namespace is not there yet, its kind is not served yet) is nothing wrong.
func (c *Cluster) tryCreate(ctx context.Context, w *client, owner Owner, it item) error {
	text, err := json.Marshal(it.Object.Object.Object)
	if err != nil || it.defined || strings.Contains(string(text), render.Placeholder) {
		return err
	}
	q, err := dryRequest(owner, it)
	if err != nil {
		return err
	}
	// Once: what fails for now, such as a webhook that this commit brings, says nothing.
	if _, err = w.once(ctx, q); apierrors.IsInvalid(err) || isInternal(err) && !passes(err) {
		return applyError(it, err)
	}
	return nil
}
