package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
)

// Surroundings are what the agent finds in its Pod.
type Surroundings struct {
	// Folder is empty and the agent's alone.
	Folder string
	// Fetch puts the files of the instruction's commit into a folder that exists.
	Fetch      func(ctx context.Context, i Instruction, into string) error
	Parameters build.Parameters
	Secrets    build.Secrets
}

// Agent carries the instruction out and prints log and result to out. It returns
// the build's error, which it has printed too.
func Agent(ctx context.Context, i Instruction, s Surroundings, out io.Writer) error {
	p := &printer{encoder: json.NewEncoder(out)}
	result, err := carryOut(ctx, i, s, func(l build.Line) { p.print(message{Line: &l}) })
	last := message{Result: &result}
	if err != nil {
		last.Error = err.Error()
		errors.As(err, &last.Failed)
	}
	p.print(last)
	return errors.Join(err, p.err)
}

func carryOut(ctx context.Context, i Instruction, s Surroundings, log func(build.Line)) (build.Result, error) {
	folder := map[string]string{}
	for _, name := range []string{"source", "scratch"} {
		folder[name] = filepath.Join(s.Folder, name)
		if err := os.Mkdir(folder[name], 0o755); err != nil {
			return build.Result{}, err
		}
	}
	if err := s.Fetch(ctx, i, folder["source"]); err != nil {
		return build.Result{}, fmt.Errorf("fetch commit %s: %w", i.Commit, err)
	}
	source := filepath.Join(folder["source"], filepath.FromSlash(i.Path))
	root, err := os.OpenRoot(source)
	if err != nil {
		return build.Result{}, err
	}
	defer root.Close()
	name := filepath.Join(i.Path, i.Buildspec)
	content, err := root.ReadFile(i.Buildspec)
	if err != nil {
		return build.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	spec, err := buildspec.Parse(name, content)
	if err != nil {
		return build.Result{}, err
	}
	return build.Run(ctx, build.Request{
		Spec: spec, Source: source, Scratch: folder["scratch"], Output: filepath.Join(s.Folder, "output"),
		About: i.About, Variables: i.Variables, Hidden: i.Hidden,
		Parameters: s.Parameters, Secrets: s.Secrets,
		Limits: i.Limits, Network: true, Log: log,
		Files: contain.Files{Writable: []string{folder["source"]}}, // what the build reads beside its folder, too
	})
}

// printer prints one message a line. Its error is the first.
type printer struct {
	mu      sync.Mutex
	encoder *json.Encoder
	err     error
}

func (p *printer) print(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, p.encoder.Encode(m))
}

// Install copies our own program to a path, whole or not at all.
func Install(to string) error {
	from, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("install the agent: %w", err)
	}
	return os.Rename(to+".part", to)
}
