package kube

import (
	"fmt"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// syncedSecret is the readiness of an ExternalSecret whose Ready condition is True, which
// may be said of its spec before the last edit, and is said too when the Secret was
// deleted because it is gone from the store (reason SecretDeleted). External Secrets has
// the generation that it synced in status.syncedResourceVersion, before a "-".
func syncedSecret(u *unstructured.Unstructured, r *status.Result, conditions []any) (status.Status, string) {
	synced, found, _ := unstructured.NestedString(u.Object, "status", "syncedResourceVersion")
	generation, _, _ := strings.Cut(synced, "-")
	if found && generation != fmt.Sprint(u.GetGeneration()) {
		return status.InProgressStatus, "its last edit is not synced yet"
	}
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Ready" && m["reason"] == "SecretDeleted" {
			return status.InProgressStatus, "its Secret was deleted, since the store no longer has it"
		}
	}
	return r.Status, r.Message
}
