package route53

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Health checks, traffic policies, DNSSEC, query logs and CIDR routing are refused. Of the routing policies weights are drawn; of all others the first record that there is answers.",
	"Records answer at once, while their change is still PENDING. Delegations are told without glue, private zones are not served over DNS, and of aliases to AWS's own names those of load balancers answer.",
}
