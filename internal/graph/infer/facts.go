package infer

import "github.com/drawbridge-gitops/drawbridge/internal/component"

// Thing is what one component may have and another one need, named alike by both.
type Thing struct {
	// Kind of an object, with its group: "Secret", "networking.k8s.io/IngressClass"; or
	// its type in CloudFormation; or one of those below.
	Kind string
	// Scope is a namespace or a region, "" for what is in none.
	Scope string
	Name  string
}

// Kinds of things that are not objects.
const (
	apiKind    = "kind"         // of objects, named "Kind.group"
	pods       = "Pods"         // that something makes
	controller = "controller"   // of IngressClasses, by the name that they give it
	export     = "stack export" // of a stack
	secret     = "AWS::SecretsManager::Secret"
	parameter  = "AWS::SSM::Parameter"
	role       = "AWS::IAM::Role" // named with its path: "/name"
	// certificate is named by one of its domains, such as "*.example.com".
	certificate = "AWS::CertificateManager::Certificate"
)

// Provided is something that a component has.
type Provided struct {
	Thing
	// Labels of Pods, tags of a secret.
	Labels map[string]string
	// By says what makes it, where that is not the thing itself: "written by
	// ExternalSecret shop/db".
	By string
	// Later says that it comes into being only when what makes it is ready, and not when
	// that is applied.
	Later bool
	// Leads are what whoever needs this needs too; they have no Why of their own.
	Leads []Need
	// Holds is, for a store of secrets, the kind and the scope of what is in it; zero
	// where that is nothing that a template makes.
	Holds Thing
}

// Need is something that a component can't do without.
type Need struct {
	// Thing; without a Name, all of that kind and scope that have the Labels, which are
	// never none then.
	Thing
	Labels map[string]string
	// Inside says that it counts only within one component, and that it is applied first
	// but not waited for.
	Inside bool
	// Store through which it is read: one that is known to hold other things makes it
	// no need. Zero for none.
	Store Thing
	// Why, as a sentence: "Deployment shop/web reads Secret shop/db".
	Why    string
	Source component.Source
}

// Facts are what a component has and what it needs.
type Facts struct {
	Provides []Provided
	Needs    []Need
}
