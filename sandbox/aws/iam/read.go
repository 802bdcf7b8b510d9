package iam

import (
	"context"
	"encoding/json"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Read returns a role as it is now. Its inline policies are left out: who put each
// one there, the role's own template or another resource, can't be told.
func (p roleProvider) Read(_ context.Context, request resource.Request) (resource.Found, error) {
	var found role
	err := p.store.View(func(tx *store.Tx) error {
		stored, exists, err := roles.Get(tx, store.Scope{Account: request.Account}, request.PhysicalID)
		if err == nil && !exists {
			err = &resource.Error{Code: resource.NotFound, Message: "The role with name " + request.PhysicalID + " cannot be found."}
		}
		found = stored
		return err
	})
	if err != nil {
		return resource.Found{}, err
	}
	var trust any
	if err := json.Unmarshal([]byte(found.Trust), &trust); err != nil {
		return resource.Found{}, err
	}
	var managed []any
	for _, arn := range found.Managed {
		managed = append(managed, arn)
	}
	out := resource.Props{"RoleName": found.Name, "Path": found.Path, "AssumeRolePolicyDocument": trust, "MaxSessionDuration": int64(found.MaxSession)}
	out.Set("Description", found.Description)
	out.Set("ManagedPolicyArns", managed)
	out.Set("Tags", resource.TagList(found.Tags))
	return resource.Found{State: found.state(), Properties: out, Readable: []string{"RoleName", "Path", "AssumeRolePolicyDocument",
		"MaxSessionDuration", "Description", "ManagedPolicyArns", "Tags"}}, nil
}
