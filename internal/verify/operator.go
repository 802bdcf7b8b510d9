package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// operator is a program that makes of objects what they say. It is known by the label
// app.kubernetes.io/name that its project's manifests give it.
type operator struct{ name, label string }

var (
	externalSecrets = operator{"External Secrets", "external-secrets"}
	albController   = operator{"the AWS Load Balancer Controller", "aws-load-balancer-controller"}
	externalDNS     = operator{"ExternalDNS", "external-dns"}
)

var operatorDeployments = kube.Selection{
	GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
	Labels:           "app.kubernetes.io/name in (" + externalSecrets.label + "," + albController.label + "," + externalDNS.label + ")",
}

// deployment of an operator, as far as it is seen.
func (w *watch) deployment(ctx context.Context, op operator) (found bool, down string) {
	all, err := w.follow(ctx, operatorDeployments)
	if err != nil {
		return false, ""
	}
	for _, o := range all {
		if o.GetLabels()["app.kubernetes.io/name"] != op.label {
			continue
		}
		var d struct {
			Spec   struct{ Replicas *int }
			Status struct{ ReadyReplicas int }
		}
		if decode(o, &d) != nil {
			continue
		}
		if d.Status.ReadyReplicas > 0 {
			return true, ""
		}
		wanted := 1
		if d.Spec.Replicas != nil {
			wanted = *d.Spec.Replicas
		}
		found, down = true, fmt.Sprintf("Deployment %s/%s has 0 of %d ready", o.GetNamespace(), o.GetName(), wanted)
	}
	return found, down
}

// waitsFor an operator: what it has yet to do, and what keeps it as far as that is seen.
func (w *watch) waitsFor(ctx context.Context, op operator, what string) Finding {
	line := "waits for " + op.name + ": " + what
	if _, down := w.deployment(ctx, op); down != "" {
		line += "; " + down
	}
	return waiting("%s", line)
}

// warning is what an operator said last about an object, if that was a warning. Event
// texts are for all to read, so no operator puts a secret in one.
func (w *watch) warning(ctx context.Context, o object) string {
	events, err := w.follow(ctx, kube.Selection{
		GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "Event"}, Namespace: o.Namespace,
		Fields: "involvedObject.kind=" + o.Kind,
	})
	if err != nil {
		return ""
	}
	var last time.Time
	text := ""
	for _, e := range events {
		var event struct {
			InvolvedObject           struct{ Name string }
			Type, Message            string
			LastTimestamp, EventTime *time.Time
			Series                   *struct{ LastObservedTime time.Time }
		}
		if decode(e, &event) != nil || event.InvolvedObject.Name != o.Name {
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
