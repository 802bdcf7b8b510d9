package ssm

import (
	"context"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a parameter as it is now.
func (p provider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	scope := store.Scope{Account: request.Account, Region: request.Region}
	var found parameter
	err := p.store.View(func(tx *store.Tx) error {
		stored, exists, err := parameters.Get(tx, scope, request.PhysicalID)
		if err == nil && !exists {
			err = &resource.Error{Code: resource.NotFound, Message: "Parameter " + request.PhysicalID + " not found."}
		}
		found = stored
		return err
	})
	if err != nil {
		return resource.Found{}, err
	}
	last := found.Versions[len(found.Versions)-1]
	out := resource.Props{"Name": found.Name, "Type": string(last.Type)}
	for name, value := range map[string]string{
		"Value": last.Value, "Description": last.Description, "AllowedPattern": last.AllowedPattern, "DataType": found.DataType, "Tier": found.Tier,
	} {
		out.Set(name, value)
	}
	if len(found.Tags) > 0 {
		tags := map[string]any{} // this type has them as an object
		for _, tag := range resource.TagList(found.Tags) {
			tag := tag.(map[string]any)
			tags[tag["Key"].(string)] = tag["Value"]
		}
		out.Set("Tags", tags)
	}
	state := resource.State{PhysicalID: found.Name, Ref: found.Name, Attributes: map[string]any{"Type": string(last.Type), "Value": last.Value}}
	return resource.Found{State: state, Properties: out,
		Readable: []string{"Name", "Type", "Value", "Description", "AllowedPattern", "DataType", "Tier", "Tags"}}, nil
}
