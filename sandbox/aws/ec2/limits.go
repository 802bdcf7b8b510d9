package ec2

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Networks, gateways and routes are made by templates; of the calls that make them there are those of security groups and tags alone. Instances and network interfaces are those of the sandbox's simulated nodes; nobody else makes any.",
	"Nothing routes or filters traffic.",
}
