// Package verify tells whether what was applied works to the end of the wire: that a
// synced Secret is of the store's newest version, that the load balancer of an Ingress
// has all its targets, that its certificates are issued, and that its names lead to it.
// It reads both planes and changes neither, but for one annotation.
//
// # Checks
//
//	secret-version  ExternalSecret: its operator has seen its newest edit, and read
//	                each secret or parameter of AWS after that last changed
//	balancer        Ingress that the AWS Load Balancer Controller serves: it has a
//	                balancer, and that is active
//	certificates    the same: the certificates that it names, and those of its
//	                listeners, are issued
//	targets         the same: each Service behind it has its ready addresses
//	                registered, all of them healthy; draining ones don't count
//	name            each host that ExternalDNS is asked to publish has a record that
//	                leads to the balancer
//
// Each is a [Finding]: passed, skipped with the reason, or waiting with one line.
// [Run] looks until none waits. Whatever was found passed or skipped stays so for that
// Run. An object says with v1alpha1.AnnotationSkipChecks which checks it is not to have.
//
// # What is not promised is not waited for
//
// Where the role of the Environment may not look, the check is skipped and says which
// right it lacks; so are stores that are not of AWS, and secrets that the account does
// not have although the operator read them (it has another role, or account). A host
// outside the hosted zones of the account is not looked for. Of one inside, a record is
// waited for only where something promises it: the annotation
// external-dns.alpha.kubernetes.io/hostname, an ExternalDNS in the cluster, or a record
// of ExternalDNS's that names this Ingress; a record that leads elsewhere and that no
// ExternalDNS owns is somebody's own doing and left alone.
//
// # Versions and clocks
//
// No secret value is read. The operator begins a refresh at status.refreshTime, in whole
// seconds and by its own clock, and reads the store after that; the account says when a
// version became current. A refresh that began [ClockSkew] after that is fresh. Else the
// operator is asked for a refresh, once for these versions, by the annotation that it
// documents for it, force-sync; what it reads then is what was current when it was
// asked, whatever the clocks say.
//
// # When it looks
//
// After each change of the objects that it follows; and, while something is awaited that
// only the account can tell, after Request.Interval, twice that, and so on up to 15
// seconds. Any change in the cluster begins that anew. What several objects ask of an
// account is asked once a look.
//
// All functions are safe for concurrent use.
//
// Sources: the documentation of External Secrets (refresh policies, force-sync), the AWS
// Load Balancer Controller (status, tag ingress.k8s.aws/resource, annotations) and
// ExternalDNS (annotations of the Ingress source, the TXT registry); the API references of
// Secrets Manager, Systems Manager, Elastic Load Balancing v2, ACM and Route 53.
package verify
