package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
	"github.com/drawbridge-gitops/drawbridge/internal/component"
	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/kube"
	"github.com/drawbridge-gitops/drawbridge/internal/render"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
	"github.com/drawbridge-gitops/drawbridge/internal/verify"
)

// Repository is where the commit is read from. *git.Mirror is one.
type Repository interface {
	git.BlobReader
	Tree(ctx context.Context, treeish, path string) (*git.Tree, error)
}

// Kinds tells which objects of a cluster manifests stand for. *kube.Cluster does.
type Kinds interface {
	Identify(ctx context.Context, objects, crds []render.Object, namespace string) ([]string, error)
}

// Cluster is what a rollout needs of a Kubernetes cluster. *kube.Cluster is one;
// its documentation is the contract.
type Cluster interface {
	Kinds
	Apply(ctx context.Context, owner kube.Owner, objects []render.Object, o kube.ApplyOptions) (kube.Applied, error)
	Prune(ctx context.Context, owner kube.Owner, ids []string, o kube.PruneOptions) ([]diff.Change, error)
	Wait(ctx context.Context, objects []v1alpha1.AppliedObject, progress func(kube.Progress)) error
	verify.Cluster
}

// Stacks is what a rollout needs of CloudFormation. *stack.Deployer is one.
type Stacks interface {
	Deploy(ctx context.Context, r stack.Request, onEvent func(stack.Event)) (stack.Result, error)
	Delete(ctx context.Context, r stack.DeleteRequest, onEvent func(stack.Event)) (stack.Result, error)
}

// Account is what a rollout needs of AWS beside stacks. *account.Account is one.
type Account interface {
	ID(ctx context.Context) (string, error)
	Parameter(ctx context.Context, name string) (string, error)
	SecretString(ctx context.Context, id, stage, version string) (string, error)
	Session(ctx context.Context, roleARN string) ([]string, error)
	Publish(ctx context.Context, o account.Object) (sent bool, err error)
	CanBuildImages(ctx context.Context) error
	PublishImage(ctx context.Context, i account.Image, log io.Writer) (sent bool, err error)
	BucketURL(bucket string) string
}

// Apps runs CDK apps. *cdk.Synthesizer is one.
type Apps interface {
	Synthesize(ctx context.Context, r cdk.Request) (*cdk.Assembly, error)
}

// Builds runs builds. *build.Builder is one.
type Builds interface {
	Build(ctx context.Context, o build.Order) (build.Result, error)
}

// Request is a commit and the Environment to take it through.
type Request struct {
	Environment *v1alpha1.Environment
	Commit      git.Commit
	// Change is its name, and ChangeUID what tells it from another of that name;
	// the same again after a restart.
	Change, ChangeUID string
	Repository        Repository
	// Components remembers the folders of earlier commits.
	Components *component.Cache
	State      *State
	Cluster    Cluster
	// Stacks and Account are nil when the Environment names no place in AWS.
	Stacks  Stacks
	Account Account
	// Elsewhere is the same account in another region.
	Elsewhere func(ctx context.Context, region string) (Stacks, Account, error)
	// Look is how the account is looked at, in a region, for health to the end of the
	// wire; every LookInterval at first. Nil when the Environment names no place in AWS.
	Look         func(ctx context.Context, region string) (verify.Account, error)
	LookInterval time.Duration
	Apps         Apps
	Builds       Builds
	// Log gets what programs print and what stacks go through, a line at a time
	// and without secrets. It may be called concurrently. Nil for none.
	Log func(component, line string)
	// Restarted records that Pods are restarted since what they read has new content,
	// before that is put down in the Component. Nil for nobody. Correct calls it.
	Restarted func(context.Context, Restart) error
	// Timeout for one component to become healthy.
	Timeout time.Duration
	Steps   *Steps
}

// Outcome is how it went.
type Outcome struct {
	StartedAt time.Time
	// Phase: Succeeded or Failed.
	Phase   v1alpha1.Phase
	Message string
	// Steps that there were, and how many components stayed as they are.
	Steps     []Step
	Unchanged int
}

// errTimeout ends a component that does not become healthy.
var errTimeout = errors.New("not healthy in time")

// Run takes the commit through. It returns when every component is healthy or
// has failed, or when ctx ends.
func Run(ctx context.Context, r Request) Outcome {
	started := time.Now()
	message, err := run(ctx, &r)
	outcome := Outcome{StartedAt: started, Phase: v1alpha1.PhaseSucceeded, Message: message}
	if err != nil {
		outcome.Phase, outcome.Message = v1alpha1.PhaseFailed, err.Error()
	}
	outcome.Steps, outcome.Unchanged = r.Steps.All()
	return outcome
}

func run(ctx context.Context, r *Request) (string, error) {
	p, err := prepare(ctx, r, r.Cluster)
	if err == nil {
		err = p.refreshUnchanged(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("nothing was applied: %w", err)
	}
	r.Steps.plan(p.steps(), len(p.all)-len(p.pending))
	results := walk(ctx, p.names(), p.before, componentsAtOnce, p.visit)
	p.skipped(results)
	if err := p.failure(results); err != nil {
		for _, name := range p.removedNames() {
			p.Steps.finish(name, v1alpha1.PhaseSkipped, "not deleted: that is done once everything else is healthy")
		}
		return "", err
	}
	if err := p.remove(ctx); err != nil {
		return "", err
	}
	steps, unchanged := r.Steps.All()
	if len(steps) == 0 {
		if unchanged == 0 {
			return fmt.Sprintf("nothing to do: the commit defines no component below %q (spec.source.path)", "/"+r.Environment.Spec.Source.Path), nil
		}
		return fmt.Sprintf("nothing to do: %s unchanged", count(unchanged, "component")), nil
	}
	return fmt.Sprintf("%s rolled out and healthy, %d unchanged", count(len(steps), "component"), unchanged), nil
}

// componentsAtOnce bounds how many components are between their first write and
// being healthy. It bounds memory, not load: requests have a limit of their own.
const componentsAtOnce = 256

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
