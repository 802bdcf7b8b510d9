package kube

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/render"
)

// secretFaults says what in a Secret the server would not take. The server itself
// calls that an internal error, and quotes the value. Values that are not known yet
// are not looked at.
func secretFaults(it item) []error {
	if it.id.Group != "" || it.id.Kind != "Secret" {
		return nil
	}
	var faults []error
	fault := func(field, want string) {
		faults = append(faults, fmt.Errorf("%s%s: %s: %s", at(it.at()), it.id.Resource(), field, want))
	}
	for _, field := range []string{"data", "stringData"} {
		values, isMapping := it.Object.Object.Object[field].(map[string]any)
		if !isMapping && it.Object.Object.Object[field] != nil {
			fault(field, "expected a mapping of names to values")
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			text, isText := values[name].(string)
			switch {
			case values[name] == nil:
			case !isText:
				fault(field+"."+name, "expected text: put numbers and booleans in quotes")
			case field == "data" && !isBase64(text):
				fault(field+"."+name, "expected base64: write the value as it is under stringData")
			}
		}
	}
	return faults
}

func isBase64(text string) bool {
	_, err := base64.StdEncoding.DecodeString(text)
	return err == nil || strings.Contains(text, render.Placeholder)
}
