package elbv2

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"Application load balancers listen on ports of 127.0.0.1, which are kept through restarts, and see every client at that address. A redirect to another listener names its port there, for clients that came by one. Network load balancers move no traffic.",
	"Targets are reached by address alone: instances and functions are registered and never healthy. Health checks are real requests, and come more often than a group's interval says. One of gRPC sees whether a connection can be made. A target whose address nobody has times out at once. Actions that authenticate answer 561.",
	"Gateway load balancers, trust stores, reserved capacity, IPAM pools, Elastic addresses, IPv6 addresses of load balancers and the target optimizer are refused.",
	"A load balancer has gone as soon as it is deleted, with no network interfaces of its own before or after. That a target's zone is not enabled for it does not count.",
	"Names of load balancers and target groups, health checks, rules and attributes are checked as the API reference says; patterns and lengths of other parameters are not.",
}
