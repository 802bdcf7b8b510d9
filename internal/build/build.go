package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/drawbridge-gitops/drawbridge/internal/build/buildspec"
	"github.com/drawbridge-gitops/drawbridge/internal/build/session"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/secret"
)

// Request is one build. All folders are absolute.
type Request struct {
	Spec *buildspec.Spec
	// Source is the work tree, which the build may change.
	Source string
	// Scratch is an empty folder for this build alone; it is not removed.
	Scratch string
	// Output is the folder that artifacts are put into. It is made when needed.
	Output string
	// Cache is the folder that cache.paths are restored from and saved to, one a
	// component; empty for none. One build at a time uses it.
	Cache string
	About About
	// Variables override those of the specification: credentials and endpoints
	// above all.
	Variables map[string]string
	// Hidden are values that the log must not show, such as credentials among the
	// Variables.
	Hidden     []string
	Parameters Parameters
	Secrets    Secrets
	Limits     contain.Limits
	// Network lets the commands use the network.
	Network bool
	// Files hide files of the machine, such as credentials and the controller's
	// own, or show them in spite of that. Source and Scratch are writable in any
	// case, and Tmp is a folder of Scratch.
	Files contain.Files
	// Log gets each line as soon as it is printed, in order, never two at once. Nil
	// for none.
	Log func(Line)
}

// About is what the CODEBUILD_ variables say of the build. What is empty is not
// set.
type About struct {
	// ID names the build, as project:build. Project and ID are letters, digits and
	// dashes.
	ID string
	// Number counts the builds of the component.
	Number int64
	// Region and Account are where it deploys to.
	Region, Account string
	// Repository is its URL, without credentials.
	Repository string
	Branch     string
	// Commit is the full OID.
	Commit    string
	Initiator string
	Started   time.Time
}

// Parameters reads Systems Manager's parameter store, decrypted.
type Parameters interface {
	Parameter(ctx context.Context, name string) (string, error)
}

// Secrets reads Secrets Manager. An empty stage or version is not asked for.
type Secrets interface {
	SecretString(ctx context.Context, id, stage, version string) (string, error)
}

// Outcome is how a phase ended.
type Outcome string

// Outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	// Skipped is a phase that was not reached.
	Skipped Outcome = "skipped"
)

// Phase is how a phase of the specification went.
type Phase struct {
	Name     string        `json:"name"`
	Outcome  Outcome       `json:"outcome"`
	Duration time.Duration `json:"duration"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
}

// Result is what a build did. It holds no secret.
type Result struct {
	Phases []Phase `json:"phases"`
	// Exported are the exported-variables that were set at the end.
	Exported map[string]string `json:"exported,omitempty"`
	// Artifacts are the primary set first, then the others by their ID.
	Artifacts []Artifact `json:"artifacts,omitempty"`
}

// FailedError is a command that failed, the first of the build.
type FailedError struct {
	Phase  string
	Source buildspec.Source
	// Command is its first line, without secrets.
	Command string
	// Status is the exit status that the shell gave.
	Status int
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%s: phase %s: %s: exit status %d", e.Source, e.Phase, e.Command, e.Status)
}

// Run runs the build to its end.
func Run(ctx context.Context, r Request) (Result, error) {
	b := build{Request: r}
	for _, p := range r.Spec.Phases {
		b.result.Phases = append(b.result.Phases, Phase{Name: p.Name, Outcome: Skipped})
	}
	err := b.run(ctx)
	return b.result, err
}

// build is a Request under way.
type build struct {
	Request
	result Result
	log    *log
	// guard finds what may be in no output.
	guard *secret.Mask
	shell *session.Session
	// failure is the first; the build goes on after some.
	failure error
	// cached are the patterns of the cache, by the folder of the cache that they
	// are for.
	cached map[string][]string
}

func (b *build) folder(name string) string { return filepath.Join(b.Scratch, name) }

func (b *build) run(ctx context.Context) error {
	if err := b.check(ctx); err != nil {
		return err
	}
	resolved, err := b.resolve(ctx)
	if err != nil {
		return err
	}
	b.log = newLog(secret.NewMask(slices.Concat(resolved.hidden, b.Hidden)...), b.Log)
	b.guard = secret.NewMask(slices.Concat(resolved.guarded, b.Hidden)...)
	for _, name := range []string{"home", "tmp", "shell"} {
		if err := os.MkdirAll(b.folder(name), 0o700); err != nil {
			return err
		}
	}
	if err := furnish(b.folder("home")); err != nil {
		return err
	}
	for _, note := range b.Spec.Notes {
		b.log.mark("%s: %s", note.Source, note.Value)
	}
	b.cached = b.cachePatterns()
	if err := b.restoreCache(); err != nil {
		return err
	}
	reached, err := b.inShell(ctx, resolved.values)
	if err != nil {
		return errors.Join(b.failure, err)
	}
	if reached {
		if err := b.gather(); b.failure == nil && err != nil {
			return err
		} else if err != nil {
			b.log.mark("%v", err)
		}
	}
	if b.failure != nil {
		return b.failure
	}
	return b.saveCache()
}

// inShell does what needs the shell, and ends it. It tells whether post_build was
// reached.
func (b *build) inShell(ctx context.Context, values map[string]string) (reached bool, err error) {
	files := b.Files
	// What is named later is mounted later: a folder comes before what is in it.
	files.Writable = append(slices.Clip(files.Writable), b.Source, b.Scratch)
	files.Tmp = b.folder("tmp")
	b.shell, err = session.Start(ctx, contain.Command{
		Dir: b.Source, Env: b.environment(values), Limits: b.Limits, Network: b.Network,
		Roots: files.Writable, Files: files,
	}, b.Spec.Env.Shell, b.folder("shell"), b.log)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, b.endShell(err)) }()
	if reached, err = b.phases(); err != nil {
		return reached, err
	}
	if reached {
		if err := b.nameArtifacts(); err != nil {
			return reached, err
		}
	}
	return reached, b.export()
}

// endShell closes the shell. What it failed for is known already, unless the
// build thought that all was well.
func (b *build) endShell(known error) error {
	err := b.shell.Close()
	b.log.flush()
	if known != nil {
		return nil
	}
	return err
}
