package eks

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"It describes the cluster that the sandbox runs, and makes none. An answer leaves out what a cluster has not, such as its VPC.",
}
