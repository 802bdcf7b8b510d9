package template

import (
	"maps"
	"slices"

	"github.com/drawbridge-gitops/drawbridge/internal/template/schema"
)

// Template is a template as written.
type Template struct {
	File          string
	Body          []byte
	FormatVersion string
	Description   string
	// Transforms that the template declares, in order.
	Transforms []string
	Metadata   *Node
	Parameters map[string]*Parameter
	Mappings   map[string]*Node
	Conditions map[string]*Node
	Rules      map[string]*Rule
	Resources  map[string]*Resource
	Outputs    map[string]*Output

	transformAt Position
}

// Resource is an entry of the Resources section.
type Resource struct {
	Position
	LogicalID string
	Type      string
	TypeAt    Position
	// Condition names the condition under which there is such a resource.
	Condition   string
	conditionAt Position
	// Properties, Metadata and the policies are nil when they are not there.
	Properties     *Node
	Metadata       *Node
	CreationPolicy *Node
	UpdatePolicy   *Node
	DependsOn      []Dependency
	// DeletionPolicy and UpdateReplacePolicy are "" when not given.
	DeletionPolicy, UpdateReplacePolicy     string
	deletionPolicyAt, updateReplacePolicyAt *Node
}

// Dependency is a logical ID in DependsOn.
type Dependency struct {
	Position
	LogicalID string
}

// Output is an entry of the Outputs section.
type Output struct {
	Position
	Name        string
	Description string
	Condition   string
	conditionAt Position
	Value       *Node
	// Export is the name under which other stacks import the value, or nil.
	Export *Node
}

// Rule is an entry of the Rules section.
type Rule struct {
	Position
	Name string
	// When is nil for a rule that always applies.
	When       *Node
	Assertions []Assertion
}

// Assertion is what a rule demands.
type Assertion struct {
	Position
	Assert      *Node
	Description string
}

// Named is a name and where it is defined.
type Named struct {
	Position
	Name string
}

// OutputNames returns the outputs in the order of the file, those under a
// condition too.
func (t *Template) OutputNames() []Named {
	return named(t.Outputs, func(o *Output) Named { return Named{o.Position, o.Name} })
}

// ParameterNames returns the parameters in the order of the file.
func (t *Template) ParameterNames() []Named {
	return named(t.Parameters, func(p *Parameter) Named { return Named{p.Position, p.Name} })
}

func named[T any](m map[string]T, name func(T) Named) []Named {
	out := make([]Named, 0, len(m))
	for _, x := range m {
		out = append(out, name(x))
	}
	slices.SortFunc(out, func(a, b Named) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return out
}

// HoldsData tells whether resources of the type hold data that is lost with
// them: databases, volumes, buckets and the like. The source is the schema's
// list of stateful types; a type that it does not know holds none.
func HoldsData(resourceType string) bool {
	t, ok := schema.Lookup(resourceType)
	return ok && t.Stateful
}

// sorted returns the keys in order, so that everything that goes over a map
// does so in the same order each time.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
