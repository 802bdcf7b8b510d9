package cdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
	"github.com/drawbridge-gitops/drawbridge/internal/turns"
)

// CLIVersion is the CDK CLI that looks up context where the app's own packages
// hold none.
const CLIVersion = "2.1148.1"

// Options of a Synthesizer. Only Dir has no default.
type Options struct {
	// Dir keeps packages, assemblies and the CLI. All in it can be made again.
	Dir string
	// Limits of each command. Default: 15 minutes, 16 MiB of output, 4 GiB of disk.
	Limits contain.Limits
	// Environ is where the settings of package managers are taken from. Default
	// os.Environ().
	Environ []string
	// Hidden are folders and files that apps do not see, where the kernel permits:
	// those of the controller, its credentials above all. Dir may be within them.
	Hidden []string
	// Kept is how many assemblies are kept. Default 64.
	Kept int
}

// Synthesizer runs CDK apps. Make one with [New].
type Synthesizer struct {
	options Options
	turns   turns.Turns // by folder
}

// New returns a Synthesizer. Its folder is made when it is first needed.
func New(o Options) *Synthesizer {
	if o.Limits == (contain.Limits{}) {
		o.Limits = contain.Limits{Time: 15 * time.Minute, Output: 16 << 20, Disk: 4 << 30}
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Kept == 0 {
		o.Kept = 64
	}
	return &Synthesizer{options: o}
}

// Request is an app in a commit, and the place that it is for.
type Request struct {
	Tree *git.Tree
	Read git.BlobReader
	// Path of the app's folder, and Reads the paths outside of it that it needs.
	Path  string
	Reads []string
	// OID is the digest of all that.
	OID string
	// Context goes over that of cdk.json.
	Context map[string]string
	Place   Place
	// Lookup gives the variables of an identity that may only read, for context
	// lookups: AWS_ACCESS_KEY_ID and what goes with it. The role is the one that
	// the app names for lookups, or "". Nil where there are no lookups.
	Lookup func(ctx context.Context, role string) ([]string, error)
	// Log gets what the commands print, in lines as they come.
	Log io.Writer
	// Progress is told what is being done: what a person would like to see while
	// it takes time. Nil for nobody.
	Progress func(what string)
}

// run is one synthesis on its way.
type run struct {
	Request
	work, home, tmp string
	dir             string // the app's folder in the work tree
	out             string // the assembly
}

// Synthesize returns the app's assembly, made now or kept from before.
func (s *Synthesizer) Synthesize(ctx context.Context, r Request) (*Assembly, error) {
	kept := filepath.Join(s.options.Dir, "assemblies", r.key())
	unlock, err := s.turns.Take(ctx, kept)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Stat(kept); err == nil {
		now := time.Now()
		if err := os.Chtimes(kept, now, now); err != nil {
			return nil, err
		}
		return Read(kept, r.Place)
	}
	a, err := readApp(ctx, r.Tree, r.Read, r.Path)
	if err != nil {
		return nil, err
	}
	one := &run{Request: r}
	defer func() { _ = os.RemoveAll(one.work) }() // what is left is only in the way
	if err := s.prepare(ctx, one); err != nil {
		return nil, err
	}
	if err := s.synthesize(ctx, one, a); err != nil {
		return nil, err
	}
	if _, err := Read(one.out, r.Place); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return nil, err
	}
	failpoint.Hit("cdk/before-keep")
	if err := os.Rename(one.out, kept); err != nil {
		return nil, fmt.Errorf("keep the cloud assembly: %w", err)
	}
	failpoint.Hit("cdk/after-keep")
	s.retire(filepath.Dir(kept))
	return Read(kept, r.Place)
}

// key is a digest of everything that decides what comes out.
func (r Request) key() string {
	text, err := json.Marshal(struct {
		Format    int
		OID, Path string
		Context   map[string]string
		Place     Place
	}{1, r.OID, r.Path, r.Context, r.Place})
	if err != nil {
		panic(err) // texts always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:40]
}

// prepare writes the work tree and installs the app's packages.
func (s *Synthesizer) prepare(ctx context.Context, r *run) error {
	if err := os.MkdirAll(filepath.Join(s.options.Dir, "work"), 0o755); err != nil {
		return err
	}
	var err error
	if r.work, err = os.MkdirTemp(filepath.Join(s.options.Dir, "work"), "app-"); err != nil {
		return err
	}
	tree := filepath.Join(r.work, "tree")
	r.home, r.tmp, r.dir, r.out = filepath.Join(r.work, "home"), filepath.Join(r.work, "tmp"), filepath.Join(tree, filepath.FromSlash(r.Path)), filepath.Join(r.work, "cdk.out")
	for _, dir := range append([]string{tree, r.home, r.tmp, s.home()}, s.installed()...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := r.Tree.Export(ctx, r.Read, tree, append([]string{r.Path}, r.Reads...)...); err != nil {
		return err
	}
	for _, t := range toolchainsOf(r.Tree, r.Path) {
		if err := s.install(ctx, r, t); err != nil {
			return err
		}
	}
	return nil
}

// home of the package managers, with their caches.
func (s *Synthesizer) home() string { return filepath.Join(s.options.Dir, "home") }

// installed are the folders that packages are in, for the apps to read.
func (s *Synthesizer) installed() []string {
	return []string{filepath.Join(s.options.Dir, "packages"), filepath.Join(s.home(), "go")}
}

// maxLookups bounds how often an app may ask for more context.
const maxLookups = 8

// synthesize runs the app until it has all the context that it asks for.
func (s *Synthesizer) synthesize(ctx context.Context, r *run, a *app) error {
	var before []string
	for range maxLookups {
		if err := s.runApp(ctx, r, a); err != nil {
			return err
		}
		m, err := readManifest(r.out)
		if err != nil {
			return err
		}
		var keys []string
		for _, x := range m.Missing {
			keys = append(keys, x.Key)
		}
		slices.Sort(keys)
		if len(keys) == 0 {
			return nil
		}
		if slices.Equal(keys, before) {
			break
		}
		before = keys
		if err := s.lookUp(ctx, r, a, m.Missing); err != nil {
			return err
		}
	}
	return fmt.Errorf("the app still asks for context that could not be looked up: %s", strings.Join(before, ", "))
}

// runApp runs the command of cdk.json, which writes the assembly.
func (s *Synthesizer) runApp(ctx context.Context, r *run, a *app) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	values := maps.Clone(a.context)
	maps.Copy(values, cliContext)
	for name, v := range r.Context {
		values[name] = v
	}
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	env := append(contain.Environment(r.home, r.tmp, false),
		"CDK_OUTDIR="+r.out, "CDK_DEFAULT_ACCOUNT="+r.Place.Account, "CDK_DEFAULT_REGION="+r.Place.Region,
		"CDK_CLI_VERSION="+CLIVersion, fmt.Sprintf("CDK_CLI_ASM_VERSION=%d.0.0", MaxSchema),
		"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION=1", "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1",
		"NO_COLOR=1", "CI=true", "GOFLAGS=-mod=mod", "GOPROXY=off", "NPM_CONFIG_OFFLINE=true", "NPM_CONFIG_UPDATE_NOTIFIER=false")
	if env, err = s.giveContext(r, env, string(text)); err != nil {
		return err
	}
	// What was installed beside the app goes before what the machine has.
	for i, v := range env {
		if rest, ok := strings.CutPrefix(v, "PATH="); ok {
			env[i] = "PATH=" + filepath.Join(r.dir, ".venv", "bin") + ":" + filepath.Join(r.dir, "node_modules", ".bin") + ":" + rest
		}
	}
	if path := filepath.Join(s.home(), "go", "pkg", "mod"); exists(path) {
		env = append(env, "GOMODCACHE="+path)
	}
	r.tell("synthesizing: %s", a.command)
	tail := &tail{to: r.Log, limit: 4096}
	err = s.command(ctx, r, contain.Command{
		Argv: []string{"sh", "-c", a.command}, Dir: r.dir, Env: env, Stdout: tail, Stderr: tail, Roots: []string{r.work},
		Files: contain.Files{
			Writable: []string{r.work}, Tmp: r.tmp, Hidden: s.options.Hidden,
			Visible: s.installed(),
		},
	})
	var exit *contain.ExitError
	if errors.As(err, &exit) {
		return &AppError{Command: a.command, Path: r.Path, Exit: exit, Output: hide(tail.String())}
	}
	return err
}

// tell says what is being done, in the log too.
func (r *run) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(r.Log, text)
	if r.Progress != nil {
		r.Progress(text)
	}
}

// hide takes out of an output what its names tell to be secret: an error is
// recorded, as the log is.
func hide(output string) string {
	var out strings.Builder
	for line := range strings.Lines(output) {
		out.WriteString(secret.Named(line))
	}
	return out.String()
}

// maxVariable is the greatest length of a context given in a variable; Linux
// takes 128 KiB.
const maxVariable = 100 << 10

func (s *Synthesizer) giveContext(r *run, env []string, text string) ([]string, error) {
	if len(text) <= maxVariable {
		return append(env, "CDK_CONTEXT_JSON="+text), nil
	}
	name := filepath.Join(r.tmp, "context.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return append(env, "CDK_CONTEXT_JSON={}", "CONTEXT_OVERFLOW_LOCATION="+name), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// command runs one command under the limits, with its output to the log.
func (s *Synthesizer) command(ctx context.Context, r *run, c contain.Command) error {
	c.Limits = s.options.Limits
	if c.Stdout == nil {
		c.Stdout, c.Stderr = r.Log, r.Log
	}
	return contain.Run(ctx, c)
}

// retire deletes the assemblies that were not used for longest.
func (s *Synthesizer) retire(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= s.options.Kept {
		return
	}
	used := func(e os.DirEntry) time.Time {
		if info, err := e.Info(); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return used(a).Compare(used(b)) })
	for _, e := range entries[:len(entries)-s.options.Kept] {
		_ = os.RemoveAll(filepath.Join(dir, e.Name())) // it goes with the next one
	}
}

// tail passes on what is written and keeps the end of it.
type tail struct {
	to    io.Writer
	limit int
	mu    sync.Mutex
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = t.kept[over:]
	}
	t.mu.Unlock()
	return t.to.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) == t.limit { // it begins in the middle of a line
		if _, rest, ok := bytes.Cut(t.kept, []byte("\n")); ok {
			return string(rest)
		}
	}
	return string(t.kept)
}
