package ec2

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Networks, gateways and routes are made by templates; of the calls that make them there are those of security groups and tags alone. Instances and network interfaces are put there by the sandbox, for its simulated nodes.",
	"Nothing routes or filters traffic.",
}
