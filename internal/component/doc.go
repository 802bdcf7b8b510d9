// Package component finds the deployable parts of a repository: what they are,
// where they are, and what they need from each other.
//
// [Discover] looks at the tree of one commit, below the root folder of an
// Environment. drawbridge.yaml in that folder, if there is one, names components
// (see docs/drawbridge.schema.json); every other folder is looked at on its own:
//
//	cdk.json                                   cdk
//	Chart.yaml                                 helm (not supported yet: an error)
//	kustomization.yaml, .yml, Kustomization    kubernetes
//	a template: Resources of AWS:: types       cloudformation
//	documents with apiVersion, kind, metadata  kubernetes, plain YAML (two of them will do)
//
// The first of these that holds decides. Below a folder of the first three kinds
// nothing is looked for, it belongs to that component. A folder of templates or
// of plain YAML stands for the files directly in it; its sub-folders are looked
// at on their own. A folder with several templates is as many components. A
// folder that a kustomization elsewhere uses (its base, say) is part of that one
// and no component itself. Folders whose name begins with a dot, node_modules
// and vendor are passed over, as is all YAML that describes no object. A file that
// can't be read is a fault beside manifests, and wherever it looks like one.
//
// A build component is never found, only named: a buildspec says nothing of whether
// it is to run at each commit.
//
// An entry of drawbridge.yaml takes the folder that it names, or only the template
// where it names one; sub-folders that would be components still are.
//
// Names come from paths: "apps/Blog" below the root is "apps-blog"; the root
// itself is named after its folder, or "root" at the top of the repository.
//
// [Component.OID] is a digest of everything in the tree that the component is made
// from, also outside its folder, so that an equal OID means an equal component
// input. Paths are from the top of the tree, with slashes.
//
// A [Cache] remembers what folders hold by their object name. With it, a commit
// that touches one folder costs about that one. Without errors nothing else is
// kept; all functions are safe for concurrent use.
//
// Errors are joined, so that all faults are told at once; each is a
// *document.Error with file and line. Nothing is returned beside an error.
package component
