package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// goal says which Changes to follow. With neither commit nor change it is all
// that are under way, without end.
type goal struct {
	namespace, environment string
	// commit, or its first digits: the newest Change of it counts, since a
	// commit that failed may be tried again.
	commit string
	change string
}

func (g goal) ends() bool { return g.commit != "" || g.change != "" }

func (g goal) matches(c *v1alpha1.Change) bool {
	return (g.environment == "" || c.Spec.Environment == g.environment) &&
		(g.change == "" || c.Name == g.change) &&
		strings.HasPrefix(c.Spec.Commit, g.commit)
}

func (g goal) String() string {
	text := "Changes in namespace " + g.namespace
	if g.environment != "" {
		text = "Changes of Environment " + g.namespace + "/" + g.environment
	}
	switch {
	case g.change != "":
		return "Change " + g.change
	case g.commit != "":
		return "the Change of commit " + short(g.commit)
	}
	return text
}

// follow prints the steps of Changes as they happen. With a goal that ends it
// returns when the Change has ended, with errUnwell unless it succeeded;
// otherwise when ctx does. What is waited for meanwhile is said on notes.
func follow(ctx context.Context, k client.WithWatch, g goal, w, notes io.Writer) error {
	f := &follower{goal: g, progress: newProgress(w), notes: notes}
	if !g.ends() {
		f.note()
	}
	for first := true; ; first = false {
		done, err := f.list(ctx, k)
		if err != nil && !first {
			// Whoever waits for a long Change should not lose it to a restart
			// of the API server.
			done, err = f.listAgain(ctx, k, err)
		}
		if done || err != nil {
			return err
		}
		if first && g.ends() && f.newest == 0 {
			f.quiet = time.After(quietFor)
		}
		if done, err := f.watch(ctx, k); done || err != nil && !away(err) {
			return err
		}
	}
}

// quietFor is how long nothing may happen before it is said what is waited for.
const quietFor = time.Second

func (f *follower) note() { fmt.Fprintf(f.notes, "waiting for %s; Ctrl-C ends it\n", f.goal) }

// patience is how long an API server may be away, and the pause between tries.
const (
	patience = 2 * time.Minute
	pause    = 500 * time.Millisecond
)

// listAgain tries until the API server is back. err is why it had to.
func (f *follower) listAgain(ctx context.Context, k client.Client, err error) (done bool, _ error) {
	for end := f.progress.now().Add(patience); away(err) && f.progress.now().Before(end); {
		if !f.told {
			f.told = true
			fmt.Fprintf(f.notes, "the API server does not answer; trying again for %s\n", patience)
		}
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-time.After(pause):
		}
		done, err = f.list(ctx, k)
	}
	f.told = false
	return done, err
}

type follower struct {
	goal
	progress *progress
	notes    io.Writer
	quiet    <-chan time.Time // when to say what is waited for, if nothing came
	// newest is the sequence of the Change that decides how a commit went.
	newest int64
	listed string // the version of the last list, to watch from
	told   bool   // that the API server is away
}

// list prints how things are.
func (f *follower) list(ctx context.Context, k client.Client) (done bool, _ error) {
	var list v1alpha1.ChangeList
	if err := k.List(ctx, &list, client.InNamespace(f.namespace)); err != nil {
		return false, fmt.Errorf("changes in namespace %s: %w", f.namespace, err)
	}
	f.listed = list.ResourceVersion
	// Newest first: of a commit that was tried before, only that one counts.
	slices.SortFunc(list.Items, func(a, b v1alpha1.Change) int { return int(b.Spec.Sequence - a.Spec.Sequence) })
	for i := range list.Items {
		if done, err := f.observe(&list.Items[i]); done {
			return true, err
		}
	}
	return false, nil
}

// observe prints what is new, and tells whether that was the end of what is
// waited for.
func (f *follower) observe(c *v1alpha1.Change) (done bool, _ error) {
	if !f.matches(c) || f.ends() && c.Spec.Sequence < f.newest {
		return false, nil
	}
	if !f.ends() && c.Status.Phase.Final() && !f.progress.knows(c) {
		return false, nil // ended before anybody watched
	}
	f.newest = c.Spec.Sequence
	f.progress.observe(c)
	if !f.ends() || !c.Status.Phase.Final() {
		return false, nil
	}
	if c.Status.Phase != v1alpha1.PhaseSucceeded {
		return true, errUnwell
	}
	return true, nil
}

// watch goes through one watch; one that the server ended is no error.
func (f *follower) watch(ctx context.Context, k client.WithWatch) (done bool, _ error) {
	stream, err := k.Watch(ctx, &v1alpha1.ChangeList{}, client.InNamespace(f.namespace), from(f.listed))
	if err != nil {
		return false, fmt.Errorf("watch changes in namespace %s: %w", f.namespace, err)
	}
	defer stream.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-f.quiet:
			if f.newest == 0 {
				f.note()
			}
		case event, open := <-stream.ResultChan():
			if !open {
				return false, nil
			}
			if event.Type == watch.Error {
				if err := apierrors.FromObject(event.Object); !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
					return false, fmt.Errorf("watch changes in namespace %s: %w", f.namespace, err)
				}
				return false, nil
			}
			c, ok := event.Object.(*v1alpha1.Change)
			switch {
			case !ok:
			case event.Type != watch.Deleted:
				if done, err := f.observe(c); done {
					return true, err
				}
			case f.ends() && f.matches(c) && c.Spec.Sequence == f.newest:
				return true, notFoundError{fmt.Sprintf("change %s/%s was deleted before it ended; was its Environment deleted?", c.Namespace, c.Name)}
			}
		}
	}
}

// from starts a watch at what a list has shown.
func from(resourceVersion string) *client.ListOptions {
	return &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: resourceVersion}}
}
