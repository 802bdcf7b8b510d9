package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// MaxBlobSize is the size, in bytes, over which a file is refused unread.
const MaxBlobSize = 10 << 20

// Blob returns the content of a file by its OID. It fails with ErrObjectNotFound,
// or with ErrTooLarge before anything over MaxBlobSize is read.
func (m *Mirror) Blob(ctx context.Context, oid string) ([]byte, error) {
	return m.object(ctx, oid, "blob")
}

func (m *Mirror) object(ctx context.Context, oid, kind string) ([]byte, error) {
	if !validOID(oid) {
		return nil, fmt.Errorf("read %s %q: %w: expected a full object name", kind, oid, ErrObjectNotFound)
	}
	data, err := m.objects.read(ctx, oid, kind)
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", kind, oid, err)
	}
	return data, nil
}

func validOID(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}

// objectPool lends long-lived `git cat-file --batch-command` processes, one to a
// reader at a time. They start when first needed; one that dies, or is left in
// the middle of an answer, is replaced.
type objectPool struct {
	mirror *Mirror
	// slots has a place for each process: nil where none runs.
	slots chan *objectReader
	done  chan struct{}
	once  sync.Once
	size  int
}

func newObjectPool(m *Mirror, size int) *objectPool {
	p := &objectPool{mirror: m, slots: make(chan *objectReader, size), done: make(chan struct{}), size: size}
	for range size {
		p.slots <- nil
	}
	return p
}

func (p *objectPool) close() {
	p.once.Do(func() {
		close(p.done)
		for range p.size {
			if r := <-p.slots; r != nil {
				r.stop()
			}
		}
	})
}

// use runs ask with a process of its own. A process that was found dead is
// replaced, and the question is asked once more.
func (p *objectPool) use(ctx context.Context, ask func(*objectReader) error) error {
	var r *objectReader
	select {
	case <-p.done:
		return ErrClosed
	default:
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.done:
		return ErrClosed
	case r = <-p.slots:
	}
	// The slot goes back in every case, with what runs in it at the end.
	defer func() { p.slots <- r }()

	for fresh := false; ; {
		if r == nil {
			var err error
			if r, err = p.start(); err != nil {
				r = nil
				return err
			}
			fresh = true
		}
		// Close needs no such hook: the processes run under the mirror's context.
		unhook := context.AfterFunc(ctx, r.kill)
		err := ask(r)
		unhook()
		if err == nil || errors.Is(err, ErrObjectNotFound) || errors.Is(err, ErrTooLarge) || errors.Is(err, errOtherType) {
			return err
		}
		r.stop()
		r = nil
		select {
		case <-p.done:
			return ErrClosed
		default:
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if fresh {
			return err
		}
	}
}

// resolve returns the OID of the commit that a ref is at.
func (p *objectPool) resolve(ctx context.Context, ref string) (oid string, err error) {
	err = p.use(ctx, func(r *objectReader) error {
		h, err := r.header("info " + ref)
		oid = h.oid
		return err
	})
	return oid, err
}

func (p *objectPool) read(ctx context.Context, oid, kind string) (data []byte, err error) {
	err = p.use(ctx, func(r *objectReader) error {
		h, err := r.header("info " + oid)
		if err != nil {
			return err
		}
		if h.kind != kind {
			return fmt.Errorf("%w: it is a %s", errOtherType, h.kind)
		}
		if h.size > MaxBlobSize {
			return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, h.size, MaxBlobSize)
		}
		data, err = r.contents(oid, h)
		return err
	})
	return data, err
}

var errOtherType = errors.New("object has another type")

// objectReader is one running process. One goroutine at a time asks it.
type objectReader struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader

	mu      sync.Mutex
	stopped bool
}

func (p *objectPool) start() (*objectReader, error) {
	cmd := p.mirror.command(p.mirror.ctx, nil, "cat-file", "--batch-command")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start git cat-file: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start git cat-file: %w", err)
	}
	return &objectReader{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 64<<10)}, nil
}

// kill ends the process, so that a read that hangs comes back. After stop it does
// nothing: the process ID may be somebody else's by then.
func (r *objectReader) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		_ = r.cmd.Cancel()
	}
}

func (r *objectReader) stop() {
	r.kill()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	_ = r.in.Close()
	_ = r.cmd.Wait() // it was killed: its status tells nothing
}

func (r *objectReader) header(command string) (objectHeader, error) {
	if _, err := io.WriteString(r.in, command+"\n"); err != nil {
		return objectHeader{}, fmt.Errorf("git cat-file: %w", err)
	}
	line, err := r.out.ReadString('\n')
	if err != nil {
		return objectHeader{}, fmt.Errorf("git cat-file: %w", err)
	}
	return parseObjectHeader(strings.TrimSuffix(line, "\n"))
}

func (r *objectReader) contents(oid string, want objectHeader) ([]byte, error) {
	h, err := r.header("contents " + oid)
	if err != nil {
		return nil, err
	}
	if h != want {
		return nil, fmt.Errorf("git cat-file: object %s changed between two reads", oid)
	}
	data := make([]byte, h.size+1)
	if _, err := io.ReadFull(r.out, data); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if data[h.size] != '\n' {
		return nil, fmt.Errorf("git cat-file: object %s is longer than announced", oid)
	}
	return data[:h.size:h.size], nil
}

// objectHeader is the line with which `cat-file` begins an answer.
type objectHeader struct {
	oid, kind string
	size      int64
}

// parseObjectHeader reads "<oid> <type> <size>", or "<what was asked> missing".
func parseObjectHeader(line string) (objectHeader, error) {
	if strings.HasSuffix(line, " missing") {
		return objectHeader{}, ErrObjectNotFound
	}
	f := strings.Split(line, " ")
	if len(f) != 3 || !validOID(f[0]) {
		return objectHeader{}, fmt.Errorf("git cat-file: unexpected answer %q", line)
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 {
		return objectHeader{}, fmt.Errorf("git cat-file: unexpected size in %q", line)
	}
	return objectHeader{f[0], f[1], size}, nil
}
