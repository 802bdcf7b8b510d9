package resource

import "github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"

// Tagged is a resource with its tags.
type Tagged struct {
	ARN  string
	Tags map[string]string
}

// Taggable is a service whose resources have tags.
type Taggable interface {
	// Tagged lists the resources of an account and region, those without tags
	// too. Resources that have no region are in us-east-1's list.
	Tagged(tx *store.Tx, scope store.Scope) ([]Tagged, error)
	// Retag changes the tags of one resource. It is false for an ARN that names none
	// of the service's. The map that change gets is never nil.
	Retag(tx *store.Tx, scope store.Scope, arn string, change func(tags map[string]string)) (bool, error)
}
