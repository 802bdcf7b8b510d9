package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
	"github.com/drawbridge-gitops/drawbridge/sandbox/forge"
)

// castle is a sandbox of a test's own, to break parts of, with one Environment
// "production" in the namespace default. Parts can be left out.
type castle struct {
	*sandbox.Sandbox
	t      *testing.T
	ctx    context.Context
	client client.WithWatch
	tree   string
}

func newCastle(t *testing.T, without ...string) *castle {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a sandbox of its own")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	s, err := sandbox.Up(ctx, sandbox.Options{Ephemeral: true, Controller: filepath.Join(programs, "drawbridge"), Without: without})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if log, err := os.ReadFile(s.LogPath(sandbox.Controller)); err == nil {
				t.Logf("the controller's log, its end:\n%s", tail(log, 40))
			}
		}
		if err := s.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c := &castle{Sandbox: s, t: t, ctx: ctx, tree: t.TempDir()}
	sch := runtime.NewScheme()
	c.check(scheme.AddToScheme(sch))
	c.check(v1alpha1.AddToScheme(sch))
	c.client, err = client.NewWithWatch(s.RESTConfig(), client.Options{Scheme: sch})
	c.check(err)
	server := forge.Client{URL: strings.TrimSuffix(s.GitURL("r"), "/r.git"), User: "alice", Token: s.Token("alice")}
	_, err = server.CreateRepository(ctx, "r")
	c.check(err)
	named := func(n string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: n} }
	c.check(c.client.Create(ctx, &corev1.Secret{ObjectMeta: named("git"), StringData: map[string]string{"username": "drawbridge", "password": s.Token("drawbridge")}}))
	c.check(c.client.Create(ctx, &v1alpha1.Environment{ObjectMeta: named("production"), Spec: v1alpha1.EnvironmentSpec{
		Source: v1alpha1.Source{
			URL: s.GitURL("r"), Branch: "main", SecretRef: &v1alpha1.LocalReference{Name: "git"},
			Interval: &metav1.Duration{Duration: 500 * time.Millisecond}, // no webhook here: the poll is tested too
		},
		AWS: &v1alpha1.AWS{Region: s.Region()},
	}}))
	return c
}

func (c *castle) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// push makes the files all that is in the repository.
func (c *castle) push(files map[string]string) string {
	c.t.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", c.tree, "-c", "user.name=Alice", "-c", "user.email=alice@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		out, err := cmd.CombinedOutput()
		if err != nil {
			c.t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := os.Stat(filepath.Join(c.tree, ".git")); err != nil {
		git("init", "--quiet", "--initial-branch=main")
	}
	for name, text := range files {
		path := filepath.Join(c.tree, name)
		c.check(os.MkdirAll(filepath.Dir(path), 0o755))
		c.check(os.WriteFile(path, []byte(text), 0o644))
	}
	git("add", "--all")
	git("commit", "--quiet", "--message", "deploy")
	git("push", "--quiet", strings.Replace(c.GitURL("r"), "http://", "http://alice:"+c.Token("alice")+"@", 1), "HEAD:main")
	return git("rev-parse", "HEAD")
}

// await returns the Change of the commit once it is as wanted. It outlives the
// API server.
func (c *castle) await(commit, what string, ok func(*v1alpha1.Change) bool) *v1alpha1.Change {
	c.t.Helper()
	var last v1alpha1.ChangeList
	for c.ctx.Err() == nil {
		stream, err := c.client.Watch(c.ctx, &v1alpha1.ChangeList{}, client.InNamespace("default"))
		if err != nil {
			time.Sleep(50 * time.Millisecond) // the API server is away, and says nothing when it comes back
			continue
		}
		for event := range stream.ResultChan() {
			change, isChange := event.Object.(*v1alpha1.Change)
			if !isChange || change.Spec.Commit != commit {
				continue
			}
			last.Items = append(last.Items, *change)
			if ok(change) {
				stream.Stop()
				return change
			}
		}
	}
	if n := len(last.Items); n > 0 {
		c.t.Fatalf("never %s; it was %+v", what, last.Items[n-1].Status)
	}
	c.t.Fatalf("never %s; the commit never had a Change", what)
	return nil
}

func (c *castle) live(commit string) *v1alpha1.Change {
	c.t.Helper()
	change := c.await(commit, "final", func(x *v1alpha1.Change) bool { return x.Status.Phase.Final() })
	if change.Status.Phase != v1alpha1.PhaseSucceeded {
		c.t.Fatalf("%s: %s", change.Status.Phase, change.Status.Message)
	}
	return change
}

func stepSays(text string) func(*v1alpha1.Change) bool {
	return func(x *v1alpha1.Change) bool {
		for _, s := range x.Status.Steps {
			if strings.Contains(s.Message, text) {
				return true
			}
		}
		return false
	}
}

const databaseTemplate = `
Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: mysql
      DBInstanceClass: db.t4g.small
      AllocatedStorage: "20"
      MasterUsername: ghost
      MasterUserPassword: only-in-a-test
      MultiAZ: %s
`

// The controller is killed while the stack is being updated; the next one goes
// on with the same change set, and the record has the Change once.
func TestControllerKilledInAStackUpdate(t *testing.T) {
	t.Parallel()
	c := newCastle(t)
	c.live(c.push(map[string]string{"aws/template.yaml": fmt.Sprintf(databaseTemplate, "false")}))
	commit := c.push(map[string]string{"aws/template.yaml": fmt.Sprintf(databaseTemplate, "true")})
	c.await(commit, "updating the database", stepSays("Database UPDATE_IN_PROGRESS"))
	c.check(c.Kill(sandbox.Controller))
	c.check(c.Start(c.ctx, sandbox.Controller))
	change := c.live(commit)

	cfn := cloudformation.NewFromConfig(c.aws())
	events, err := cfn.DescribeStackEvents(c.ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String("production-aws")})
	c.check(err)
	begun := 0
	for _, e := range events.StackEvents {
		if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) && e.ResourceStatus == "UPDATE_IN_PROGRESS" {
			begun++
			if token := aws.ToString(e.ClientRequestToken); !strings.Contains(token, change.Name) {
				t.Errorf("the update is not of this Change's change set: token %q", token)
			}
		}
	}
	if begun != 1 {
		t.Errorf("the stack was updated %d times", begun)
	}
	if change.Status.LedgerSequence != 2 {
		t.Errorf("row %d of the ledger, want 2", change.Status.LedgerSequence)
	}
}

func (c *castle) aws() aws.Config {
	env := map[string]string{}
	for _, e := range c.AWSEnv() {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	cfg, err := config.LoadDefaultConfig(c.ctx, config.WithRegion(c.Region()), config.WithBaseEndpoint(c.AWSEndpoint()),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")))
	c.check(err)
	return cfg
}

// The API server is killed in the middle of a rollout and comes back: the
// rollout goes on where it was.
func TestAPIServerGoesAwayInARollout(t *testing.T) {
	t.Parallel()
	c := newCastle(t)
	files := map[string]string{}
	for i := range 40 {
		files[fmt.Sprintf("app-%02d/config.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-%02d}\n", i)
	}
	// Held back until the end by a Secret that is not there yet.
	files["last/pod.yaml"] = `apiVersion: apps/v1
kind: Deployment
metadata: {name: last}
spec:
  selector: {matchLabels: {app: last}}
  template:
    metadata: {labels: {app: last}}
    spec:
      containers: [{name: last, image: last:1, envFrom: [{secretRef: {name: late}}]}]
`
	commit := c.push(files)
	c.await(commit, "waiting for the Pod", stepSays("late"))
	c.check(c.Kill(sandbox.APIServer))
	c.check(c.Start(c.ctx, sandbox.APIServer))
	var err error
	for c.ctx.Err() == nil {
		err = c.client.Create(c.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "late"}})
		if err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond) // it answers before it has its own rules read
	}
	c.check(err)
	c.live(commit)
	var maps corev1.ConfigMapList
	c.check(c.client.List(c.ctx, &maps, client.InNamespace("default"), client.HasLabels{v1alpha1.LabelComponent}))
	if len(maps.Items) != 40 {
		t.Errorf("%d of 40 ConfigMaps", len(maps.Items))
	}
}
