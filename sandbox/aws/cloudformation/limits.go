package cloudformation

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"A change set is complete when `CreateChangeSet` returns.",
	"IAM is not consulted: role ARNs and notification ARNs are kept and shown only, as are rollback triggers. Stacks nest ten deep at most.",
	"What can be imported, and what drift is found of, is what has a reader in its service, and of it the properties that it can read. An import gives a resource no tags. Drift leaves out properties with NoEcho parameters and dynamic references; of a stack's detections the last one is kept.",
	"Custom resources (and with them CDK constructs that bring a function of their own), macros, wait conditions without a creation policy, EXPRESS deployments and stack sets are refused by name. Signals come through `SignalResource` only. There are no hooks.",
}
