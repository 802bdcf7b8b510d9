package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// reply is what is read of every answer. The rest of the object is decoded only
// where a difference is wanted.
type reply struct {
	Metadata struct {
		UID             string            `json:"uid"`
		ResourceVersion string            `json:"resourceVersion"`
		Deleted         string            `json:"deletionTimestamp"`
		Annotations     map[string]string `json:"annotations"`
		Finalizers      []string          `json:"finalizers"`
		ManagedFields   []entry           `json:"managedFields"`
	} `json:"metadata"`
}

// entry of managedFields.
type entry struct {
	Manager     string          `json:"manager"`
	Operation   string          `json:"operation"`
	Subresource string          `json:"subresource"`
	FieldsV1    json.RawMessage `json:"fieldsV1"`
}

func readReply(body []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return r, fmt.Errorf("the server's answer: %w", err)
	}
	return r, nil
}

func (r *reply) ownFields() fields {
	for _, e := range r.Metadata.ManagedFields {
		if e.Manager == v1alpha1.FieldManager && e.Operation == string(metav1.ManagedFieldsOperationApply) && e.Subresource == "" {
			return hashFields(e.FieldsV1)
		}
	}
	return fields{}
}

// past is the object before an apply, desired fields only; nil when there was
// none, or when it is known that the apply changes nothing that could be shown.
// Where the watch did not keep it, it costs a request.
func (c *Cluster) past(ctx context.Context, it item, before *observed, known expectation, sent [8]byte) (map[string]any, error) {
	switch {
	case before == nil:
		return nil, nil
	case before.desired != nil:
		var m map[string]any
		err := json.Unmarshal(before.desired, &m)
		return m, err
	case known.sent == sent && known.fields == before.fields:
		return nil, nil
	}
	a, err := c.own.do(ctx, request{verb: "GET", path: it.kind.path(it.id.Namespace, it.id.Name)})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading it as it is: %w", err)
	}
	return decodeDesired(a.body)
}

func decodeDesired(body []byte) (map[string]any, error) {
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	return desired(m), nil
}

// changeOf says what an apply did, from what was before and what is after.
func changeOf(it item, before *observed, known expectation, past map[string]any, a answer, m reply) diff.Change {
	ch := diff.Change{Resource: it.id.Resource(), Source: it.at(), HoldsData: holdsData(it.kind.GroupKind())}
	switch {
	case a.status == http.StatusCreated:
		ch.Action = diff.Create
		return ch
	case before == nil:
		ch.Action = diff.Update
		if ch.Reason = "it was there before and is now managed by Drawbridge"; known.fields != (fields{}) {
			ch.Reason = "it had lost its label " + v1alpha1.LabelEnvironment
		}
		return ch
	case before.version == version(m.Metadata.ResourceVersion):
		ch.Action = diff.NoOp
		return ch
	case past == nil: // the same was sent before: whatever moved was not ours
		ch.Action = diff.NoOp
		return ch
	}
	after, err := decodeDesired(a.body)
	if err != nil {
		ch.Action, ch.Reason = diff.Update, err.Error()
		return ch
	}
	ch.Fields = diff.Values(past, after)
	ch.Action = diff.Update
	if len(ch.Fields) == 0 {
		ch.Action = diff.NoOp
	}
	return secret.Redact(ch)
}
