package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What keeps an object that an operator works on often stands in none of its fields: in
// a warning that the operator gave, or in the operator's own Deployment, when it is down.

// appLabel names an operator, as its project's manifests have it.
const appLabel = "app.kubernetes.io/name"

// operators by the API groups that are theirs.
var operators = map[string]string{"external-secrets.io": "external-secrets"}

// Operators selects the Deployments of operators with these names, wherever they are.
func Operators(names ...string) Selection {
	return Selection{
		GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
		Labels:           appLabel + " in (" + strings.Join(names, ",") + ")",
	}
}

// Down finds an operator among Deployments; line says that none of its Pods is ready.
func Down(deployments []*unstructured.Unstructured, name string) (found bool, line string) {
	for _, o := range deployments {
		if o.GetLabels()[appLabel] != name {
			continue
		}
		ready, _, _ := unstructured.NestedInt64(o.Object, "status", "readyReplicas")
		if ready > 0 {
			return true, ""
		}
		wanted, given, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
		if !given {
			wanted = 1
		}
		found, line = true, fmt.Sprintf("Deployment %s/%s has 0 of %d ready", o.GetNamespace(), o.GetName(), wanted)
	}
	return found, line
}

// Events selects what is said of the objects of a kind in a namespace.
func Events(namespace, kind string) Selection {
	return Selection{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "Event"}, Namespace: namespace, Fields: "involvedObject.kind=" + kind}
}

// LastWarning is what was said last of the object with that name, if that was a warning.
// Events are for all to read, so no operator puts a secret in one.
func LastWarning(events []*unstructured.Unstructured, name string) string {
	var last time.Time
	text := ""
	for _, e := range events {
		var event struct {
			InvolvedObject           struct{ Name string }
			Type, Message            string
			LastTimestamp, EventTime *time.Time
			Series                   *struct{ LastObservedTime time.Time }
		}
		b, err := e.MarshalJSON()
		if err != nil || json.Unmarshal(b, &event) != nil || event.InvolvedObject.Name != name {
			continue
		}
		at := e.GetCreationTimestamp().Time
		switch {
		case event.Series != nil:
			at = event.Series.LastObservedTime
		case event.LastTimestamp != nil:
			at = *event.LastTimestamp
		case event.EventTime != nil:
			at = *event.EventTime
		}
		// Of one second, a warning is worth more.
		if at.Before(last) || at.Equal(last) && event.Type != "Warning" {
			continue
		}
		last, text = at, ""
		if event.Type == "Warning" {
			text = strings.Join(strings.Fields(event.Message), " ")
		}
	}
	return text
}

// followOperator tells what its operator says of a custom resource that is not ready,
// and whether that operator is down. Where it may not look, it tells nothing.
func (t *target) followOperator(ctx context.Context, c *Cluster, out chan<- block) {
	if t.last.Ready || t.stop != nil || builtIn(t.id.Group) {
		if t.last.Ready && t.stopOperator != nil {
			t.stopOperator()
			t.stopOperator = nil
		}
		return
	}
	if t.stopOperator != nil {
		return
	}
	ctx, t.stopOperator = context.WithCancel(ctx)
	id := t.id
	go func() {
		changed := make(chan struct{}, 1)
		wake := func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		var events, deployments func() []*unstructured.Unstructured
		follow := func(s Selection) func() []*unstructured.Unstructured {
			all, err := c.Follow(ctx, s, wake)
			if err != nil {
				return func() []*unstructured.Unstructured { return nil }
			}
			return all
		}
		events = follow(Events(id.Namespace, id.Kind))
		operator := operators[id.Group]
		if operator != "" {
			deployments = follow(Operators(operator))
		}
		for last := ""; ; {
			now := LastWarning(events(), id.Name)
			if operator != "" {
				if _, down := Down(deployments(), operator); down != "" {
					now = down
				}
			}
			if now != last {
				last = now
				select {
				case out <- block{id: id, reason: now}:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
}
