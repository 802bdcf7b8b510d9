package tagging

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Tag policies and their compliance are not there.",
}
