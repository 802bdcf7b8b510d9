package clients

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/eks"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/test/witness"
)

// world is an endpoint with an account for each script, and the clients.
type world struct {
	root     string
	endpoint *httptest.Server
	accounts map[string]string // by script
	missing  map[string]error  // by part: why it is not installed

	outside *httptest.Server
	mu      sync.Mutex
	asked   []string // of the world outside, by anybody
}

var shared world

func TestMain(m *testing.M) {
	code, err := start(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func start(m *testing.M) (int, error) {
	scripts, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		return 1, err
	}
	shared.accounts, shared.missing = map[string]string{}, map[string]error{}
	var keys []aws.Credential
	for i, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		shared.accounts[name] = fmt.Sprintf("%012d", 111122220000+i)
		keys = append(keys, aws.Credential{AccessKeyID: keyOf(name), SecretAccessKey: "secret-of-" + name, Account: shared.accounts[name], User: name})
	}
	state, err := os.MkdirTemp("", "drawbridge-clients-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(state)
	endpoint, err := aws.New(aws.Options{
		Dir: state, Credentials: keys, Log: slog.New(slog.DiscardHandler),
		// Nothing takes time but the making of a stream: something to be cancelled.
		Durations: simtime.Durations{"AWS::Kinesis::Stream/Create": time.Hour},
		Clusters: []eks.Cluster{{
			Name: "sandbox", Account: shared.accounts["eks"], Region: "eu-west-1",
			Endpoint: "https://127.0.0.1:6443", CA: []byte("-----BEGIN CERTIFICATE-----\n"), Version: "1.36",
		}},
	})
	if err != nil {
		return 1, err
	}
	defer endpoint.Close()
	shared.endpoint = httptest.NewServer(witness.Handler(endpoint))
	defer shared.endpoint.Close()
	shared.outside = httptest.NewServer(http.HandlerFunc(refuse))
	defer shared.outside.Close()
	if shared.root, err = filepath.Abs("../.."); err != nil {
		return 1, err
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // clients wait more than they work
		return 1, err
	}
	code := witness.Main(m, func() bool { return len(shared.missing) == 0 })
	for _, host := range shared.asked {
		fmt.Fprintln(os.Stderr, "a client asked for", host, "though it was told to stay on this machine")
		code = 1
	}
	return code, nil
}

// refuse is the proxy that clients are given for the world outside.
func refuse(w http.ResponseWriter, r *http.Request) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.asked = append(shared.asked, r.Host)
	http.Error(w, "tests stay on this machine", http.StatusForbidden)
}

// have installs the parts, or skips the test with the reason.
func have(t *testing.T, parts ...Part) {
	t.Helper()
	if testing.Short() {
		t.Skip("clients take minutes")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	for _, p := range parts {
		if err := p.Install(ctx, shared.root, os.Stderr); err != nil {
			shared.mu.Lock()
			shared.missing[p.Name] = err
			shared.mu.Unlock()
			fmt.Fprintf(os.Stderr, "SKIPPED %s: %v\n", t.Name(), err)
			t.Skip(err)
		}
	}
}

func keyOf(script string) string {
	return "AKIA" + strings.ToUpper(strings.ReplaceAll(script, "-", ""))
}

// TestCDK runs the CDK CLI, a script an app.
func TestCDK(t *testing.T) {
	t.Parallel()
	have(t, Node, Python)
	scripts(t, "testdata/cdk")
}

// TestAWSCLI runs the AWS CLI, a script a service.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	have(t, Python)
	scripts(t, "testdata/aws")
}

// scripts runs the scripts of a folder.
func scripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true, Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"keep": keep, "fill": fill, "fetch": fetch},
	})
}
