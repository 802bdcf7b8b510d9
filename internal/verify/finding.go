package verify

import "fmt"

// Result of a check.
type Result string

// The results. Skipped is what can't be told, or was not asked for, with its reason.
const (
	Passed  Result = "Passed"
	Skipped Result = "Skipped"
	Waiting Result = "Waiting"
)

// Checks by their names, as v1alpha1.AnnotationSkipChecks has them.
const (
	SecretVersion = "secret-version"
	Balancers     = "balancer"
	Certificates  = "certificates"
	Targets       = "targets"
	Names         = "name"
)

var allChecks = []string{SecretVersion, Balancers, Certificates, Targets, Names}

// Finding is how a check stands.
type Finding struct {
	// Object that is checked: "Ingress shop/web".
	Object string
	Check  string
	Result Result
	// Line says what was found, what is waited for, or why it was not looked.
	Line string

	// polled: only the account can tell when it changes.
	polled bool
}

func (f Finding) String() string { return f.Object + ": " + f.Line }

func passed(format string, args ...any) Finding {
	return Finding{Result: Passed, Line: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Finding {
	return Finding{Result: Skipped, Line: fmt.Sprintf(format, args...)}
}

// waiting for what the cluster tells by itself.
func waiting(format string, args ...any) Finding {
	return Finding{Result: Waiting, Line: fmt.Sprintf(format, args...)}
}

// polling is waiting for what the account has to be asked for again.
func polling(format string, args ...any) Finding {
	f := waiting(format, args...)
	f.polled = true
	return f
}
