package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// fields is the hash of the set of fields that our manager owns in an object.
// The zero value stands for none.
type fields [16]byte

func (f fields) String() string {
	if f == (fields{}) {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// parseFields reads fields.String; what is none is the zero value.
func parseFields(s string) (f fields) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(f) {
		copy(f[:], b)
	}
	return f
}

// ownFields hashes our entry among those of an object's managedFields.
func ownFields(entries []metav1.ManagedFieldsEntry) fields {
	for _, e := range entries {
		if e.Manager == v1alpha1.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" && e.FieldsV1 != nil {
			return hashFields(e.FieldsV1.GetRawBytes())
		}
	}
	return fields{}
}

// ownFieldsOf is ownFields for metadata that was decoded without types.
func ownFieldsOf(metadata map[string]any) fields {
	entries, _ := metadata["managedFields"].([]any)
	for _, e := range entries {
		m, _ := e.(map[string]any)
		if m["manager"] == v1alpha1.FieldManager && m["operation"] == string(metav1.ManagedFieldsOperationApply) && m["subresource"] == nil {
			return hashTree(m["fieldsV1"])
		}
	}
	return fields{}
}

// hashFields hashes the set, not its spelling: the server's order of keys is its
// own and differs between encodings.
func hashFields(raw []byte) fields {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return fields{}
	}
	return hashTree(tree)
}

func hashTree(tree any) fields {
	h := sha256.New()
	writeTree(h, tree)
	var f fields
	copy(f[:], h.Sum(nil))
	return f
}

func writeTree(h hash.Hash, tree any) {
	m, _ := tree.(map[string]any)
	h.Write([]byte{'{'})
	for _, k := range slices.Sorted(maps.Keys(m)) {
		h.Write([]byte(k))
		h.Write([]byte{0})
		writeTree(h, m[k])
	}
	h.Write([]byte{'}'})
}
