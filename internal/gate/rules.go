package gate

import (
	"fmt"
	"reflect"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// rule is a compiled spec.gate.rules[].
type rule struct {
	name, message string
	program       cel.Program
}

// costLimit ends a rule that goes on for too long; a comparison costs about one.
const costLimit = 10_000_000

// language is what expressions may say.
var language = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[Plan](), reflect.TypeFor[Component](), reflect.TypeFor[Resource](), reflect.TypeFor[Field]()),
		ext.Strings(), ext.Sets(),
		cel.CrossTypeNumericComparisons(true),
		cel.Variable("plan", cel.ObjectType("gate.Plan")),
		cel.Variable("environment", cel.StringType),
	)
})

func (c *compiler) rules(in []v1alpha1.Rule) []rule {
	if len(in) == 0 {
		return nil
	}
	env, err := language()
	if err != nil {
		c.fail("rules", "the language of rules can't be set up: %v", err)
		return nil
	}
	var rules []rule
	seen := map[string]bool{}
	for i, r := range in {
		at := fmt.Sprintf("rules[%d]", i)
		switch {
		case r.Name == "":
			c.fail(at+".name", "a rule has a name")
		case seen[r.Name]:
			c.fail(at+".name", "%q is there twice", r.Name)
		}
		seen[r.Name] = true
		if r.Message == "" {
			c.fail(at+".message", "expected what to tell those whose change the rule stops")
		}
		program := c.expression(env, at+".expression", r.Expression)
		rules = append(rules, rule{r.Name, r.Message, program})
	}
	return rules
}

// expression compiles one. Each fault is told with line and column, from 1.
func (c *compiler) expression(env *cel.Env, field, text string) cel.Program {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			c.fail(field, "%d:%d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
		}
		return nil
	}
	if ast.OutputType() != cel.BoolType {
		c.fail(field, "1:1: expected true or false, this gives %s", ast.OutputType())
		return nil
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		c.fail(field, "%v", err)
		return nil
	}
	return program
}

// decideRules has a result for each rule.
func (p *Policy) decideRules(e Evidence) []Result {
	var results []Result
	for _, r := range p.rules {
		results = append(results, r.decide(e))
	}
	return results
}

func (r rule) decide(e Evidence) Result {
	result := Result{Rule: "rules[" + r.name + "]"}
	if e.Plan == nil {
		result.Verdict, result.Message = Waiting, "there is no plan yet"
		return result
	}
	out, _, err := r.program.Eval(map[string]any{"plan": e.Plan, "environment": e.Environment})
	switch {
	case err != nil:
		result.Verdict, result.Message = Refused, fmt.Sprintf("the rule can't be told of this plan, so it does not pass: %v", err)
	case out.Value() == true:
		result.Verdict, result.Message = Passed, "holds"
	default:
		result.Verdict, result.Message = Refused, r.message
	}
	return result
}
