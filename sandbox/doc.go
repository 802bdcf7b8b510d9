// Package sandbox runs a whole world for Drawbridge on one machine: a real
// Kubernetes control plane, two simulated nodes, an AWS endpoint, a Git server
// and the controller. It needs no account, no containers and no network, and
// listens on 127.0.0.1 only.
//
//	s, err := sandbox.Up(ctx, sandbox.Options{Ephemeral: true})
//	...
//	defer s.Down(ctx)
//
// # Parts
//
// Each part is a child process with its own log file, so that it can die, be
// killed and be measured apart from the others:
//
//	etcd                the store, without fsync: it survives the death of the
//	                    process, not that of the machine
//	kube-apiserver      authorization Node and RBAC, all default admission
//	                    plugins and NodeRestriction
//	controller-manager  every default controller
//	scheduler
//	nodes               package sandbox/node: two nodes in two zones; its address
//	                    is the proxy to the Pods
//	aws                 package sandbox/aws
//	forge               package sandbox/forge: Git over HTTP, with webhooks
//	controller          the product: bin/drawbridge serve
//
// The control plane's programs are found in Options.ControlPlane, then in
// $KUBEBUILDER_ASSETS, then in the folder controlplane beside this program, then
// in bin/controlplane of the module that holds the current folder. Nodes, aws
// and forge are this very program, started again; see BePart. That way they are
// never older or newer than who supervises them.
//
// The simulated account has what the cluster would stand in: a VPC with a public
// subnet in each node's zone, the nodes' instances and their security group, tagged
// as tools of EKS look for them (ec2.Cluster). It is there when aws is.
//
// # From a name to a Pod
//
// Load balancers of the simulated account listen on loopback and forward to the Pods
// (aws/elbv2/traffic); the Pods answer HTTP (node). Each listener has a port of its
// own, which stays. The zones of Route 53 answer DNS at Sandbox.DNS, where a load
// balancer's name is 127.0.0.1; certificates of ACM are signed by Sandbox.Authority.
// drawbridge-sandbox names lists all of it with the curl commands:
//
//	curl --cacert .drawbridge/aws-ca.crt --connect-to ghost.example.test:443:127.0.0.1:21000 https://ghost.example.test/
//
// With Options.Exec (up --exec) a Pod may be a process of this machine instead: see
// package node. It runs with the rights of who runs the sandbox.
//
// # Order
//
// They start in the order etcd, kube-apiserver, then controller-manager,
// scheduler, nodes, aws and forge together, then the controller, each when the
// one before answers on its health endpoint, and stop in reverse. A part that
// does not stop within its grace (5 s) is killed.
//
// # When a part dies
//
// The controller is started again, as a Deployment would have it, at most five
// times a minute. When any other part dies the sandbox comes down: what remains
// of a control plane without its store would only give misleading errors. Err
// then names the part, how it ended, and the last lines of its log.
//
// No part outlives the supervisor, even one that is killed: see package part.
//
// # State
//
// Everything is kept in one folder: ports, keys, tokens, the store, repositories
// and the simulated account. Up on a folder that was used before brings the same
// world back, on the same ports as far as they are free. One supervisor at a
// time holds the folder's lock; ErrLocked is the answer to a second one. Several
// sandboxes with a folder each run side by side: ports are free ones between
// 20000 and 29999, and for load balancers from 30000 to 32767: below those that Linux
// gives to outgoing connections.
//
// An ephemeral sandbox keeps its state in a temporary folder, which Down removes.
package sandbox
