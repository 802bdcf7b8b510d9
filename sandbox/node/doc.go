// Package node simulates the nodes of a cluster: it registers them, keeps their
// leases, and takes the Pods that the scheduler binds to them through their
// life, so that everything above the kubelet behaves as on real machines. No
// container runs.
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
