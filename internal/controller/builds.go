package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/build/job"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/internal/controller/jobs"
	"github.com/drawbridge-gitops/drawbridge/internal/git"
	"github.com/drawbridge-gitops/drawbridge/internal/rollout"
)

// jobLimits bound a build that runs as a Job; the disk is what its volume may take.
var jobLimits = contain.Limits{Time: time.Hour, Output: 64 << 20, Disk: 8 << 30}

// clusterBuilds runs the builds of one Change as Jobs. It is a rollout.Builds.
type clusterBuilds struct {
	cluster job.Cluster
	// declared is all of a Job but its name.
	declared job.Declaration
	// change is the UID of the Change, and source where its commit is.
	change string
	source git.Source
}

// noBuilds is for an Environment whose builds can't run. Commits without one go
// through.
type noBuilds struct{ why error }

func (n noBuilds) Build(context.Context, build.Order) (build.Result, error) {
	return build.Result{}, n.why
}

// builderFor is who runs the builds of a Change: this machine, or the cluster where the
// Environment says so.
func (r *changes) builderFor(ctx context.Context, env *v1alpha1.Environment, change *v1alpha1.Change) rollout.Builds {
	if env.Spec.Build.Job == nil {
		return r.builds
	}
	inCluster, err := r.inCluster(ctx, env, change)
	if err != nil {
		return noBuilds{err}
	}
	return inCluster
}

func (r *changes) inCluster(ctx context.Context, env *v1alpha1.Environment, change *v1alpha1.Change) (*clusterBuilds, error) {
	declared := env.Spec.Build.Job
	fail := func(err error) (*clusterBuilds, error) {
		return nil, fmt.Errorf("environment %s/%s: builds as Jobs: %w", env.Namespace, env.Name, err)
	}
	if r.agentImage == "" {
		return fail(errors.New("the controller does not know its own image, from which the Jobs take the program that builds: start it with --agent-image"))
	}
	config, _, err := r.places.config(ctx, env)
	if err != nil {
		return nil, err
	}
	if account := env.Spec.Cluster.ServiceAccount; account != "" {
		config = rest.CopyConfig(config)
		config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + account}
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fail(err)
	}
	source, err := r.repositories.source(ctx, env)
	if err != nil {
		return fail(err)
	}
	namespace := declared.Namespace
	if namespace == "" {
		namespace = env.Spec.Cluster.Namespace
	}
	if namespace == "" {
		namespace = "default"
	}
	return &clusterBuilds{
		cluster: jobs.New(client), change: string(change.UID), source: source,
		declared: job.Declaration{
			Namespace: namespace, Image: declared.Image, AgentImage: r.agentImage, ServiceAccount: declared.ServiceAccount, Limits: jobLimits,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "drawbridge", v1alpha1.LabelEnvironment: env.Name},
		},
	}, nil
}

// Build runs the build as a Job, or goes on with the one that an earlier controller
// began for the same Change.
func (j *clusterBuilds) Build(ctx context.Context, o build.Order) (build.Result, error) {
	d := j.declared
	d.Name = jobName(o.Component, j.change)
	return job.Run(ctx, j.cluster, d, job.Instruction{
		Repository: j.source.URL, Username: j.source.Username, Password: j.source.Password, Commit: o.About.Commit,
		Path: o.Path, Reads: o.Reads, Buildspec: o.Buildspec, About: o.About, Variables: o.Variables, Hidden: o.Hidden,
	}, o.Log)
}

// jobName is the same for the same attempt, and for no other: a DNS label that
// begins with the component's name.
func jobName(component, change string) string {
	sum := sha256.Sum256([]byte(component + "\x00" + change))
	name := component[strings.LastIndexByte(component, '/')+1:]
	return fmt.Sprintf("build-%.40s-%s", name, hex.EncodeToString(sum[:6]))
}
