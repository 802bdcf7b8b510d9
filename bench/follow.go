package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// follower watches the Changes of a sandbox from its beginning to its end, in one
// watch, which thus is in no count of requests.
type follower struct {
	stream watch.Interface

	mu    sync.Mutex
	done  map[string]seen // by commit
	news  chan struct{}   // closed and made anew at each Change that ended
	broke bool
}

// seen is a Change that ended, and when that was heard of.
type seen struct {
	change *v1alpha1.Change
	at     time.Time
}

func follow(ctx context.Context, c client.WithWatch) (*follower, error) {
	stream, err := c.Watch(ctx, &v1alpha1.ChangeList{})
	if err != nil {
		return nil, err
	}
	f := &follower{stream: stream, done: map[string]seen{}, news: make(chan struct{})}
	go f.run()
	return f, nil
}

func (f *follower) stop() { f.stream.Stop() }

func (f *follower) run() {
	for e := range f.stream.ResultChan() {
		at := time.Now()
		change, ok := e.Object.(*v1alpha1.Change)
		if !ok || e.Type == watch.Deleted || !change.Status.Phase.Final() {
			continue
		}
		f.mu.Lock()
		if _, known := f.done[change.Spec.Commit]; !known {
			f.done[change.Spec.Commit] = seen{change, at}
			close(f.news)
			f.news = make(chan struct{})
		}
		f.mu.Unlock()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broke = true
	close(f.news)
	f.news = make(chan struct{})
}

// ended waits for the Change of a commit to end.
func (f *follower) ended(ctx context.Context, commit string) (*v1alpha1.Change, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		f.mu.Lock()
		s, ok := f.done[commit]
		news, broke := f.news, f.broke
		f.mu.Unlock()
		switch {
		case ok:
			return s.change, s.at, nil
		case broke:
			return nil, time.Time{}, errors.New("the watch of Changes ended")
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, time.Time{}, fmt.Errorf("the Change of commit %.10s does not end: %w", commit, ctx.Err())
		}
	}
}
