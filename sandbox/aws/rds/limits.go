package rds

// differsFromAWS is what is known to differ.
var differsFromAWS = []string{
	"An instance is a record with states, durations and rules, and no database behind it. Master passwords are checked for their form and never kept.",
	"Changes are made at once: `ModifyDBInstance` without `ApplyImmediately` is refused, as is a parameter that the sandbox does not have, by name.",
	"There are no clusters, replicas and option groups.",
}
