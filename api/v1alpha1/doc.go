// Package v1alpha1 holds Drawbridge's three custom resources: an Environment
// (a branch bound to an account and a cluster), the Components found in it, and
// one Change for each commit that is taken through it.
//
// The conditions follow the Kubernetes conventions (Ready, Reconciling,
// Stalled, with observedGeneration), so `kubectl wait` and kstatus understand
// all three.
//
// +kubebuilder:object:generate=true
// +groupName=drawbridge.dev
package v1alpha1
