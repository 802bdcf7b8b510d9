package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// PruneOptions of one Prune.
type PruneOptions struct {
	// ServiceAccount, as in ApplyOptions.
	ServiceAccount string

	// Destructive allows the deletion of what holds data: volumes and claims,
	// namespaces with claims in them, and CRDs of which objects are left.
	Destructive bool
}

// HoldsDataError says that objects were not deleted because they hold data.
type HoldsDataError struct {
	Objects []ID
	Reasons []string // one an object
}

func (e *HoldsDataError) Error() string {
	parts := make([]string, len(e.Objects))
	for i, id := range e.Objects {
		parts[i] = id.Resource().String() + " (" + e.Reasons[i] + ")"
	}
	return "not deleted, since data would be lost: " + strings.Join(parts, ", ") +
		": bring them back to the repository, delete them by hand, or allow it in the Environment's spec.gate.destructive"
}

// Prune deletes objects of an owner, in the reverse order of Apply, and waits
// until they are gone. IDs are as v1alpha1.AppliedObject and ComponentSpec.Owns
// have them. What does not exist any more, what its live owner annotation gives
// to another owner or to nobody, and what is of a kind no longer served, is left
// alone and is not in the result.
//
// Whether data would be lost is looked at before anything is deleted (of CRDs:
// before they are, since their objects may be pruned with them), and refused
// with a *HoldsDataError. A failed deletion does not stop those of its stage,
// but the stages after it.
//
// Workloads are deleted in the foreground, so that their Pods have ended when
// what they use is deleted; everything else in the background.
func (c *Cluster) Prune(ctx context.Context, owner Owner, ids []string, o PruneOptions) ([]diff.Change, error) {
	w, err := c.writer(o.ServiceAccount)
	if err != nil {
		return nil, err
	}
	all, unserved, err := c.doom(ctx, owner, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range unserved {
		c.seen.forget(owner, id)
	}
	if err := c.each(all, func(d *doomed) error { return c.look(ctx, d) }); err != nil {
		return nil, err
	}
	if !o.Destructive {
		if err := c.refuseDataLoss(ctx, all); err != nil {
			return nil, err
		}
	}
	for s := acting; s >= defining && err == nil; s-- {
		var batch []*doomed
		for _, d := range all {
			if d.live && stageOf(d.kind, !builtIn(d.kind.Group)) == s {
				batch = append(batch, d)
			}
		}
		if s == defining && !o.Destructive {
			err = c.refuseUsedCRDs(ctx, batch)
		}
		if err == nil {
			err = c.each(batch, func(d *doomed) error { return c.delete(ctx, w, d) })
		}
	}
	var changes []diff.Change
	for _, d := range all {
		if d.gone {
			changes = append(changes, diff.Change{Resource: d.id.Resource(), Action: diff.Delete, HoldsData: d.data})
		}
	}
	return changes, err
}

// doom finds the kinds of the objects that are to go. Those whose kind is no longer
// served are gone already.
func (c *Cluster) doom(ctx context.Context, owner Owner, ids []string) (all []*doomed, gone []ID, _ error) {
	unserved := map[schema.GroupKind]bool{} // the server is asked once for each
	for _, s := range ids {
		id, err := ParseID(s)
		if err != nil {
			return nil, nil, err
		}
		gk := schema.GroupKind{Group: id.Group, Kind: id.Kind}
		k, known := c.seen.kindOf(id)
		if unserved[gk] {
			err = errNotServed
		} else if !known {
			k, err = c.kinds.preferred(ctx, gk)
		}
		if errors.Is(err, errNotServed) {
			unserved[gk] = true
			gone = append(gone, id)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, &doomed{id: id, kind: k, owner: owner})
	}
	return all, gone, nil
}

// doomed is an object that is to be deleted.
type doomed struct {
	id    ID
	kind  kind
	owner Owner
	meta  metav1.PartialObjectMetadata
	live  bool // it is there, and its owner's
	data  bool // its deletion loses data
	gone  bool
}

func (c *Cluster) each(all []*doomed, f func(*doomed) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, d := range all {
		wg.Go(func() {
			if err := f(d); err != nil {
				errs[i] = fmt.Errorf("%s: %w", d.id.Resource(), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

const acceptMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// look reads the object as it is now, and forgets it where it is not its owner's.
func (c *Cluster) look(ctx context.Context, d *doomed) error {
	err := c.read(ctx, d)
	if err == nil && !d.live {
		c.seen.forget(d.owner, d.id)
	}
	return err
}

// read reads the object as it is now, and whose it is.
func (c *Cluster) read(ctx context.Context, d *doomed) error {
	a, err := c.own.do(ctx, request{verb: "GET", path: d.kind.path(d.id.Namespace, d.id.Name), accept: acceptMetadata})
	if apierrors.IsNotFound(err) {
		d.live = false
		return nil
	}
	if err != nil {
		return err
	}
	d.meta = metav1.PartialObjectMetadata{}
	if err := json.Unmarshal(a.body, &d.meta); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	owner, ok := ownerOf(d.meta.Annotations[v1alpha1.AnnotationOwner], d.id)
	d.live = ok && owner == d.owner
	return nil
}

func (c *Cluster) refuseDataLoss(ctx context.Context, all []*doomed) error {
	refused := &HoldsDataError{}
	for _, d := range all {
		if !d.live {
			continue
		}
		reason := ""
		switch {
		case holdsData(d.kind.GroupKind()):
			reason = "a volume"
		case d.kind.GroupKind() == namespaceKind:
			n, err := c.some(ctx, "/api/v1/namespaces/"+d.id.Name+"/persistentvolumeclaims")
			if err != nil {
				return fmt.Errorf("looking for volume claims in namespace %s: %w", d.id.Name, err)
			}
			if n != "" {
				reason = "with volume claim " + n + " in it"
			}
		case d.kind.GroupKind() == schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
			deletes, err := c.deletesClaims(ctx, d)
			if err != nil {
				return fmt.Errorf("%s: %w", d.id.Resource(), err)
			}
			if deletes {
				reason = "whose volume claims would be deleted with it, by its persistentVolumeClaimRetentionPolicy"
			}
		}
		if d.data = reason != ""; d.data {
			refused.Objects, refused.Reasons = append(refused.Objects, d.id), append(refused.Reasons, reason)
		}
	}
	if len(refused.Objects) > 0 {
		return refused
	}
	return nil
}

// deletesClaims is true for a StatefulSet that takes its volumes with it, which
// it does not do by default.
func (c *Cluster) deletesClaims(ctx context.Context, d *doomed) (bool, error) {
	a, err := c.own.do(ctx, request{verb: "GET", path: d.kind.path(d.id.Namespace, d.id.Name)})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	var set struct {
		Spec struct {
			Templates []struct{} `json:"volumeClaimTemplates"`
			Policy    struct {
				WhenDeleted string `json:"whenDeleted"`
			} `json:"persistentVolumeClaimRetentionPolicy"`
		} `json:"spec"`
	}
	if err == nil {
		err = json.Unmarshal(a.body, &set)
	}
	return len(set.Spec.Templates) > 0 && set.Spec.Policy.WhenDeleted == "Delete", err
}

// refuseUsedCRDs refuses to delete a CRD with which objects would be deleted that
// are not ours, or not meant to go.
func (c *Cluster) refuseUsedCRDs(ctx context.Context, batch []*doomed) error {
	refused := &HoldsDataError{}
	for _, d := range batch {
		if !d.live || d.kind.GroupKind() != crdKind {
			continue
		}
		k, ok, err := c.definedBy(ctx, d.id.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", d.id.Resource(), err)
		}
		if !ok {
			continue
		}
		n, err := c.some(ctx, k.path("", ""))
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("looking for objects of %s: %w", d.id.Name, err)
		}
		if n != "" {
			refused.Objects = append(refused.Objects, d.id)
			refused.Reasons = append(refused.Reasons, "with "+k.Kind+" "+n+" in the cluster")
		}
	}
	if len(refused.Objects) > 0 {
		return refused
	}
	return nil
}

// some returns the name of one object of a collection, or "".
func (c *Cluster) some(ctx context.Context, path string) (string, error) {
	a, err := c.own.do(ctx, request{
		verb: "GET", path: path, query: url.Values{"limit": {"1"}},
		accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
	})
	if err != nil {
		return "", err
	}
	var list metav1.PartialObjectMetadataList
	if err := json.Unmarshal(a.body, &list); err != nil {
		return "", fmt.Errorf("the server's answer: %w", err)
	}
	if len(list.Items) == 0 {
		return "", nil
	}
	return strings.TrimPrefix(list.Items[0].Namespace+"/"+list.Items[0].Name, "/"), nil
}

// delete deletes exactly what look saw, and looks again when it changed.
func (c *Cluster) delete(ctx context.Context, w *client, d *doomed) (err error) {
	c.seen.deleting(d.id)
	defer func() { c.seen.deleted(d.id, d.gone || !d.live) }()
	for d.live {
		failpoint.Hit("kube/before-delete")
		var a answer
		a, err = w.do(ctx, request{verb: "DELETE", path: d.kind.path(d.id.Namespace, d.id.Name), body: d.deleteOptions(), accept: acceptMetadata})
		switch {
		case apierrors.IsNotFound(err):
			d.gone = true
			return nil
		case apierrors.IsConflict(err):
			if err := c.look(ctx, d); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		var left metav1.PartialObjectMetadata
		if err := json.Unmarshal(a.body, &left); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		if left.Kind == "Status" || left.DeletionTimestamp == nil && len(left.Finalizers) == 0 {
			d.gone = true // at once
			return nil
		}
		if err := c.untilGone(ctx, d.id, d.kind, left); err != nil {
			return err
		}
		d.gone = true
		return nil
	}
	return nil
}

func (d *doomed) deleteOptions() []byte {
	policy := metav1.DeletePropagationBackground
	switch d.kind.Group {
	case "apps", "batch":
		policy = metav1.DeletePropagationForeground
	}
	b, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:          metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		PropagationPolicy: &policy,
		Preconditions:     &metav1.Preconditions{UID: &d.meta.UID, ResourceVersion: &d.meta.ResourceVersion},
	})
	if err != nil {
		panic(err) // a struct of strings
	}
	return b
}
