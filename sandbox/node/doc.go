// Package node simulates the nodes of a cluster: it registers them, keeps their
// leases, and takes the Pods that the scheduler binds to them through their
// life, so that everything above the kubelet behaves as on real machines. No
// container runs; a command may, in the place of one.
//
// # What is as on a real node
//
//   - A Pod gets an address out of its node's prefix, and keeps it.
//   - Nothing starts before its volumes can be mounted. A volume whose Secret,
//     ConfigMap or key is missing, and not optional, leaves the containers in
//     ContainerCreating with a FailedMount event.
//   - A container whose env or envFrom names a missing Secret, ConfigMap or key
//     that is not optional waits with CreateContainerConfigError. Both mend
//     themselves by watch, at once, when the object appears.
//   - Init containers run one after another, sidecars among them stay.
//   - Containers end by restartPolicy: a Pod with Always runs on; with OnFailure
//     or Never (Jobs) it completes. A container that fails is started again with
//     CrashLoopBackOff, or fails the Pod.
//   - Ready is: all containers ready, and every readiness gate True.
//   - A Pod that is deleted keeps its containers for as long as they need to
//     stop (a preStop sleep counts), at most its grace period.
//
// # What is simulated
//
// Images are there at once. A container takes Options.StartLatency to start and
// then passes its probes: there is no process to probe, so initialDelaySeconds
// and the like do not matter. Annotations on a Pod (below) say otherwise.
//
// Containers answer HTTP on the ports that they declare, or on every port where a
// Pod declares none: with 200 and who they are ([Answer]), or with 503 while the Pod's
// containers are not all ready. A container that does not run refuses connections.
// The addresses of Pods are reached through the proxy of package podnet, which
// Options.Listener serves.
//
// # Commands
//
// Where Options.Exec allows it, the first container of a Pod with the annotation
// sandbox.drawbridge.dev/exec is a process of this machine: the value is run by sh,
// in a folder of its own, with the container's environment (values of Secrets and
// ConfigMaps too) and PORT, a free port of 127.0.0.1 that stands for all ports of the
// container. It runs with the rights of who runs the nodes: allow it for manifests
// that you would run by hand.
//
//	metadata:
//	  annotations:
//	    sandbox.drawbridge.dev/exec: python3 -m http.server --bind 127.0.0.1 $PORT
//
// The container is running while the process is, ends with its exit code, and is
// started again with the kubelet's back-off. HTTP and TCP readiness probes are made,
// every 100 ms until they succeed; without one, or with another kind, it is ready once
// it runs. Liveness and startup probes are not made, volumes are not files, and
// limits do not hold. When the Pod ends all processes of the command are asked to
// stop, after its preStop sleep, and killed after its grace; none survives the nodes.
// What it prints is in a file that the event of its failure names.
//
// # What is not there
//
// No kubelet listens: kubectl logs, exec and port-forward fail. Volumes of
// emptyDir, hostPath, downwardAPI, secret, configMap, projected and bound claims
// can be mounted; others (inline CSI, NFS and the like) are a FailedMount that
// says so. There is no storage provisioner: a PersistentVolumeClaim stays
// Pending until somebody makes a PersistentVolume for it, and the scheduler says
// so on the Pod. activeDeadlineSeconds of a Pod (not of a Job) and ephemeral
// containers are ignored.
//
// Everything comes by watch; timers exist only for latencies and leases. Facts
// about statuses, reasons and messages are the kubelet's own.
package node
