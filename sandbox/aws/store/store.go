// Package store keeps the sandbox's AWS state on disk, in one bbolt file.
//
// State is a set of tables in a [Scope], which is an account and a region: what
// is in one scope can't be seen from another. A [Table] maps a key to a value of
// one Go type, kept as JSON.
//
// All access is in a transaction. [Store.View] reads one consistent state;
// [Store.Update] changes everything it changes, or nothing when its function
// returns an error, which it passes on. Updates run one at a time; views run
// beside them. Within a transaction, call only functions that finish at once:
// never wait, and never open another one, which would wait for itself for ever.
// [Store.Watch] tells those who follow a table that it has changed.
//
// When Update returns nil the state survives kill -9. With [Options.Fsync] it
// survives the loss of power too, for some milliseconds an update.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Options of [Open].
type Options struct {
	// Fsync makes each update wait for the disk.
	Fsync bool
}

// Store is an open state file. It is safe for concurrent use.
type Store struct {
	db *bbolt.DB

	mu       sync.Mutex
	watchers []watcher
}

type watcher struct {
	prefix  string
	changed func()
}

// Scope is where state lives. Services that have no regions, such as IAM and S3,
// leave Region empty.
type Scope struct{ Account, Region string }

// Tx is a transaction; it is good only within the function it was given to.
type Tx struct {
	tx      *bbolt.Tx
	touched map[string]bool // tables that an update has written; nil in a view
}

// Open opens the state file, and makes it where it is missing. A file that
// another process has open is an error after a second.
func Open(path string, options Options) (*Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      time.Second,
		NoSync:       !options.Fsync,
		NoGrowSync:   !options.Fsync,
		FreelistType: bbolt.FreelistMapType,
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open AWS state %s: another process has it open; stop that sandbox first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open AWS state %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close waits for open transactions, writes everything to the disk and closes.
func (s *Store) Close() error {
	if err := s.db.Sync(); err != nil {
		return errors.Join(fmt.Errorf("write AWS state %s: %w", s.db.Path(), err), s.db.Close())
	}
	return s.db.Close()
}

// View reads the state.
func (s *Store) View(read func(*Tx) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return read(&Tx{tx: tx}) })
}

// Update changes the state.
func (s *Store) Update(change func(*Tx) error) error {
	touched := map[string]bool{}
	err := s.db.Update(func(tx *bbolt.Tx) error { return change(&Tx{tx, touched}) })
	if err == nil {
		s.tell(touched)
	}
	return err
}

// Watch calls a function after each update of a table whose name begins with the
// prefix. The function is called by whoever made the update, before Update
// returns: it must not wait. It may open transactions.
func (s *Store) Watch(prefix string, changed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, watcher{prefix, changed})
}

func (s *Store) tell(touched map[string]bool) {
	s.mu.Lock()
	watchers := slices.Clone(s.watchers)
	s.mu.Unlock()
	for _, w := range watchers {
		for name := range touched {
			if strings.HasPrefix(name, w.prefix) {
				w.changed()
				break
			}
		}
	}
}

// OnCommit calls f once the change is made, for those who wait for it. It is not
// called when the transaction fails.
func (tx *Tx) OnCommit(f func()) { tx.tx.OnCommit(f) }

// Once does an operation that must be done once for its token, in the
// transaction that records it. It returns the ID that the operation returned,
// now or when it was first done, and whether that was now.
func Once(tx *Tx, scope Scope, token string, do func() (id string, err error)) (id string, first bool, err error) {
	id, done, err := Done(tx, scope, token)
	if err != nil || done {
		return id, false, err
	}
	if id, err = do(); err != nil {
		return "", false, err
	}
	return id, true, tokens.Put(tx, scope, token, id)
}

// Done returns the ID of the operation that Once did for a token, and whether it
// has done it.
func Done(tx *Tx, scope Scope, token string) (id string, done bool, err error) {
	return tokens.Get(tx, scope, token)
}

var tokens = Table[string]{Name: "tokens"}

// Scopes lists the scopes that hold anything, in order.
func (tx *Tx) Scopes() ([]Scope, error) {
	var scopes []Scope
	err := tx.tx.ForEach(func(account []byte, b *bbolt.Bucket) error {
		return b.ForEachBucket(func(region []byte) error {
			scope := Scope{Account: string(account), Region: string(region)}
			if scope.Region == noRegion {
				scope.Region = ""
			}
			scopes = append(scopes, scope)
			return nil
		})
	})
	return scopes, err
}

// noRegion stands for the empty region, as bbolt takes no empty names.
const noRegion = "-"

// table finds a table's bucket; it is nil where there is none and make is false.
func (tx *Tx) table(scope Scope, name string, make bool) (*bbolt.Bucket, error) {
	if scope.Account == "" || name == "" {
		return nil, fmt.Errorf("AWS state: table %q in account %q: neither may be empty", name, scope.Account)
	}
	region := scope.Region
	if region == "" {
		region = noRegion
	}
	if !make {
		bucket := tx.tx.Bucket([]byte(scope.Account))
		for _, step := range []string{region, name} {
			if bucket != nil {
				bucket = bucket.Bucket([]byte(step))
			}
		}
		return bucket, nil
	}
	bucket, err := tx.tx.CreateBucketIfNotExists([]byte(scope.Account))
	for _, step := range []string{region, name} {
		if err == nil {
			bucket, err = bucket.CreateBucketIfNotExists([]byte(step))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("AWS state: table %s: %w", name, err)
	}
	return bucket, nil
}

func decode(name string, key, value []byte, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("AWS state: %s %q can't be read: %w", name, key, err)
	}
	return nil
}
