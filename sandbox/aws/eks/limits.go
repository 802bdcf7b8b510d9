package eks

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"It describes the cluster that the sandbox runs, and makes none. An answer leaves out what is not known of a cluster.",
}
