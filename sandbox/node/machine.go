package node

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
)

// Machine is one simulated node and the EC2 instance that it pretends to be.
type Machine struct {
	Name         string // of the Node
	Region, Zone string
	InstanceID   string
	InstanceType string
	// Address is the instance's own, and Pods the prefix on its network
	// interface that its Pods get theirs from. Both lie in the Subnet.
	Subnet  netip.Prefix
	Address netip.Addr
	Pods    netip.Prefix
	CPU     string
	Memory  string
	// MaxPods is how many the scheduler may put there.
	MaxPods int64
}

// Network is the block that the subnets of all machines lie in.
var Network = netip.MustParsePrefix("10.0.0.0/16")

// Machines returns the sandbox's two nodes, in the first two zones of region.
// The same region gives the same machines, so that the EC2 side can know them.
func Machines(region string) []Machine {
	at := func(zone, id, subnet, address, pods string) Machine {
		return Machine{
			Name: "node-" + region + zone, Region: region, Zone: region + zone,
			InstanceID: id, InstanceType: "m7i.xlarge",
			Subnet: netip.MustParsePrefix(subnet), Address: netip.MustParseAddr(address), Pods: netip.MustParsePrefix(pods),
			CPU: "4", Memory: "16Gi", MaxPods: 110,
		}
	}
	return []Machine{
		at("a", "i-0a5a0d0b0c0000001", "10.0.0.0/20", "10.0.0.10", "10.0.1.0/24"),
		at("b", "i-0a5a0d0b0c0000002", "10.0.16.0/20", "10.0.16.10", "10.0.17.0/24"),
	}
}

// kubeletVersion is what the nodes claim to run.
const kubeletVersion = "v1.36.3"

// object is the Node without its status.
func (m Machine) object() *corev1apply.NodeApplyConfiguration {
	return corev1apply.Node(m.Name).
		WithLabels(map[string]string{
			corev1.LabelHostname:           m.Name,
			corev1.LabelOSStable:           "linux",
			corev1.LabelArchStable:         "amd64",
			corev1.LabelInstanceTypeStable: m.InstanceType,
			corev1.LabelTopologyRegion:     m.Region,
			corev1.LabelTopologyZone:       m.Zone,
		}).
		WithSpec(corev1apply.NodeSpec().
			WithProviderID("aws:///" + m.Zone + "/" + m.InstanceID))
}

// status is the Node's status, as one that is well reports it.
func (m Machine) status(now, since metav1.Time) *corev1apply.NodeApplyConfiguration {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(m.CPU),
		corev1.ResourceMemory:           resource.MustParse(m.Memory),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		corev1.ResourcePods:             *resource.NewQuantity(m.MaxPods, resource.DecimalSI),
	}
	condition := func(kind corev1.NodeConditionType, is corev1.ConditionStatus, reason, message string) *corev1apply.NodeConditionApplyConfiguration {
		return corev1apply.NodeCondition().WithType(kind).WithStatus(is).WithReason(reason).WithMessage(message).
			WithLastHeartbeatTime(now).WithLastTransitionTime(since)
	}
	return corev1apply.Node(m.Name).WithStatus(corev1apply.NodeStatus().
		WithCapacity(capacity).
		WithAllocatable(capacity).
		WithAddresses(
			corev1apply.NodeAddress().WithType(corev1.NodeInternalIP).WithAddress(m.Address.String()),
			corev1apply.NodeAddress().WithType(corev1.NodeHostName).WithAddress(m.Name),
		).
		WithConditions(
			condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "simulated node is posting ready status"),
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "simulated"),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "simulated"),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "simulated"),
		).
		WithNodeInfo(corev1apply.NodeSystemInfo().
			WithMachineID(m.InstanceID).WithSystemUUID(m.InstanceID).WithBootID(m.InstanceID).
			WithKernelVersion("simulated").WithOSImage("simulated").
			WithContainerRuntimeVersion("simulated://1").
			WithKubeletVersion(kubeletVersion).WithKubeProxyVersion("").
			WithOperatingSystem("linux").WithArchitecture("amd64")))
}
