package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/test/witness"
)

const sandboxIntroduction = `# What the sandbox's AWS can do

One address answers for all of these services (` + "`AWS_ENDPOINT_URL`" + `), with accounts and regions
apart. An operation that is not on this page answers with the service's own error for
what it does not know, and its name is logged; none succeeds silently.

A tick says that the project's tests call the operation with that client, as its makers
ship it, and that it succeeds. "Go" is aws-sdk-go-v2, "AWS CLI" the Python program, "CDK"
the CDK CLI with apps in TypeScript and Python. An operation with no tick is there and is
called by none of them.
`

// Sandbox is the page of the sandbox's AWS: its services, who called what of them
// with success, and the resource types that have behaviour of their own.
func Sandbox(apis []aws.API, types []string, seen []witness.Sight) string {
	ticks := map[witness.Sight]string{}
	for _, s := range seen {
		ticks[s] = "✓"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n| Service | Operations | Go | AWS CLI | CDK |\n| --- | --- | --- | --- | --- |\n", notice, sandboxIntroduction)
	for _, api := range apis {
		fmt.Fprintf(&b, "| [%s](#%s) | %d", api.Name, api.Name, len(api.Operations))
		for _, client := range witness.Clients() {
			fmt.Fprintf(&b, " | %d", count(seen, api.Name, client))
		}
		fmt.Fprint(&b, " |\n")
	}
	for _, api := range apis {
		fmt.Fprintf(&b, "\n## %s\n\n| Operation | Go | AWS CLI | CDK |\n| --- | --- | --- | --- |\n", api.Name)
		for _, operation := range api.Operations {
			fmt.Fprintf(&b, "| %s", operation)
			for _, client := range witness.Clients() {
				fmt.Fprintf(&b, " | %s", ticks[witness.Sight{Service: api.Name, Operation: operation, Client: client}])
			}
			fmt.Fprint(&b, " |\n")
		}
		if len(api.Differences) > 0 {
			fmt.Fprint(&b, "\nWhat differs from AWS:\n\n")
			for _, d := range api.Differences {
				fmt.Fprintf(&b, "- %s\n", d)
			}
		}
	}
	fmt.Fprintf(&b, "\n## Resource types\n\nCloudFormation makes every type that its schema knows. These %d have behaviour of their\n"+
		"own, in the service that describes them too; all others are generic: they can be\ncreated, updated, replaced, deleted and referred to, and do nothing.\n\n", len(types))
	for service := range slices.Values(servicesOf(types)) {
		var names []string
		for _, t := range types {
			if rest, ok := strings.CutPrefix(t, service+"::"); ok {
				names = append(names, rest)
			}
		}
		fmt.Fprintf(&b, "- `%s::` %s\n", service, strings.Join(names, ", "))
	}
	return b.String()
}

func count(seen []witness.Sight, service, client string) int {
	n := 0
	for _, s := range seen {
		if s.Service == service && s.Client == client {
			n++
		}
	}
	return n
}

// servicesOf are the first two parts of the types' names: "AWS::EC2".
func servicesOf(types []string) []string {
	var services []string
	for _, t := range types {
		services = append(services, t[:strings.LastIndex(t, "::")])
	}
	slices.Sort(services)
	return slices.Compact(services)
}
