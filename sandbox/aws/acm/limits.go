package acm

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Certificates are signed by an authority of the account's own, last 198 days and are not renewed.",
	"Validation by EMAIL never ends, as nobody reads the mail; there are no private authorities, exports and HTTP validation.",
}
