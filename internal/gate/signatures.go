package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

func (c *compiler) signatures(s *v1alpha1.Signatures) {
	if s == nil {
		return
	}
	if !slices.Contains([]string{v1alpha1.VerifyHead, v1alpha1.VerifyMerges, v1alpha1.VerifyEvery}, s.Verify) {
		c.fail("signatures.verify", "expected Head, Merges or Every, found %q", s.Verify)
	}
	if s.KeysSecretRef.Name == "" {
		c.fail("signatures.keysSecretRef.name", "expected a Secret with the public keys")
	}
}

// decideSignatures looks whether the commits that must be signed are.
func (p *Policy) decideSignatures(e Evidence) []Result {
	if p.signatures == nil {
		return nil
	}
	result := func(v Verdict, format string, args ...any) []Result {
		return []Result{{Rule: "signatures", Verdict: v, Message: fmt.Sprintf(format, args...)}}
	}
	wanted := p.mustBeSigned(e)
	if len(wanted) == 0 {
		return result(Refused, "it is not known which commits the change brings")
	}
	looked := map[string]Signature{}
	for _, s := range e.Signatures {
		// Of two results for one commit, the bad one.
		if before, ok := looked[s.Commit]; !ok || before.Problem == "" {
			looked[s.Commit] = s
		}
	}
	var bad, signers []string
	for _, oid := range wanted {
		s, ok := looked[oid]
		switch {
		case !ok:
			bad = append(bad, short(oid)+" was not looked at")
		case s.Problem != "":
			bad = append(bad, short(oid)+" "+s.Problem)
		case s.Signer == "":
			bad = append(bad, short(oid)+" is signed by nobody")
		default:
			signers = append(signers, s.Signer)
		}
	}
	if n := len(bad); n > 0 {
		slices.Sort(bad)
		more := ""
		if n > 3 {
			bad, more = bad[:3], fmt.Sprintf(", and %d more", n-3)
		}
		return result(Refused, "%d of %d commits lack a good signature: %s%s", n, len(wanted), strings.Join(bad, "; "), more)
	}
	slices.Sort(signers)
	return result(Passed, "signed by %s", strings.Join(slices.Compact(signers), ", "))
}

// mustBeSigned are the commits that the policy wants signed. The one that is
// deployed always is.
func (p *Policy) mustBeSigned(e Evidence) []string {
	if e.Commit == "" {
		return nil
	}
	wanted := []string{e.Commit}
	if p.signatures.Verify == v1alpha1.VerifyHead {
		return wanted
	}
	for _, c := range e.Commits {
		if p.signatures.Verify == v1alpha1.VerifyMerges && !c.OnBranch || slices.Contains(wanted, c.OID) {
			continue
		}
		wanted = append(wanted, c.OID)
	}
	if !slices.ContainsFunc(e.Commits, func(c Commit) bool { return c.OID == e.Commit }) {
		return nil // a list without the commit itself is not whole
	}
	return wanted
}
