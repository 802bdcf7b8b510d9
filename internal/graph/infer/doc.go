// Package infer finds the edges between components that their files speak of.
//
// [Objects] and [Template] take down what one component has and what it needs, each
// with its place; [Edges] joins the facts of all. An edge is there only where what one
// component names is, by the very same name, in the same namespace or region, what
// another one defines; a name that is not known (an open input, a generated name)
// makes none. What nobody in the repository defines is somebody else's, and makes
// none either. The same facts always give the same edges.
//
// What needs what:
//
//	Pod and all that makes Pods      the Secrets, ConfigMaps and ServiceAccount that
//	                                 it names, but for optional ones
//	ExternalSecret                   its store; the secret or parameter of AWS that it
//	                                 reads, by name, ARN or tags, unless its store is
//	                                 known to be another
//	a Secret that is read            the ExternalSecret that writes it
//	Ingress                          its Services, and the Pods that they select; its
//	                                 IngressClass, and the controller that serves it;
//	                                 with an ALB and HTTPS, the certificate that covers
//	                                 a host of it, unless it names one
//	ServiceAccount                   the IAM role of eks.amazonaws.com/role-arn
//	RoleBinding, ClusterRoleBinding  the Role or ClusterRole
//	an object                        its Namespace; the definition of its kind
//	a template                       the stack that exports what it imports; the
//	                                 parameter or secret that it resolves
//
// A Service does not wait for its Pods: what makes them may need the Service to get
// ready. Nor does another component wait for a volume claim, which may be bound only
// once a Pod uses it.
//
// [Within] has the same rules between the objects of one component. There, most wait
// only until the other one is applied: only for a Secret that an ExternalSecret writes
// its readiness counts. What is optional, and volume claims, order objects there too.
//
// Facts are of the commit alone: neither a cluster nor an account is asked. So the
// account in an ARN is not compared; a region is. All functions are pure and safe for
// concurrent use.
//
// Sources: the API references of Kubernetes and of External Secrets; the AWS Load
// Balancer Controller's Ingress annotations (certificate discovery); the CloudFormation
// resource reference for what a name identifies.
package infer
