package aws

import (
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/s3"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// API is what an [Endpoint] has of a service.
type API struct {
	// Name is the one in credential scopes: "cloudformation".
	Name string
	// Operations are in the order of their names.
	Operations []string
	// Differences from AWS that are known, a sentence each.
	Differences []string
}

// APIs lists what the endpoint has of each service, in the order of their names.
// Services of Options.Services say nothing about themselves and are not among
// them.
func (e *Endpoint) APIs() []API {
	var all []API
	for _, name := range slices.Sorted(maps.Keys(e.services)) {
		switch service := e.services[name].(type) {
		case *wire.Service:
			all = append(all, API{name, service.Operations(), service.Differences})
		case *s3.S3:
			all = append(all, API{name, service.Operations(), service.Differences()})
		}
	}
	return all
}
