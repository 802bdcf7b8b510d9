package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/drawbridge-gitops/drawbridge/sandbox/part"
)

// A part of our own is this program, started again with the arguments "part
// NAME" and partVariable set. Its configuration is a line of JSON on standard
// input, which holds secrets and so must not be an argument; the end of that
// input means that the supervisor is gone. It writes "ready" to descriptor 3
// when it is, and finds its listener, if it has one, as descriptor 4: the
// supervisor opens it, so that the port can't be lost on the way.
const (
	partVariable = "DRAWBRIDGE_SANDBOX_PART"
	partArgument = "part"
	readyFD      = 3
	listenerFD   = 4
)

// ownPart runs a part until ctx ends. It calls ready once; l is nil when the
// part does not listen.
type ownPart func(ctx context.Context, config []byte, l net.Listener, ready func(), log *slog.Logger) error

// canBePart says that BePart was called, so that a child will be a part and not
// this program's normal self, which might start children in turn, without end.
var canBePart atomic.Bool

// BePart must be called first thing in main, or in TestMain, by a program that
// calls Up. If the program was started to be one of the sandbox's own parts, it
// is that part, and BePart does not return.
func BePart() {
	part.BeMinder()
	name := os.Getenv(partVariable)
	if name == "" || len(os.Args) != 3 || os.Args[1] != partArgument || os.Args[2] != name {
		canBePart.Store(true)
		return
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := bePart(name, log); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func bePart(name string, log *slog.Logger) error {
	run := ownParts[name]
	if run == nil {
		return fmt.Errorf("there is no part %q", name)
	}
	input := bufio.NewReader(os.Stdin)
	config, err := input.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, input) //nolint:errcheck // any end of it is the end
		cancel()
	}()
	var l net.Listener
	if listens[name] {
		f := os.NewFile(listenerFD, "listener")
		if l, err = net.FileListener(f); err != nil {
			return fmt.Errorf("descriptor %d: %w", listenerFD, err)
		}
		f.Close()
	}
	tell := os.NewFile(readyFD, "ready")
	ready := func() {
		io.WriteString(tell, "ready\n") //nolint:errcheck // the supervisor is gone
		tell.Close()
	}
	err = run(ctx, config, l, ready, log)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	if err == nil {
		err = errors.New("ended without being asked to")
	}
	return err
}

// own is the spec of a part of our own.
func (s *Sandbox) own(name string, config any) spec {
	sp := spec{name: name, log: s.LogPath(name)}
	if listens[name] {
		sp.address = "http://" + s.state.address(name)
	}
	sp.launch = func() (*part.Child, awaitReady, error) {
		if !canBePart.Load() {
			return nil, nil, errNoParts
		}
		self, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		input, err := json.Marshal(config)
		if err != nil {
			return nil, nil, err
		}
		told, tell, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		files := []*os.File{tell}
		if listens[name] {
			l, err := listen(s.state.address(name))
			if err != nil {
				told.Close()
				tell.Close()
				return nil, nil, err
			}
			files = append(files, l)
		}
		child, err := part.Start(part.Command{
			Name: name, Path: self, Args: []string{"drawbridge-sandbox", partArgument, name},
			Env: plainEnv(partVariable + "=" + name), Dir: s.dir, Log: sp.log,
			Input: append(input, '\n'), Files: files,
		})
		if err != nil {
			told.Close()
			return nil, nil, err
		}
		return child, func(ctx context.Context) error { return awaitTold(ctx, told) }, nil
	}
	return sp
}

// awaitTold waits for the line that says ready. A part that ends without it is
// noticed by who waits for its end, and can say more about it.
func awaitTold(ctx context.Context, told *os.File) error {
	stop := context.AfterFunc(ctx, func() { told.Close() })
	defer told.Close()
	defer stop()
	line, err := bufio.NewReader(told).ReadString('\n')
	if err == nil && line == "ready\n" {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func listen(address string) (*os.File, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.(*net.TCPListener).File()
}
