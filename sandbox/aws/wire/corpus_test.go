package wire

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// unread are what the decoder is known not to read: a union, and a parameter that
// the clients set by themselves and whose field they do not export.
var unread = map[string]bool{
	"SimulatePrincipalPolicy": true, "SimulateCustomPolicy": true,
	"CopyDBClusterSnapshot.DestinationRegion": true, "CopyDBSnapshot.DestinationRegion": true, "CreateDBCluster.DestinationRegion": true,
	"CreateDBInstanceReadReplica.DestinationRegion": true, "CopySnapshot.DestinationRegion": true,
}

// TestRequestsOfOfficialClients decodes the requests that the official clients'
// own tests record, all operations of a service, and checks that no parameter is
// lost: each is a field that the decoder reads, and is set after it.
func TestRequestsOfOfficialClients(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		service  string
		module   string
		protocol Protocol
		client   any
		atLeast  int
	}{
		{"cloudformation", "cloudformation", Query, &cloudformation.Client{}, 80},
		{"rds", "rds", Query, &rds.Client{}, 150},
		{"iam", "iam", Query, &iam.Client{}, 150},
		{"sts", "sts", Query, &sts.Client{}, 8},
		{"elasticloadbalancing", "elasticloadbalancingv2", Query, &elasticloadbalancingv2.Client{}, 50},
		{"route53", "route53", RestXML, &route53.Client{}, 70},
		{"ec2", "ec2", EC2Query, &ec2.Client{}, 700},
	} {
		t.Run(test.service, func(t *testing.T) {
			t.Parallel()
			dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+test.module).Output()
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "request_snapshot", "*.request.snap"))
			if err != nil || len(files) < test.atLeast {
				t.Fatalf("%d recorded requests, want at least %d: %v", len(files), test.atLeast, err)
			}
			service := &Service{Name: test.service, Protocol: test.protocol}
			for _, file := range files {
				name := strings.TrimSuffix(filepath.Base(file), ".request.snap")
				method, ok := reflect.TypeOf(test.client).MethodByName(name)
				if !ok || unread[name] {
					continue // a variant of an operation
				}
				recorded, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				body := string(recorded[strings.LastIndex(string(recorded), "\n")+1:])
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
				if test.protocol == RestXML {
					r = restRequest(t, recorded)
				}
				operation, decode, err := service.read(r)
				if err != nil || operation != name {
					t.Errorf("%s: operation %q, %v", name, operation, err)
					continue
				}
				input := reflect.New(method.Type.In(2).Elem())
				if err := decode(input.Interface()); err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				root := sent(t, test.protocol, recorded)
				for _, lost := range lost(root, input.Elem(), namesOf(test.service, test.protocol), name) {
					if !unread[lost] {
						t.Errorf("%s is lost", lost)
					}
				}
			}
		})
	}
}

// restRequest reads a recorded request: "METHOD path", an empty line, headers, an
// empty line, and the body where there is one.
func restRequest(t *testing.T, recorded []byte) *http.Request {
	t.Helper()
	line, rest, _ := strings.Cut(string(recorded), "\n")
	method, path, _ := strings.Cut(line, " ")
	return httptest.NewRequest(method, path, strings.NewReader(rest[strings.LastIndex(rest, "\n")+1:]))
}

// sent is what a recorded request holds.
func sent(t *testing.T, protocol Protocol, recorded []byte) *form {
	t.Helper()
	body := recorded[strings.LastIndex(string(recorded), "\n")+1:]
	if protocol == RestXML {
		_, root, err := readRoute(restRequest(t, recorded), namesOf("route53", protocol).routes)
		if err != nil {
			t.Fatal(err)
		}
		return root
	}
	root, err := parseForm(httptest.NewRequest(http.MethodPost, "/?"+string(body), nil).URL.Query())
	if err != nil {
		t.Fatal(err)
	}
	delete(root.children, "Action")
	delete(root.children, "Version")
	return root
}

// lost lists the parameters below node that value does not hold.
func lost(node *form, value reflect.Value, table *names, path string) []string {
	for value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return []string{path}
		}
		value = value.Elem()
	}
	if value.Type() == timeType {
		return nil
	}
	var out []string
	switch value.Kind() {
	case reflect.Struct:
		fields := map[string]reflect.Value{}
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() {
				fields[table.request(value.Type().Name(), field.Name)] = value.Field(i)
			}
		}
		for name, child := range node.children {
			if field, ok := fields[name]; ok {
				out = append(out, lost(child, field, table, path+"."+name)...)
			} else {
				out = append(out, path+"."+name)
			}
		}
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		nodes := node.elements()
		if len(nodes) != value.Len() || value.Len() == 0 {
			return []string{path}
		}
		for i, element := range nodes {
			out = append(out, lost(element, value.Index(i), table, path)...)
		}
	case reflect.Map:
		if value.Len() == 0 {
			out = append(out, path)
		}
	}
	return out
}
