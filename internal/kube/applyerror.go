package kube

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// ApplyError says that the cluster did not take an object.
type ApplyError struct {
	Object ID
	Source string   // file:line
	Fields []string // that the server named, where it did
	Advice string   // what to do, where that is known
	Err    error    // without the server's words where they may quote a secret
}

func (e *ApplyError) Error() string {
	s := fmt.Sprintf("%s%s: %v", at(e.Source), e.Object.Resource(), e.Err)
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

func (e *ApplyError) Unwrap() error { return e.Err }

// withSource adds the file and line to an OwnedError.
func withSource(err error, source string) error {
	var owned *OwnedError
	if errors.As(err, &owned) {
		owned.Source = source
	}
	return err
}

func applyError(it item, err error) error {
	e := &ApplyError{Object: it.id, Source: it.at(), Err: masked(it, err)}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return e
	}
	s := status.Status()
	immutable := false
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			if cause.Field != "" && !slices.Contains(e.Fields, cause.Field) {
				e.Fields = append(e.Fields, cause.Field)
			}
			immutable = immutable || isImmutable(cause.Message)
		}
	}
	if immutable || isImmutable(s.Message) {
		e.Advice = immutableAdvice(it.id, e.Fields)
	}
	switch {
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		e.Advice = "the namespace " + it.id.Namespace + " is being deleted; it is applied again once that is done"
	case apierrors.IsForbidden(err) && e.Advice == "" && strings.Contains(s.Message, "cannot patch"):
		e.Advice = "grant get, create and patch on it to that identity"
	case apierrors.IsNotFound(err) && it.id.Namespace != "":
		e.Advice = "add the Namespace " + it.id.Namespace + " to the repository or create it"
	}
	if it.id.Group == "" && it.id.Kind == "Secret" {
		e.Err = withoutWords(s, e.Fields)
		if s.Reason == metav1.StatusReasonInvalid || s.Code == 500 || s.Code == 400 {
			if e.Advice == "" {
				e.Advice = "values of data must be base64 and those of stringData text, numbers and booleans in quotes"
			}
		}
	}
	return e
}

func isImmutable(message string) bool {
	return strings.Contains(message, "immutable") || strings.Contains(message, "updates to statefulset spec for fields other than")
}

// immutableAdvice says what to do about a field that can't be changed.
func immutableAdvice(id ID, fields []string) string {
	what := "a field that can't be changed once the object exists was changed"
	if len(fields) > 0 {
		what = strings.Join(fields, ", ") + " can't be changed once the object exists"
	}
	switch id.Kind {
	case "Job":
		return what + ": give the Job another name, for example with the commit or a version in it, and the old one is pruned"
	case "PersistentVolumeClaim", "PersistentVolume":
		return what + ": undo the change, or add a new volume and move the data; deleting this one would lose it"
	case "StatefulSet":
		return what + ": undo the change, or delete it with --cascade=orphan, which keeps Pods and volumes, and it is created anew"
	}
	return what + ": undo the change, or give the object another name, or delete it in the cluster and it is created anew"
}

// masked takes the secret values of the object out of the server's words, which
// quote what does not fit the schema: a password without its quotes.
func masked(it item, err error) error {
	var values []string
	if it.Object.Object != nil {
		values = secret.Values(it.id.Resource().Type, it.Object.Object.Object)
	}
	if text := secret.NewMask(values...).Text(err.Error()); text != err.Error() {
		return maskedError{err, text}
	}
	return err
}

type maskedError struct {
	error
	text string
}

func (e maskedError) Error() string { return e.text }
func (e maskedError) Unwrap() error { return e.error }

// withoutWords keeps of the server's answer what can't hold a value.
func withoutWords(s metav1.Status, fields []string) error {
	text := fmt.Sprintf("the server refused it (%s)", strings.TrimSpace(fmt.Sprintf("%d %s", s.Code, s.Reason)))
	if len(fields) > 0 {
		text += " because of " + strings.Join(fields, ", ")
	}
	return errors.New(text + "; its words are left out, for they may quote the secret")
}
