package elbv2

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Nothing here moves traffic: who does tells the health of targets and the addresses of load balancers; until then targets stay initial, and every load balancer is at 127.0.0.1.",
	"Gateway load balancers, trust stores, reserved capacity, IPAM pools, Elastic addresses, IPv6 addresses of load balancers and the target optimizer are refused.",
	"A load balancer has gone as soon as it is deleted, with no network interfaces of its own before or after. That a target's zone is not enabled for it does not count.",
	"Names of load balancers and target groups, health checks, rules and attributes are checked as the API reference says; patterns and lengths of other parameters are not.",
}
