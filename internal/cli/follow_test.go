package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// channel lets a test send what a watch delivers, after each list.
func (d *desk) channel() *watch.FakeWatcher {
	w := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 100})
	d.client = interceptor.NewClient(d.client, interceptor.Funcs{
		Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			return w, nil
		},
	})
	return w
}

func TestTheNewestChangeOfACommitCounts(t *testing.T) {
	t.Parallel()
	failed := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseFailed, databaseFails)
	again := changeOf("production-10-bbbbbbb", 10, v1alpha1.PhaseRunning, databaseRuns)
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", again.Name)), &failed, &again)
	events := d.channel()
	events.Modify(&failed) // an old one moves; it is not what is waited for
	third := changeOf("production-11-bbbbbbb", 11, v1alpha1.PhaseRunning, databaseRuns)
	events.Add(&third)
	superseded := again
	superseded.Status.Phase = v1alpha1.PhaseSuperseded
	events.Modify(&superseded)
	done := third
	done.Status.Phase = v1alpha1.PhaseSucceeded
	done.Status.Message = "all well"
	events.Modify(&done)
	d.want(exitOK, "all well", "changes", "--watch", "--commit", strings.Repeat("b", 40))
	if strings.Contains(d.stdout.String(), "failed after") {
		t.Errorf("the first try is printed:\n%s", d.stdout.String())
	}
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phase  v1alpha1.Phase
		delete bool
		want   int
		says   string
	}{
		"succeeded":  {v1alpha1.PhaseSucceeded, false, exitOK, "✓ Succeeded"},
		"failed":     {v1alpha1.PhaseFailed, false, exitUnwell, "✗ Failed"},
		"superseded": {v1alpha1.PhaseSuperseded, false, exitUnwell, "– Superseded"},
		"deleted":    {v1alpha1.PhaseRunning, true, exitNotFound, "was deleted before it ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, databaseRuns)
			d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", change.Name)), &change)
			events := d.channel()
			change.Status.Phase = tt.phase
			if tt.delete {
				events.Delete(&change)
			} else {
				events.Modify(&change)
			}
			d.want(tt.want, tt.says, "changes", "--watch", "--commit", "bbbbbbb")
			if strings.Contains(d.stderr.String(), "waiting for") {
				t.Errorf("it says that it waits for what is there: %s", d.stderr.String())
			}
		})
	}
}

func TestFollowGoesOnAfterTheServerEndedTheWatch(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", "")))
	done := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseSucceeded, databaseDone)
	watches := 0
	d.client = interceptor.NewClient(d.client, interceptor.Funcs{
		Watch: func(ctx context.Context, k client.WithWatch, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
			w := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 10})
			switch watches++; watches {
			case 1:
				w.Error(&metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonExpired, Code: 410})
			case 2:
				w.Stop()
			default: // it comes while nobody watches, and is in the next list
				if err := k.Create(ctx, &done); err != nil {
					return nil, err
				}
				w.Stop()
			}
			return w, nil
		},
	})
	d.want(exitOK, "✓ Succeeded", "changes", "--watch", "--commit", "bbbbbbb")
	if d.stderr.String() != "" {
		t.Errorf("it has notes: %s", d.stderr.String())
	}
}

func TestFollowSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", "")))
	d.channel()
	for says, args := range map[string][]string{
		"waiting for the Change of commit bbbbbbb; Ctrl-C ends it": {"changes", "--watch", "--commit", "bbbbbbb"},
		"waiting for Changes in namespace team; Ctrl-C ends it":    {"changes", "--watch"},
		"waiting for Changes of Environment team/production":       {"changes", "--watch", "-e", "production"},
	} {
		if code := d.interrupted(says, args...); code != exitSignal {
			t.Errorf("%q: exit code %d, want %d", args, code, exitSignal)
		}
	}
}

func TestFollowOutlivesTheAPIServer(t *testing.T) {
	t.Parallel()
	running := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, databaseRuns)
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", "")), &running)
	lists := 0
	d.client = interceptor.NewClient(d.client, interceptor.Funcs{
		Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			w := watch.NewFake()
			w.Stop() // with the API server
			return w, nil
		},
		List: func(ctx context.Context, k client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.ChangeList); !ok {
				return k.List(ctx, list, opts...)
			}
			switch lists++; lists {
			case 1:
			case 2, 3:
				return fmt.Errorf("get changes: %w", syscall.ECONNREFUSED)
			default:
				running.Status.Phase = v1alpha1.PhaseSucceeded
				if err := k.Status().Update(ctx, &running); err != nil {
					return err
				}
			}
			return k.List(ctx, list, opts...)
		},
	})
	d.want(exitOK, "✓ Succeeded", "changes", "--watch", "--commit", "bbbbbbb")
	if n := strings.Count(d.stderr.String(), "does not answer"); n != 1 {
		t.Errorf("it says %d times that the API server is away: %s", n, d.stderr.String())
	}
}

func TestFollowFailsWithTheWatch(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	events := d.channel()
	events.Error(&metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: 403, Message: "not any more"})
	d.want(exitError, "not any more", "changes", "--watch")
}

// interrupted is the exit code of a command that is interrupted once its errors
// or its result say something.
func (d *desk) interrupted(says string, args ...string) int {
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() { code <- d.run(ctx, args...) }()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(d.stdout.String()+d.stderr.String(), says); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("never %q:\n%s%s", says, d.stdout.String(), d.stderr.String())
		}
	}
	cancel()
	return <-code
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	ended := changeOf("production-1-aaaaaaa", 1, v1alpha1.PhaseFailed, databaseFails)
	running := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseRunning, databaseRuns)
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonProgressing, "", running.Name)), &ended, &running)
	d.channel()
	for _, args := range [][]string{{"changes", "--watch"}, {"show", "--watch"}, {"changes", "--watch", "--commit", "bbbbbbb"}} {
		if code := d.interrupted("Database UPDATE_IN_PROGRESS", args...); code != exitSignal {
			t.Errorf("%q: exit code %d, want %d: %s", args, code, exitSignal, d.stderr.String())
		}
		if strings.Contains(d.stdout.String(), ended.Name) {
			t.Errorf("%q shows what ended before: %s", args, d.stdout.String())
		}
		if strings.Contains(d.stderr.String(), "drawbridge:") {
			t.Errorf("%q complains of being interrupted: %s", args, d.stderr.String())
		}
	}
}

// controller answers sync requests as the real one does.
func (d *desk) controller(answer func(*v1alpha1.Environment)) {
	d.client = interceptor.NewClient(d.client, interceptor.Funcs{
		Patch: func(ctx context.Context, k client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := k.Patch(ctx, o, p, opts...); err != nil {
				return err
			}
			e := o.DeepCopyObject().(*v1alpha1.Environment)
			e.Status.LastSync = e.Annotations[v1alpha1.AnnotationSync]
			answer(e)
			return k.Status().Update(ctx, e)
		},
		Watch: func(ctx context.Context, k client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
			// As the API server, begin with what there is.
			w := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 10})
			var envs v1alpha1.EnvironmentList
			if err := k.List(ctx, &envs); err != nil {
				return nil, err
			}
			for i := range envs.Items {
				w.Add(&envs.Items[i])
			}
			return w, nil
		},
	})
}

func TestSync(t *testing.T) {
	t.Parallel()
	first := changeOf("production-1-bbbbbbb", 1, v1alpha1.PhaseFailed, databaseFails)
	second := changeOf("production-2-bbbbbbb", 2, v1alpha1.PhaseSucceeded, databaseDone)
	second.Status.Message = "all well"
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonChangeFailed, "…", first.Name)), &first, &second)
	plain := d.client
	d.controller(func(e *v1alpha1.Environment) {
		*e = withStatus(e, environmentOf("production", v1alpha1.ReasonProgressing, "Change production-2-bbbbbbb is under way", second.Name))
	})
	d.want(exitOK, "production is at bbbbbbbbbb, Ready Unknown (Progressing): Change production-2-bbbbbbb is under way", "sync")
	d.want(exitOK, "all well", "sync", "--watch", "-e", "production", "--accept-history", "bbbbbbb")
	var env v1alpha1.Environment
	if err := plain.Get(t.Context(), client.ObjectKey{Namespace: "team", Name: "production"}, &env); err != nil {
		t.Fatal(err)
	}
	if got := env.Annotations[v1alpha1.AnnotationAcceptHistory]; got != "bbbbbbb" {
		t.Errorf("history accepted: %q", got)
	}
	d.client = plain
	d.controller(func(e *v1alpha1.Environment) {
		*e = withStatus(e, environmentOf("production", v1alpha1.ReasonSourceFailed, "https://git.example.com/shop.git: branch not found", ""))
	})
	d.want(exitUnwell, "branch not found", "sync", "--watch")
}

// withStatus takes the status of another, except for what answers a request.
func withStatus(e *v1alpha1.Environment, other v1alpha1.Environment) v1alpha1.Environment {
	out := *e
	out.Status = other.Status
	out.Status.LastSync = e.Status.LastSync
	return out
}

func TestSyncOfASuspendedEnvironment(t *testing.T) {
	t.Parallel()
	env := environmentOf("production", v1alpha1.ReasonSuspended, "suspended", "")
	env.Spec.Suspend = true
	newDesk(t, &env).want(exitUnwell, "suspended: nothing is fetched", "sync")
}

func TestSyncIsInterrupted(t *testing.T) {
	t.Parallel()
	d := newDesk(t, pointer(environmentOf("production", v1alpha1.ReasonDeployed, "", "")))
	ctx, cancel := context.WithCancel(t.Context())
	d.client = interceptor.NewClient(d.client, interceptor.Funcs{
		Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			w := watch.NewFake()
			context.AfterFunc(ctx, w.Stop) // as the API's own do
			cancel()
			return w, nil
		},
	})
	if code := d.run(ctx, "sync"); code != exitSignal {
		t.Errorf("exit code %d, want %d: %s", code, exitSignal, d.stderr.String())
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	if !errors.Is(usageError{cause}, cause) {
		t.Error("a usage error hides its cause")
	}
}
