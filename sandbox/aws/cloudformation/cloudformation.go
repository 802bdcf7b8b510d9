package cloudformation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// Options of a CloudFormation. Store and Resources must be given.
type Options struct {
	Store     *store.Store
	Resources *resource.Registry
	// Now is time.Now when nil.
	Now func() time.Time
	// After rings when some time has passed; it is time.After when nil.
	After func(time.Duration) <-chan time.Time
	// Log is slog.Default() when nil.
	Log *slog.Logger
	// Zones are the availability zones of a region; the zones a and b when nil.
	Zones func(region string) []string
	// Secret reads a secret for {{resolve:secretsmanager:…}}; stage and version
	// may be empty. Parameter reads a parameter for {{resolve:ssm:…}},
	// {{resolve:ssm-secure:…}} and parameter types; version may be empty.
	// References fail while they are nil.
	Secret    func(ctx context.Context, account, region, id, stage, version string) (string, error)
	Parameter func(ctx context.Context, account, region, name, version string) (string, error)
	// Object reads a template by its TemplateURL, which is refused while it is nil.
	Object func(ctx context.Context, account, url string) ([]byte, error)
	// OnEvent is called for each stack event, in the order of the stack's
	// events, after it is in the store. It must return soon.
	OnEvent func(types.StackEvent)
}

// CloudFormation is the service. Make one with [New].
type CloudFormation struct {
	Options
	ctx  context.Context
	stop context.CancelFunc

	// commits guards atWork, and is held while a commit writes: what is read under it
	// is in the store.
	commits sync.RWMutex
	atWork  map[key]*snapshot

	mu        sync.Mutex
	running   map[key]*running
	waiting   []*amendment  // to be written
	writing   bool          // somebody writes
	signalled chan struct{} // closed, and made anew, at each signal
	closed    bool
	wait      sync.WaitGroup
}

// key names a stack in the store.
type key struct {
	store.Scope
	ID string // the ARN
}

// running is an operation under way in this process.
type running struct {
	done chan struct{}
	// work is what an update's work on resources runs under, and cancelWork
	// ends it, with errCancelled as the cause.
	work       context.Context
	cancelWork context.CancelCauseFunc
}

// New returns the service. Call Resume before the first request.
func New(options Options) *CloudFormation {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.After == nil {
		options.After = time.After
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Zones == nil {
		options.Zones = func(region string) []string { return []string{region + "a", region + "b"} }
	}
	ctx, stop := context.WithCancel(context.Background())
	return &CloudFormation{Options: options, ctx: ctx, stop: stop, running: map[key]*running{}, atWork: map[key]*snapshot{}, signalled: make(chan struct{})}
}

// Resume takes up the operations that the last process left unfinished.
func (c *CloudFormation) Resume() error {
	var found []key
	var detecting []detection
	err := c.Store.View(func(tx *store.Tx) error {
		scopes, err := tx.Scopes()
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			err := operationRows.Walk(tx, scope, "", func(id string, op operation) error {
				if !op.waits() {
					found = append(found, key{scope, id})
				}
				return nil
			})
			if err != nil {
				return err
			}
			err = detections.Walk(tx, scope, "", func(_ string, d detection) error {
				if d.Status == types.StackDriftDetectionStatusDetectionInProgress {
					detecting = append(detecting, d)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cloudformation: look for unfinished operations: %w", err)
	}
	for _, k := range found {
		c.Log.Info("CloudFormation takes up an unfinished operation", "stack", k.ID)
		c.start(k)
	}
	for _, d := range detecting {
		c.detect(d)
	}
	return nil
}

// Close stops the work in progress, which a later Resume takes up, and waits
// until it has stopped.
func (c *CloudFormation) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wait.Wait()
	return nil
}

// Wait blocks until no operation on the stack is under way in this process. An ID
// of a drift detection is taken too.
func (c *CloudFormation) Wait(ctx context.Context, account, region, id string) error {
	c.mu.Lock()
	r := c.running[key{store.Scope{Account: account, Region: region}, id}]
	c.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start runs the stack's operation in the background.
func (c *CloudFormation) start(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin(k)
}

// begin is start with the mutex held.
func (c *CloudFormation) begin(k key) {
	c.launch(k, func(ctx, work context.Context) error { return c.run(ctx, work, k) })
}

// launch runs what is done under a key in the background, one after the other. The
// mutex is held. work ends with cancelWork; ctx ends with the process only.
func (c *CloudFormation) launch(k key, do func(ctx, work context.Context) error) {
	if c.closed {
		return // the operation is in the store, for the next process
	}
	r := &running{done: make(chan struct{})}
	r.work, r.cancelWork = context.WithCancelCause(c.ctx)
	// An operation may be begun while the last one is about to leave.
	before := c.running[k]
	c.running[k] = r
	c.wait.Add(1)
	go func() {
		defer c.wait.Done()
		defer r.cancelWork(nil)
		if before != nil {
			<-before.done
		}
		err := do(c.ctx, r.work)
		if err != nil && !errors.Is(err, context.Canceled) {
			c.Log.Error("CloudFormation operation stopped", "of", k.ID, "error", err)
		}
		c.mu.Lock()
		if c.running[k] == r {
			delete(c.running, k)
		}
		c.mu.Unlock()
		close(r.done)
	}()
}

// now is the time as stacks keep it.
func (c *CloudFormation) now() time.Time { return c.Now().UTC().Truncate(time.Millisecond) }

// newID returns a random UUID.
func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // never, says crypto/rand
	}
	return uuid(b)
}

// idOf returns a UUID that depends on the token alone.
func idOf(token string) string {
	digest := sha256.Sum256([]byte(token))
	return uuid([16]byte(digest[:16]))
}

func uuid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
