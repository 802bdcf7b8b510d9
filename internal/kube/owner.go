package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// Owner is whose an object is: a component of an Environment.
type Owner struct {
	Environment string // "namespace/name"
	Component   string
}

// String is "namespace/environment/component".
func (o Owner) String() string { return o.Environment + "/" + o.Component }

// annotation is the value of v1alpha1.AnnotationOwner for an object of o.
func (o Owner) annotation(id ID) string { return o.String() + "=" + id.String() }

// ownerOf reads v1alpha1.AnnotationOwner as found on the object id. An
// annotation that names another object was copied and says nothing.
func ownerOf(annotation string, id ID) (Owner, bool) {
	owner, named, ok := strings.Cut(annotation, "=")
	if !ok || named != id.String() {
		return Owner{}, false
	}
	i := strings.LastIndexByte(owner, '/')
	if i < 0 {
		return Owner{}, false
	}
	return Owner{Environment: owner[:i], Component: owner[i+1:]}, true
}

// labels are put on every object of o, for people and for the watches.
func (o Owner) labels() map[string]string {
	name := o.Environment[strings.LastIndexByte(o.Environment, '/')+1:]
	return map[string]string{
		v1alpha1.LabelEnvironment: labelValue(name),
		v1alpha1.LabelComponent:   labelValue(o.Component),
	}
}

// labelValue shortens a name to the 63 characters that a label may have, kept
// distinct by a hash.
func labelValue(name string) string {
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:54], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// OwnedError says that an object belongs to somebody else.
type OwnedError struct {
	Object ID
	Source string // file:line of the object that was to be applied; may be empty
	Owner  Owner  // whose it is
	Wanted Owner  // who wanted it
}

func (e *OwnedError) Error() string {
	return fmt.Sprintf("%s%s belongs to component %s of environment %s, so component %s of environment %s can't have it: define it in one place only, or remove it there and let that be rolled out first",
		at(e.Source), e.Object.Resource(), e.Owner.Component, e.Owner.Environment, e.Wanted.Component, e.Wanted.Environment)
}

// at is the beginning of an error about something in a file.
func at(source string) string {
	if source == "" {
		return ""
	}
	return source + ": "
}
