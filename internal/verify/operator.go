package verify

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// operator is a program that makes of objects what they say; app is what it is called in
// the label of its Deployment.
type operator struct{ name, app string }

var (
	externalSecrets = operator{"External Secrets", "external-secrets"}
	albController   = operator{"the AWS Load Balancer Controller", "aws-load-balancer-controller"}
	externalDNS     = operator{"ExternalDNS", "external-dns"}
)

// deployment of an operator, as far as it is seen.
func (w *watch) deployment(ctx context.Context, op operator) (found bool, down string) {
	all, err := w.follow(ctx, kube.Operators(externalSecrets.app, albController.app, externalDNS.app))
	if err != nil {
		return false, ""
	}
	return kube.Down(all, op.app)
}

// waitsFor an operator: what it has yet to do, and what keeps it as far as that is seen.
func (w *watch) waitsFor(ctx context.Context, op operator, what string) Finding {
	line := "waits for " + op.name + ": " + what
	if _, down := w.deployment(ctx, op); down != "" {
		line += "; " + down
	}
	return waiting("%s", line)
}

// warning is what an operator said last about an object, if that was a warning.
func (w *watch) warning(ctx context.Context, o object) string {
	events, err := w.follow(ctx, kube.Events(o.Namespace, o.Kind))
	if err != nil {
		return ""
	}
	return kube.LastWarning(events, o.Name)
}
