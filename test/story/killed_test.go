package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
	"github.com/drawbridge-gitops/drawbridge/internal/ledger"
	"github.com/drawbridge-gitops/drawbridge/sandbox"
)

// serve runs a controller of the test's own against the castle. It returns when
// the controller is ready, or has ended because a failpoint killed it.
type serve struct {
	c       *castle
	dir     string
	address string
	cmd     *exec.Cmd
	log     bytes.Buffer
	ended   chan struct{}
}

func (c *castle) newServe() *serve {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	c.check(err)
	defer l.Close()
	s := &serve{c: c, dir: c.t.TempDir(), address: l.Addr().String()}
	c.check(os.WriteFile(filepath.Join(s.dir, "token"), []byte("t0ken"), 0o600))
	c.t.Cleanup(func() {
		s.kill()
		if c.t.Failed() {
			c.t.Logf("the controller's log, its end:\n%s", tail(s.log.Bytes(), 40))
		}
	})
	return s
}

func (s *serve) start(failpoints string) {
	s.cmd = exec.Command(filepath.Join(programs, "drawbridge"), "serve", "--kubeconfig", s.c.Kubeconfig(), "--data-dir", s.dir,
		"--listen", s.address, "--api-token-file", filepath.Join(s.dir, "token"), "--stack-poll-interval", "50ms")
	s.cmd.Env = append(append(os.Environ(), s.c.AWSEnv()...), failpoint.Variable+"="+failpoints)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.c.check(s.cmd.Start())
	ended := make(chan struct{})
	s.ended = ended
	go func() {
		s.cmd.Wait() //nolint:errcheck // how it ended is seen by what it left
		close(ended)
	}()
}

func (s *serve) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill() //nolint:errcheck // it may have ended already
		<-s.ended
	}
}

// awaitDeath waits until the failpoint has killed the controller.
func (s *serve) awaitDeath() {
	s.c.t.Helper()
	select {
	case <-s.ended:
		if s.cmd.ProcessState.ExitCode() != -1 {
			s.c.t.Fatalf("the controller ended by itself: %s", s.cmd.ProcessState)
		}
	case <-s.c.ctx.Done():
		s.c.t.Fatal("the failpoint was never reached")
	}
}

// get reads from the controller's API.
func (s *serve) get(path string, into any) {
	s.c.t.Helper()
	request, err := http.NewRequestWithContext(s.c.ctx, "GET", "http://"+s.address+path, nil)
	s.c.check(err)
	request.Header.Set("Authorization", "Bearer t0ken")
	response, err := http.DefaultClient.Do(request)
	s.c.check(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		s.c.t.Fatalf("GET %s: %s", path, response.Status)
	}
	s.c.check(json.NewDecoder(response.Body).Decode(into))
}

// The controller is killed at each of the places where it matters, in the middle
// of a Change of both planes.
func TestControllerKilledAtFailpoints(t *testing.T) {
	t.Parallel()
	testKilled(t, "production-topic", []string{
		"rollout/before-component", "stack/after-create-change-set", "stack/before-execute", "stack/after-execute", "stack/operation-ended",
		"kube/before-apply", "kube/after-apply", "rollout/before-finish", "rollout/before-finish=kill@2",
		"controller/before-append", "ledger/inside-append", "ledger/after-commit", "controller/after-append",
	}, func(i int) map[string]string {
		return map[string]string{
			"drawbridge.yaml": "apiVersion: drawbridge.dev/v1alpha1\ncomponents:\n" +
				"  - {name: topic, path: aws}\n  - {name: web, path: web, inputs: {NAME: {from: topic.Name}}}\n",
			"aws/template.yaml": fmt.Sprintf("Resources:\n  Name:\n    Type: AWS::SSM::Parameter\n    Properties: {Type: String, Value: v%d}\n"+
				"Outputs:\n  Name: {Value: !GetAtt Name.Value}\n", i),
			"web/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {name: \"${NAME}\"}\n",
		}
	})
}

// appOfTwo is a CDK app, in the shell, of two stacks and an asset, which VERSION
// changes all.
const appOfTwo = `mkdir -p "$CDK_OUTDIR"; cd "$CDK_OUTDIR"
echo VERSION > asset
echo '{"version": "48.0.0", "files": {"a": {"source": {"path": "asset", "packaging": "file"}, "destinations": {"here": {"bucketName": "killed-assets", "objectKey": "VERSION"}}}}}' > assets.json
for stack in first second; do
  echo '{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "VERSION"}}}, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["P", "Value"]}}}}' > $stack.json
done
cat > manifest.json <<'END'
{"version": "48.0.0", "artifacts": {
 "assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
 "first": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "first.json", "stackName": "killed-first"}, "dependencies": ["assets"]},
 "second": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "second.json", "stackName": "killed-second"}, "dependencies": ["first"]}}}
END
`

// The same in the middle of a CDK app and of a build that comes after it.
func TestControllerKilledInAnApp(t *testing.T) {
	t.Parallel()
	testKilled(t, "killed-second", []string{
		"cdk/before-keep", "cdk/after-keep", "account/before-publish", "account/after-publish",
		"rollout/before-stack-of-app", "rollout/before-stack-of-app=kill@2", "stack/after-execute=kill@2", "stack/operation-ended=kill@2",
		"rollout/after-build",
	}, func(i int) map[string]string {
		return map[string]string{
			"drawbridge.yaml": "apiVersion: drawbridge.dev/v1alpha1\ncomponents:\n" +
				"  - {name: bucket, path: bucket}\n  - {name: app, path: app, dependsOn: [bucket]}\n" +
				"  - {name: build, path: build, kind: build, inputs: {NAME: {from: app.second.Name}}}\n" +
				"  - {name: web, path: web, inputs: {NAME: {from: build.BUILT}}}\n",
			"bucket/template.yaml": "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: killed-assets}}\n",
			"app/cdk.json":         `{"app": "sh app.sh"}`,
			"app/app.sh":           strings.ReplaceAll(appOfTwo, "VERSION", fmt.Sprintf("v%d", i)),
			"build/buildspec.yml":  "version: 0.2\nenv: {exported-variables: [BUILT]}\nphases: {build: {commands: [export BUILT=built-$NAME]}}\n",
			"web/config.yaml":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {name: \"${NAME}\"}\n",
		}
	})
}

// testKilled takes a commit of the files through for each place, and kills the
// controller there. The next one brings the Change to its end: each operation of
// the stack was begun once, and the ledger has the Change once.
func testKilled(t *testing.T, stackName string, places []string, files func(version int) map[string]string) {
	c := newCastle(t, sandbox.Controller)
	s := c.newServe()
	cfn := cloudformation.NewFromConfig(c.aws())
	s.start("")
	c.live(c.push(files(0)))
	s.kill()
	for i, place := range places {
		setting := place
		if !bytes.ContainsRune([]byte(place), '=') {
			setting += "=kill"
		}
		commit := c.push(files(i + 1))
		s.start(setting)
		s.awaitDeath()
		s.start("")
		change := c.live(commit)
		if want := int64(i + 2); change.Status.LedgerSequence != want {
			t.Errorf("%s: row %d of the ledger, want %d", place, change.Status.LedgerSequence, want)
		}
		var entry ledger.Entry
		s.get("/api/v1/changes/"+change.Name, &entry)
		if entry.Record.UID != string(change.UID) || entry.Record.Outcome != ledger.Succeeded {
			t.Errorf("%s: recorded as %+v", place, entry.Record)
		}
		s.kill()
	}
	s.start("")
	s.awaitReady()
	var head ledger.Head
	s.get("/api/v1/ledger/verify", &head)
	if head.Rows != int64(len(places)+1) {
		t.Errorf("the ledger has %d rows, want %d", head.Rows, len(places)+1)
	}
	var begun int
	pages := cloudformation.NewDescribeStackEventsPaginator(cfn, &cloudformation.DescribeStackEventsInput{StackName: &stackName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(c.ctx)
		c.check(err)
		for _, e := range page.StackEvents {
			if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) && e.ResourceStatus == "UPDATE_IN_PROGRESS" {
				begun++
			}
		}
	}
	if begun != len(places) {
		t.Errorf("%d Changes updated the stack %d times", len(places), begun)
	}
}

// awaitReady waits until the controller's API answers.
func (s *serve) awaitReady() {
	s.c.t.Helper()
	for ctx, cancel := context.WithTimeout(s.c.ctx, time.Minute); ; {
		response, err := http.Get("http://" + s.address + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				cancel()
				return
			}
		}
		select {
		case <-ctx.Done():
			cancel()
			s.c.t.Fatal("the controller never became ready")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
