package iam

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Policies are kept and shown, and never enforced: every principal may do everything, and nothing simulates a policy.",
	"Of policies that AWS manages (`arn:aws:iam::aws:policy/…`) there are the names, and none of their documents.",
	"Users have access keys that sign, and no policies; there are no groups.",
}
