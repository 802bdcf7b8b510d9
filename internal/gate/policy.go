package gate

import (
	"errors"
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Policy is a compiled spec.gate. The zero Policy lets nothing through.
type Policy struct {
	compiled    bool
	roster      roster
	approvals   *approvals
	checks      []v1alpha1.RequiredCheck
	signatures  *v1alpha1.Signatures
	calendar    calendar
	rules       []rule
	destructive bool // allowed
	glass       []*group
}

// FieldError is a part of the policy that can't be used.
type FieldError struct {
	// Field from the top of the Environment, as "spec.gate.rules[2].expression".
	Field string
	// Message says what is wrong with it; of an expression with line and column.
	Message string
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// compiler gathers the faults, so that all are told at once.
type compiler struct{ faults []error }

func (c *compiler) fail(field, format string, args ...any) {
	c.faults = append(c.faults, &FieldError{"spec.gate." + field, fmt.Sprintf(format, args...)})
}

// Compile checks a policy whole. Its error joins a *FieldError for each fault, in the
// order of the policy; with one, nothing may be deployed.
func Compile(g v1alpha1.Gate) (*Policy, error) {
	var c compiler
	p := &Policy{compiled: true, checks: g.Checks, signatures: g.Signatures}
	p.roster = c.roster(g)
	p.approvals = c.approvals(p.roster, g.Approvals)
	c.checks(g.Checks)
	c.signatures(g.Signatures)
	p.calendar = c.calendar(g.Windows, g.Freezes)
	p.rules = c.rules(g.Rules)
	switch g.Destructive {
	case "", v1alpha1.DestructiveRefuse:
	case v1alpha1.DestructiveAllow:
		p.destructive = true
	default:
		c.fail("destructive", "expected Refuse or Allow, found %q", g.Destructive)
	}
	if g.BreakGlass != nil {
		p.glass = c.groups(p.roster, "breakGlass.from", g.BreakGlass.From)
	}
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// groups looks groups up by name.
func (c *compiler) groups(r roster, field string, wanted []string) []*group {
	if len(wanted) == 0 {
		c.fail(field, "expected one of the groups in spec.gate.groups")
	}
	var found []*group
	for i, name := range wanted {
		if g := r.groups[name]; g != nil {
			found = append(found, g)
		} else {
			c.fail(fmt.Sprintf("%s[%d]", field, i), "there is no group %q in spec.gate.groups", name)
		}
	}
	return found
}

// Needs is what a policy has to know of a change. What it does not need may be left
// out of the evidence, and costs nothing.
type Needs struct {
	// Commits, Pushers, PullRequest, Reviews and Shown, and Paths.
	Reviews bool
	// PlanDigest and Plan.
	Plan bool
	// Checks on the forge.
	Checks bool
	// Signatures is one of v1alpha1's Verify values, or empty. Commits are needed
	// with it, with OID and OnBranch.
	Signatures string
}

// Needs of the policy. The rule against data being lost is no reason to make a
// plan, since the rollout has it too.
func (p *Policy) Needs() Needs {
	n := Needs{
		Reviews: p.approvals != nil,
		Plan:    p.approvals != nil || len(p.rules) > 0,
		Checks:  len(p.checks) > 0,
	}
	if p.signatures != nil {
		n.Signatures = p.signatures.Verify
	}
	return n
}

// Open tells whether the policy asks for nothing: whatever is on the branch is
// rolled out, and there is nothing to decide.
func (p *Policy) Open() bool {
	return p.compiled && p.Needs() == Needs{} && p.calendar.always()
}
