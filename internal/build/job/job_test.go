package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/drawbridge-gitops/drawbridge/internal/build"
	"github.com/drawbridge-gitops/drawbridge/internal/contain"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

var declared = Declaration{
	Namespace: "builds", Name: "blog-prod-7", Image: "registry.test/node:22", AgentImage: "registry.test/drawbridge:1",
	ServiceAccount: "deployer", Labels: map[string]string{"drawbridge.dev/component": "blog"},
	Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}},
	Limits:    contain.Limits{Time: time.Minute, Disk: 1 << 30},
}

var instruction = Instruction{
	Repository: "https://git.test/blog", Username: "u", Password: "p", Commit: strings.Repeat("a", 40),
	Path: "site", Buildspec: "buildspec.yml", About: build.About{ID: "blog:prod-7", Region: "eu-west-1"},
	Variables: map[string]string{"COLOUR": "blue"}, Hidden: []string{"hunter2"},
}

func TestObjects(t *testing.T) {
	t.Parallel()
	job := Object(declared)
	job.UID = "uid"
	secret, err := Secret(job, instruction)
	if err != nil {
		t.Fatal(err)
	}
	plain := Declaration{Namespace: "builds", Name: "plain", Image: "i", AgentImage: "a"}
	for name, object := range map[string]any{"job": job, "plain": Object(plain), "secret": secret} {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+name+".yaml", string(text))
	}
}

// agent is a container that runs the agent on a source with this buildspec.
func agent(t *testing.T, spec string) func(context.Context, Instruction, io.Writer) corev1.ContainerStateTerminated {
	folder := t.TempDir()
	return func(ctx context.Context, i Instruction, log io.Writer) corev1.ContainerStateTerminated {
		err := Agent(ctx, i, Surroundings{Folder: folder, Fetch: func(_ context.Context, i Instruction, into string) error {
			if i.Password != "p" {
				return errors.New("authentication failed")
			}
			if err := os.Mkdir(filepath.Join(into, "site"), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(into, "site/buildspec.yml"), []byte(spec), 0o644)
		}}, log)
		if err != nil {
			return corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}
		}
		return corev1.ContainerStateTerminated{Reason: "Completed"}
	}
}

const spec = `version: 0.2
env: {exported-variables: [TAG]}
phases:
  build:
    commands:
      - echo one; echo two; echo hunter2; export TAG=$COLOUR-$AWS_REGION
      - basename "$PWD"
`

var printed = []string{
	"phase build begins", "$ echo one; echo two; echo ***; export TAG=$COLOUR-$AWS_REGION",
	"one", "two", "***", `$ basename "$PWD"`, "site",
}

// without drops the lines that have a duration.
func without(lines []string) []string {
	var all []string
	for _, l := range lines {
		if !strings.Contains(l, " after ") {
			all = append(all, l)
		}
	}
	return all
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]int{"in one go": 0, "the log is cut off": 200, "within the first line": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{start: agent(t, spec), cut: cut}
			var lines []string
			result, err := Run(t.Context(), c, declared, instruction, func(l build.Line) { lines = append(lines, l.Text) })
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(printed, without(lines)); d != "" {
				t.Errorf("lines (-want +got):\n%s", d)
			}
			if d := cmp.Diff(map[string]string{"TAG": "blue-eu-west-1"}, result.Exported); d != "" {
				t.Errorf("exported (-want +got):\n%s", d)
			}
			if d := cmp.Diff([]string{"create job", "apply secret", "resume job", "delete secret"}, c.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			// The same call again is the same Job.
			c.calls = nil
			again, err := Run(t.Context(), c, declared, instruction, func(build.Line) {})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(result, again); d != "" {
				t.Errorf("another result (-first +second):\n%s", d)
			}
			if d := cmp.Diff([]string{"delete secret"}, c.calls); d != "" {
				t.Errorf("calls of the second (-want +got):\n%s", d)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	container := func(log string, how corev1.ContainerStateTerminated) func(context.Context, Instruction, io.Writer) corev1.ContainerStateTerminated {
		return func(_ context.Context, _ Instruction, w io.Writer) corev1.ContainerStateTerminated {
			_, _ = io.WriteString(w, log)
			return how
		}
	}
	for name, c := range map[string]struct {
		cluster *cluster
		want    string
	}{
		"a command":   {&cluster{start: agent(t, "version: 0.2\nphases: {build: {commands: ['exit 3']}}\n")}, "site/buildspec.yml:2: phase build: exit 3: exit status 3"},
		"the file":    {&cluster{start: agent(t, "version: 0.1\n")}, "site/buildspec.yml:1: version: 0.1 is not supported"},
		"the process": {&cluster{start: container("panic: oops", corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"})}, "job builds/blog-prod-7: the build's container ended without a result: OOMKilled, exit code 137"},
		"the image": {&cluster{state: State{Pod: &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: Container, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}}},
		}}}}}, "does not start: ImagePullBackOff: no such image"},
		"the init container": {&cluster{state: State{Pod: &corev1.Pod{Status: corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{
			{Name: "agent", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Error", ExitCode: 2}}},
		}}}}}, "container agent of Pod  failed: Error, exit code 2"},
		"the job": {&cluster{state: State{Failed: "Job was active longer than specified deadline"}}, "job builds/blog-prod-7: Job was active longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.cluster.start == nil {
				c.cluster.start = func(ctx context.Context, _ Instruction, _ io.Writer) corev1.ContainerStateTerminated {
					<-ctx.Done()
					return corev1.ContainerStateTerminated{}
				}
				job := Object(declared) // that is running already
				job.Spec.Suspend = new(false)
				c.cluster.job = job
			}
			var last string
			_, err := Run(t.Context(), c.cluster, declared, instruction, func(l build.Line) { last = l.Text })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			var failed *build.FailedError
			if errors.As(err, &failed) != (name == "a command") {
				t.Errorf("%v is a FailedError: %v", err, failed)
			}
			if name == "the process" && last != "panic: oops" {
				t.Errorf("the last words are not shown, but %q", last)
			}
			if c.cluster.secret != nil {
				t.Error("the secret is still there")
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	c := &cluster{start: agent(t, "version: 0.2\nphases: {build: {commands: ['echo begun; sleep 3600']}}\n")}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	newer := errors.New("a newer commit")
	_, err := Run(ctx, c, declared, instruction, func(l build.Line) {
		if l.Text == "begun" {
			cancel(newer)
		}
	})
	if !errors.Is(err, newer) {
		t.Errorf("got %v, want %v", err, newer)
	}
	if c.job != nil || c.secret != nil {
		t.Error("the Job or its Secret is still there")
	}
	<-waitEnded(c)
}

// waitEnded is closed when the container has ended, whose folders are the test's.
func waitEnded(c *cluster) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c.mu.Lock()
			done, changed := c.ended, c.next()
			c.mu.Unlock()
			if done {
				return
			}
			<-changed
		}
	}()
	return ended
}

func TestInstall(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "drawbridge")
	if err := Install(to); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(to)
	if err != nil || got.Size() != want.Size() || got.Mode()&0o111 == 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzTranscript(f *testing.F) {
	f.Add("{\"line\":{\"text\":\"a\"}}\nother\n{\"result\":{\"phases\":null}}\n", 30)
	f.Add("{}\nnull\n[]\n\xff\n{\"result\":null,\"failed\":{}}", 3)
	f.Fuzz(func(t *testing.T, log string, cut int) {
		var once, twice []build.Line
		whole := transcript{emit: func(l build.Line) { once = append(once, l) }}
		_, want := whole.read(strings.NewReader(log))
		again := transcript{emit: func(l build.Line) { twice = append(twice, l) }}
		cut = max(0, min(cut, len(log)))
		if _, err := again.read(strings.NewReader(log[:cut])); errors.Is(err, errNoResult) {
			if _, got := again.read(strings.NewReader(log)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("at once %v, cut off %v", want, got)
			}
			if d := cmp.Diff(once, twice); d != "" {
				t.Errorf("at once and cut off at %d (-once +cut):\n%s", cut, d)
			}
		}
	})
}
