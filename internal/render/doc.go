// Package render makes the desired state of a kubernetes component: the objects
// that its files at one commit stand for, each with the file and line it is from.
//
// [Kubernetes] reads the folder of a component out of Git's object database; a
// kustomization is built by Kustomize's own library over a read-only view of the
// commit, plain YAML and JSON is read here. There is no work tree, and nothing is
// fetched or run: remote bases, Helm charts and plugins are refused, and no path
// leads out of the repository. The same commit and inputs give the same objects.
//
// Plain folders: every document of a manifest is one object, or a List of them.
// Files without any manifest in them are passed over, as discovery does. It is an
// error if an object lacks apiVersion, kind or metadata.name, or if two documents
// define the same object.
//
// Inputs take the place of references in string values, after rendering and only
// in components that declare inputs:
//
//	${NAME}             the value; an error if no input has that name
//	${NAME:-default}    the default if there is no such input, or it is empty
//	${NAME:=default}    the same
//	$${NAME}            the text ${NAME}
//
// The references are a small part of the shell's, as Flux has them. The parser is
// our own: Flux's (fluxcd/pkg/envsubst) works on text without positions, knows
// many more forms, and can't tell an unknown name from one that is not known yet.
//
// Substitution happens inside one scalar of the parsed document, so that a value
// can't add fields, whatever is in it. A scalar without quotes that is one
// reference and nothing else takes the type of its value (replicas: ${REPLICAS}
// becomes a number), every other one stays a string. Keys are left alone. An
// object with the annotation drawbridge.dev/substitute: disabled is left alone.
//
// Kustomize has named its generated ConfigMaps by then: the hash in a name stands
// for the text with its references, not for the values.
//
// Inputs whose values are not known yet (Pending) get [Placeholder], so that
// all else can be checked before anything is applied; Rendered.Pending says
// which. Such objects are never to be applied.
//
// Errors name file and line; several are joined. Everything is safe for
// concurrent use, but kustomizations are built one at a time, because the
// library keeps global state.
package render
