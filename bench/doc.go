// Command bench measures what Drawbridge promises to be fast at, on this machine,
// and prints each figure beside its aim.
//
//	go run ./bench [-components 1000] [-only sandbox|repository|stacks|kube] [-o text|json] [-profile DIR]
//
// It builds the product itself and needs bin/controlplane (make controlplane).
// Nothing but loopback is used. It takes two to four minutes and some 2 GiB.
//
// # What is measured
//
// sandbox: an ephemeral sandbox with every part.
//
//   - Start to ready: sandbox.Up, with all programs built.
//   - Push to both planes healthy: examples/ghost, first as it is and then made
//     Multi-AZ with two Pods. From the end of git push, so with the delivery of
//     the webhook, until the Change is Succeeded. The simulated account's own
//     durations (seconds for a database) are set to zero; its Pods take their
//     300 ms to start.
//   - Requests of a commit that touches no component, from the API server's own
//     metrics.
//
// repository: of a sandbox etcd, the API server and the Git server; of the
// controller-manager the deployment, replica set, namespace and garbage collection
// controllers; and `drawbridge serve`, with a repository of 1,000 components of four objects each (ServiceAccount, Service,
// Deployment with 0 replicas, Ingress) on the sandbox's Git server.
//
//   - Install, change one, change none: from the end of git push until the Change
//     is Succeeded.
//   - Drift: a Deployment is scaled by a merge patch, as kubectl scale does; from
//     the patch's answer until a watch sees it scaled back.
//   - Restart: kill -9, then from the start of the next process until it is
//     ready, and until it has undone a drift from the time when none ran.
//   - Idle: requests to the API server in ten seconds in which nothing happens.
//   - Memory: the most that the controller had resident until the first install
//     was done and until the end, as Linux counts it (VmHWM), and its CPU time.
//   - The floor: the same objects applied by a bare client-go loop of 8 workers,
//     not waited for, on the same server, before and after the rest, so that a
//     machine that got slower meanwhile shows. Of the two, the mean.
//
// stacks: the sandbox's CloudFormation in this process, through the official
// client, with no simulated durations.
//
//   - 500 parameters in one stack created, one changed, and deleted. The floor is
//     500 parameters made and deleted by hand, eight at a time.
//   - 1,000 stacks of 20 parameters: the most memory that this process had resident
//     until they are there, and the median of a page of DescribeStacks.
//
// kube (only when asked for): internal/kube alone, in this process, on the same
// control plane, with floors of its own.
//
// # Requests
//
// Requests are the difference of apiserver_request_total. It does not tell who
// asked. What the control plane's parts do for themselves (leases, core events, reviews
// of tokens and access) is left out; what its controllers do to the same objects is
// shown, and is told apart by its verb: they never apply. A dry run is counted as
// "dry-run APPLY" and so on. A watch is counted when it ends.
//
// Numbers differ from machine to machine and from run to run; the ratio to the
// floor is what to look at. The exit status is 0 when everything could be measured,
// whether or not the aims are met: this is no timed test.
package main
