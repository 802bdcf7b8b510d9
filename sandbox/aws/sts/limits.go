package sts

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Any principal may take on any role of any account: roles are named and not looked up, and no trust policy is consulted.",
	"The signature of a web identity's token is not verified, since the sandbox opens no connection to its issuer.",
}
