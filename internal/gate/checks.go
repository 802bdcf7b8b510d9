package gate

import (
	"fmt"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func (c *compiler) checks(in []v1alpha1.RequiredCheck) {
	seen := map[string]bool{}
	for i, r := range in {
		switch {
		case r.Name == "":
			c.fail(fmt.Sprintf("checks[%d].name", i), "a check has a name, as the forge shows it")
		case seen[r.Name]:
			c.fail(fmt.Sprintf("checks[%d].name", i), "%q is there twice", r.Name)
		}
		seen[r.Name] = true
	}
}

// decideChecks has a result for each check: the worst that was reported for the
// head of the pull request and for the commit that would be deployed.
func (p *Policy) decideChecks(e Evidence) []Result {
	var results []Result
	for _, want := range p.checks {
		r := Result{Rule: "checks[" + want.Name + "]"}
		count := map[CheckState]int{}
		for _, c := range e.Checks {
			if c.Name == want.Name && (want.App == "" || c.App == want.App) && (c.Commit == e.head() || c.Commit == e.Commit) {
				count[c.State]++
			}
		}
		from := ""
		if want.App != "" {
			from = " of " + want.App
		}
		switch name := want.Name + from; {
		case count[Failed] > 0:
			r.Verdict, r.Message = Refused, name+" failed"
		case count[Pending] > 0:
			r.Verdict, r.Message = Waiting, name+" is not finished"
		case count[Succeeded] > 0:
			r.Verdict, r.Message = Passed, name+" succeeded"
		default:
			r.Verdict, r.Message = Waiting, fmt.Sprintf("%s has not been reported for %s", name, short(e.head()))
		}
		if r.Verdict == Waiting {
			r.WaitsFor = []string{want.Name}
		}
		results = append(results, r)
	}
	return results
}
