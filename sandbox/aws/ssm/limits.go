package ssm

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"A SecureString is kept as it is, and not encrypted by KMS; without `WithDecryption` callers get a text that is not the value.",
	"Policies of parameters are refused. Of Systems Manager there is the Parameter Store only.",
}
