// Package kube is the Kubernetes plane: it applies objects to a cluster, prunes
// what is no longer wanted, waits until what was applied is ready, and notices
// when somebody else changes it.
//
// # Apply
//
// Objects are applied by server-side apply under the field manager
// v1alpha1.FieldManager, one request an object, in three stages: what defines
// others (CRDs, namespaces, classes), then the rest, then what acts on others
// (webhooks, API services, bare Pods). A stage is applied in parallel, but each
// object after those that it needs, by the rules of package infer; where they need
// each other in a circle, at once. What reads a Secret that an ExternalSecret of the
// same apply writes is held back until that is ready; nothing else is waited for
// within a stage. Options.Workers
// bounds the requests in flight of all components of a Cluster together. The
// field changes in the result come from the object as it was watched before and
// the answer of the apply after; secret values are never in them (see package
// secret). Objects that `kubectl apply` or `helm` managed before are adopted:
// the fields that they set become ours, so that one that is no longer in Git
// goes away.
//
// # Ownership
//
// Each applied object carries v1alpha1.AnnotationOwner, which names both the
// owner and the object itself, since controllers copy labels and annotations to
// what they derive. An object of another owner is refused, and prune deletes
// only where the live annotation agrees.
//
// # Watching
//
// A kind in use (something of it was applied, or is expected) has one watch for
// the whole Cluster, of the objects that carry v1alpha1.LabelEnvironment. It
// stops when nothing of the kind is expected any more. Of kinds without a
// readiness of their own (ConfigMap, Secret, RBAC, …) only metadata is watched.
// Of the others about 400 bytes and the object's desired fields as JSON are
// kept, at most 64 KiB each; what is larger is read when needed.
//
// # Readiness
//
// Readiness follows kstatus (github.com/fluxcd/cli-utils/pkg/kstatus), with three
// differences: a Job is ready when it has completed, and a custom resource whose
// CRD declares status.conditions is not ready before it has one; and an
// ExternalSecret is ready for the generation that it has synced. An observation
// counts only when it is at least as new as the answer of the apply. Nothing is
// polled. Of a custom resource that is not ready, the last warning event about it is told
// too, and that its operator is down, where its Deployment is known.
//
// Follow is for what others make of applied objects, which need not be ours: a watch for each
// selection, while somebody follows it.
//
// # Drift
//
// The hash of our entry in managedFields changes exactly when somebody takes or
// removes a field of ours. Whenever a watched object's hash differs from that of
// its last apply, or the object is gone, a Drift is sent; applying again is the
// caller's business. Labels and fields that others add are no drift.
//
// # Errors and retries
//
// Requests are repeated, with backoff and after Retry-After, when the server
// can't be reached, is overloaded or fails (429, 5xx), for at most
// Options.Patience. Errors name the object and its file and line; those about a
// Secret never quote the server, who may quote a value.
//
// A Cluster and everything in it is safe for concurrent use.
package kube
