package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
)

// ClockSkew is how far apart the clocks of the account and of the operator may be.
const ClockSkew = 5 * time.Second

// forceSync is the annotation by which External Secrets is asked for a refresh: any new
// value is a new request.
const forceSync = "force-sync"

type externalSecret struct {
	Spec struct {
		RefreshPolicy, RefreshInterval string
		SecretStoreRef                 storeRef
		Data                           []struct {
			RemoteRef remoteRef
			SourceRef *sourceRef
		}
		DataFrom []struct {
			Extract   *remoteRef
			SourceRef *sourceRef
		}
	}
	Status struct {
		RefreshTime           time.Time
		SyncedResourceVersion string
		Conditions            []struct{ Type, Status, Message string }
	}
}

type storeRef struct{ Name, Kind string }
type remoteRef struct{ Key, Version string }
type sourceRef struct{ StoreRef *storeRef }

// source is a secret or parameter of AWS that an ExternalSecret reads.
type source struct {
	parameter               bool
	region, key, stage, pin string // pin: this very version, whatever is current
}

func (s source) String() string {
	if s.parameter {
		return "parameter " + s.key
	}
	return "secret " + s.key
}

func secretVersion(ctx context.Context, w *watch, o object, now *unstructured.Unstructured) []Finding {
	var es externalSecret
	if err := decode(now, &es); err != nil {
		return []Finding{waiting("%v", err)}
	}
	if f := w.unsynced(ctx, o, now, es); f != nil {
		return []Finding{*f}
	}
	if es.once() {
		return []Finding{skipped("synced; it is read only once (refreshPolicy, refreshInterval), so its version is not compared")}
	}
	sources, not := w.sources(ctx, o, es)
	var versions []string
	var newest time.Time
	for _, s := range sources {
		v, err := w.version(ctx, s)
		switch {
		case errors.Is(err, ErrNotFound):
			not = append(not, fmt.Sprintf("the Environment's account has no %s in %s, so the store reads elsewhere", s, s.region))
			continue
		case err != nil:
			if f := unanswered(err); f.Result == Waiting {
				return []Finding{f}
			}
			not = append(not, err.Error())
			continue
		}
		versions = append(versions, s.region+" "+s.String()+" "+v.ID)
		if v.Changed.After(newest) {
			newest = v.Changed
		}
	}
	if len(versions) == 0 {
		return []Finding{skipped("synced; its version is not compared: %s", strings.Join(slices.Compact(not), "; "))}
	}
	if !fresh(es, now, versions, newest) {
		if err := w.refresh(ctx, o, es, now, versions); err != nil {
			return []Finding{polling("%v", err)}
		}
		return []Finding{w.waitsFor(ctx, externalSecrets, fmt.Sprintf("a version of %s is newer than what it read last, at %s; it is asked to read again", nameAll(sources), es.Status.RefreshTime.UTC().Format(time.TimeOnly)))}
	}
	found := []Finding{passed("synced, with the newest version of %s", nameAll(sources))}
	if len(not) > 0 {
		found = append(found, skipped("not all of it is compared: %s", strings.Join(slices.Compact(not), "; ")))
	}
	return found
}

// unsynced is what is found of one that its operator has not brought about.
func (w *watch) unsynced(ctx context.Context, o object, now *unstructured.Unstructured, es externalSecret) *Finding {
	var f Finding
	ready := slices.IndexFunc(es.Status.Conditions, func(c struct{ Type, Status, Message string }) bool { return c.Type == "Ready" })
	generation, _, _ := strings.Cut(es.Status.SyncedResourceVersion, "-")
	switch {
	case ready < 0:
		f = w.waitsFor(ctx, externalSecrets, "it has said nothing of this object yet")
	case es.Status.Conditions[ready].Status != "True":
		line := es.Status.Conditions[ready].Message
		if text := w.warning(ctx, o); text != "" {
			line += " (" + text + ")"
		}
		f = w.waitsFor(ctx, externalSecrets, line)
	case !es.once() && generation != "" && generation != fmt.Sprint(now.GetGeneration()):
		f = w.waitsFor(ctx, externalSecrets, "its last status is from before this edit of the object")
	default:
		return nil
	}
	return &f
}

// once: it is never read again, whatever is asked for.
func (es externalSecret) once() bool {
	interval, err := time.ParseDuration(es.Spec.RefreshInterval)
	never := err == nil && interval <= 0
	return es.Spec.RefreshPolicy == "CreatedOnce" || never && es.Spec.RefreshPolicy != "OnChange"
}

// sources that can be compared, each once, and why others can't.
func (w *watch) sources(ctx context.Context, o object, es externalSecret) (sources []source, not []string) {
	add := func(ref *remoteRef, from *sourceRef) {
		store := es.Spec.SecretStoreRef
		if from != nil && from.StoreRef != nil {
			store = *from.StoreRef
		} else if from != nil {
			not = append(not, "a generator makes it")
			return
		}
		if ref == nil {
			not = append(not, "it finds its secrets by name or tags")
			return
		}
		s, why := w.source(ctx, o, store, *ref)
		switch {
		case why != "":
			not = append(not, why)
		case s.pin != "":
			not = append(not, fmt.Sprintf("%s is pinned to version %s", s, s.pin))
		case !slices.Contains(sources, s):
			sources = append(sources, s)
		}
	}
	for _, d := range es.Spec.Data {
		add(&d.RemoteRef, d.SourceRef)
	}
	for _, d := range es.Spec.DataFrom {
		add(d.Extract, d.SourceRef)
	}
	return sources, not
}

func (w *watch) source(ctx context.Context, o object, ref storeRef, remote remoteRef) (s source, why string) {
	at := kube.Selection{GroupVersionKind: schema.GroupVersionKind{Group: o.Group, Version: o.version, Kind: ref.Kind}}
	name := ref.Kind + " " + ref.Name
	if ref.Kind != "ClusterSecretStore" {
		at.Kind, at.Namespace = "SecretStore", o.Namespace
		name = at.Kind + " " + o.Namespace + "/" + ref.Name
	}
	stores, err := w.follow(ctx, at)
	if err != nil {
		return s, err.Error()
	}
	found := named(stores, at.Namespace, ref.Name)
	if found == nil {
		return s, name + " is not there"
	}
	var store struct {
		Spec struct {
			Provider map[string]struct{ Service, Region, Prefix string }
		}
	}
	if err := decode(found, &store); err != nil {
		return s, err.Error()
	}
	aws, ok := store.Spec.Provider["aws"]
	if !ok {
		return s, name + " is not of AWS"
	}
	s = source{region: cmp.Or(aws.Region, w.Region), key: aws.Prefix + remote.Key}
	switch aws.Service {
	case "SecretsManager":
		if id, pinned := strings.CutPrefix(remote.Version, "uuid/"); pinned {
			s.pin = id
		} else if s.stage = remote.Version; s.stage == "" {
			s.stage = "AWSCURRENT"
		}
	case "ParameterStore":
		s.parameter, s.pin = true, remote.Version
	default:
		return s, fmt.Sprintf("%s is of the service %q", name, aws.Service)
	}
	return s, ""
}

func (w *watch) version(ctx context.Context, s source) (Version, error) {
	return ask(ctx, w, w.asked, s.region, s.String()+" "+s.stage, func(a Account) (Version, error) {
		if s.parameter {
			return a.Parameter(ctx, s.key)
		}
		return a.Secret(ctx, s.key, s.stage)
	})
}

func nameAll(sources []source) string {
	var all []string
	for _, s := range sources {
		if !slices.Contains(all, s.String()) {
			all = append(all, s.String())
		}
	}
	return strings.Join(all, ", ")
}

// request is the value of the annotation that asks for these versions, up to the slash.
func request(versions []string) string {
	slices.Sort(versions)
	sum := sha256.Sum256([]byte(strings.Join(versions, "\n")))
	return hex.EncodeToString(sum[:8])
}

// fresh tells whether the operator read the store after all of that was current.
func fresh(es externalSecret, now *unstructured.Unstructured, versions []string, newest time.Time) bool {
	if !es.Status.RefreshTime.Before(newest.Add(ClockSkew)) {
		return true
	}
	asked, before, _ := strings.Cut(now.GetAnnotations()[forceSync], "/")
	return asked == request(versions) && es.Status.SyncedResourceVersion != before
}

// refresh asks for one, unless that was done for these versions. What the operator had
// synced before goes into the request: once that is another, it has seen the request.
func (w *watch) refresh(ctx context.Context, o object, es externalSecret, now *unstructured.Unstructured, versions []string) error {
	asked, _, _ := strings.Cut(now.GetAnnotations()[forceSync], "/")
	if asked == request(versions) {
		return nil
	}
	failpoint.Hit("verify/before-refresh")
	err := w.Cluster.Annotate(ctx, o.ID, o.version, w.ServiceAccount, forceSync, request(versions)+"/"+es.Status.SyncedResourceVersion)
	failpoint.Hit("verify/after-refresh")
	return err
}
