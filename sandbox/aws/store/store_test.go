package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

type thing struct{ Name string }

var (
	things = store.Table[thing]{Name: "test/things"}
	counts = store.Table[int]{Name: "test/counts"}
	here   = store.Scope{Account: "123456789012", Region: "us-east-1"}
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStateSurvivesReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "aws.db")
	s := open(t, path)
	global := store.Scope{Account: here.Account}
	err := s.Update(func(tx *store.Tx) error {
		return errors.Join(
			things.Put(tx, here, "a/2", thing{"second"}),
			things.Put(tx, here, "a/1", thing{"first"}),
			things.Put(tx, here, "b/1", thing{"other"}),
			things.Put(tx, global, "a/1", thing{"global"}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, store.Options{}); err == nil {
		t.Error("a second Open of an open file succeeded")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	err = s.View(func(tx *store.Tx) error {
		got, err := things.List(tx, here, "a/")
		if diff := cmp.Diff([]thing{{"first"}, {"second"}}, got); diff != "" {
			t.Errorf("List(a/) (-want +got):\n%s", diff)
		}
		elsewhere, err2 := things.List(tx, store.Scope{Account: here.Account, Region: "eu-west-1"}, "")
		if len(elsewhere) != 0 {
			t.Errorf("another region shows %v", elsewhere)
		}
		scopes, err3 := tx.Scopes()
		if diff := cmp.Diff([]store.Scope{global, here}, scopes); diff != "" {
			t.Errorf("Scopes (-want +got):\n%s", diff)
		}
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "aws.db"))
	defer s.Close()
	want := errors.New("no")
	err := s.Update(func(tx *store.Tx) error {
		if err := things.Put(tx, here, "x", thing{"x"}); err != nil {
			return err
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Fatalf("Update = %v, want %v", err, want)
	}
	_ = s.View(func(tx *store.Tx) error {
		if _, found, _ := things.Get(tx, here, "x"); found {
			t.Error("the failed update left its value")
		}
		return nil
	})
}

func TestOnce(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "aws.db"))
	defer s.Close()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			err := s.Update(func(tx *store.Tx) error {
				id, _, err := store.Once(tx, here, "token", func() (string, error) {
					n, _, err := counts.Get(tx, here, "made")
					if err != nil {
						return "", err
					}
					return fmt.Sprintf("id-%d", n+1), counts.Put(tx, here, "made", n+1)
				})
				if id != "id-1" {
					t.Errorf("Once = %q, want id-1", id)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestWatch(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "aws.db"))
	defer s.Close()
	var told []string
	for _, prefix := range []string{"test/", "test/counts", "other/"} {
		s.Watch(prefix, func() {
			told = append(told, prefix)
			_ = s.View(func(*store.Tx) error { return nil }) // the update is over
		})
	}
	for _, test := range []struct {
		change func(tx *store.Tx) error
		want   []string
	}{
		{func(tx *store.Tx) error {
			return errors.Join(things.Put(tx, here, "a", thing{}), things.Put(tx, here, "b", thing{}))
		}, []string{"test/"}},
		{func(tx *store.Tx) error { return counts.Put(tx, here, "a", 1) }, []string{"test/", "test/counts"}},
		{func(tx *store.Tx) error { return things.Delete(tx, here, "a") }, []string{"test/"}},
		{func(tx *store.Tx) error { return errors.Join(counts.Put(tx, here, "a", 2), errors.New("no")) }, nil},
		{func(tx *store.Tx) error { _, err := things.List(tx, here, ""); return err }, nil},
	} {
		told = nil
		_ = s.Update(test.change)
		if diff := cmp.Diff(test.want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	}
}
