package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Binding is what an approval is given for. When any of it moves, the approval
// is void.
type Binding struct {
	// Environment is "namespace/name".
	Environment string `json:"environment"`
	// Base is the commit that is deployed; empty before the first.
	Base string `json:"base"`
	// Tree is the OID of the tree that would be deployed, of the whole
	// repository.
	Tree string `json:"tree"`
	// Plan is the digest of the plan from Base to Tree.
	Plan string `json:"plan"`
}

// Digest is a name for the binding, 64 hex digits. Two bindings have the same one
// only when they are equal.
func (b Binding) Digest() string {
	text, err := json.Marshal([]string{b.Environment, b.Base, b.Tree, b.Plan})
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// complete tells whether there is something to approve.
func (b Binding) complete() bool { return b.Environment != "" && b.Tree != "" && b.Plan != "" }

// moved says what differs between the binding of an approval and the one that
// stands now.
func (b Binding) moved(now Binding) string {
	switch {
	case b == Binding{}:
		return "no plan was on show"
	case b.Environment != now.Environment:
		return "it was for " + b.Environment
	case b.Base != now.Base:
		return "what is deployed has moved since, from " + short(b.Base) + " to " + short(now.Base)
	case b.Tree != now.Tree:
		return "the result has changed since"
	case b.Plan != now.Plan:
		return "the plan has changed since"
	}
	return ""
}

// short is how people read an object name.
func short(oid string) string {
	if oid == "" {
		return "nothing"
	}
	return oid[:min(10, len(oid))]
}
