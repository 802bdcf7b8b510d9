// Package witness writes down which client called which operation of the sandbox's
// AWS with success, so that what the documentation says about it comes from tests.
//
// A test package that drives the endpoint by official clients wraps it with
// Handler and runs by Main, which keeps what the whole package saw in a file, a
// line for each service, operation and client, in order. A full run that saw less
// than the file fails: something that worked with that client works no more, or is
// no longer tried. With -update a full run writes the file. Runs of some of the
// tests, short ones and failed ones neither compare nor write.
//
// A client is told by its User-Agent, and success by a status below 400.
package witness

import (
	"bufio"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
	"github.com/drawbridge-gitops/drawbridge/test/golden"
)

// File is where Main keeps what a package saw, in the package's folder.
const File = "testdata/witnessed.txt"

// Sight is a client that called an operation of a service.
type Sight struct{ Service, Operation, Client string }

// The clients, in the order of the page. Each is told by a word of its User-Agent:
// the CDK CLI's has that of the SDK it is made with too.
const (
	GoSDK  = "aws-sdk-go-v2"
	AWSCLI = "AWS CLI"
	CDKCLI = "CDK CLI"
)

var marks = []struct{ word, client string }{{"aws-cdk/", CDKCLI}, {"aws-sdk-js/", CDKCLI}, {"aws-cli/", AWSCLI}, {"aws-sdk-go-v2/", GoSDK}}

// Clients lists the clients that are told apart.
func Clients() []string { return []string{GoSDK, AWSCLI, CDKCLI} }

var seen = struct {
	sync.Mutex
	all map[Sight]bool
}{all: map[Sight]bool{}}

// recorded is what the file says. It is read while tests run, since go test takes
// only files that are opened by then for a part of what a cached result depends on.
var recorded = sync.OnceValues(func() ([]Sight, error) { return Read(File) })

// Handler passes requests on and writes down what succeeded.
func Handler(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = recorded() // Main looks at the error
		var sight Sight
		for _, mark := range marks {
			if strings.Contains(r.UserAgent(), mark.word) {
				sight.Client = mark.client
				break
			}
		}
		answer := &status{ResponseWriter: w, code: http.StatusOK}
		ctx := wire.WithObserver(r.Context(), func(service, operation string) {
			sight.Service, sight.Operation = service, operation
		})
		inner.ServeHTTP(answer, r.WithContext(ctx))
		if sight.Client == "" || sight.Operation == "" || answer.code >= http.StatusBadRequest {
			return
		}
		seen.Lock()
		defer seen.Unlock()
		seen.all[sight] = true
	})
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Main runs the tests of a package and returns its exit code. The package's
// complete says, after the run, whether everything that should be tried was; nil
// is always.
func Main(m *testing.M, complete func() bool) int {
	code := m.Run()
	if code != 0 || testing.Short() || named("test.run") || named("test.skip") || named("test.list") || complete != nil && !complete() {
		return code
	}
	seen.Lock()
	defer seen.Unlock()
	if golden.Update() {
		if err := write(seen.all); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	before, err := recorded()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v: run with -update\n", err)
		return 1
	}
	for _, sight := range before {
		if !seen.all[sight] {
			fmt.Fprintf(os.Stderr, "%s: %s %s was not called with success by %s; when that is right, run with -update and then make generate\n",
				File, sight.Service, sight.Operation, sight.Client)
			code = 1
		}
	}
	return code
}

func named(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != ""
}

func write(all map[Sight]bool) error {
	var b strings.Builder
	for _, s := range slices.SortedFunc(maps.Keys(all), compare) {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", s.Service, s.Operation, s.Client)
	}
	if err := os.MkdirAll(filepath.Dir(File), 0o755); err != nil {
		return err
	}
	return os.WriteFile(File, []byte(b.String()), 0o644)
}

func compare(a, b Sight) int {
	return strings.Compare(a.Service+"\t"+a.Operation+"\t"+a.Client, b.Service+"\t"+b.Operation+"\t"+b.Client)
}

// Read returns what the files say, each thing once and in order.
func Read(files ...string) ([]Sight, error) {
	var out []Sight
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Split(lines.Text(), "\t")
			if len(fields) != 3 {
				return nil, fmt.Errorf("%s: %q has not three fields: service, operation, client", name, lines.Text())
			}
			out = append(out, Sight{fields[0], fields[1], fields[2]})
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	slices.SortFunc(out, compare)
	return slices.Compact(out), nil
}
