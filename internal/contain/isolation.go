package contain

// Isolation is what this machine's kernel gives beyond the end of every process:
// each field is nil where it is enforced, else the reason why it is not.
type Isolation struct {
	// Processes: the command sees and signals none but its own.
	Processes error
	// Files: Command.Files is kept.
	Files error
	// Network: without Command.Network there is none but an own loopback.
	Network error
}
