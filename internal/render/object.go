package render

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drawbridge-gitops/drawbridge/internal/document"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
)

// Source is the place in the repository that defines an object: the file, and its
// line from 1, or 0 when only the file is known.
type Source = document.Position

// Object is a Kubernetes object as the repository wants it, and where it says so.
type Object struct {
	Object *unstructured.Unstructured
	Source Source
}

// BlobReader reads files by their OID.
type BlobReader = git.BlobReader

// Inputs are what references in manifests stand for.
type Inputs struct {
	// Values by name.
	Values map[string]string
	// Pending are the names of declared inputs whose values are not known yet.
	Pending []string
}

// Placeholder stands for a value that is not known yet.
const Placeholder = "drawbridge-pending"

// Options are the details of a component that its folder does not tell.
type Options struct {
	// Files are the manifests of a plain folder, as Component.Files has them. If
	// empty, they are all that are directly in it.
	Files []string
}

// Rendered is the desired state of a component.
type Rendered struct {
	// Objects in the order of the files, or in Kustomize's.
	Objects []Object
	// Read are the object names of the files that were read outside the folder.
	Read []string
	// Used are the names of inputs that a reference used, sorted.
	Used []string
	// Pending are those of them whose values are not known yet, sorted.
	Pending []string
}
