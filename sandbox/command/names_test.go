package command

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

func TestPrintNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names []aws.Name
		want  string
	}{
		{nil, "no load balancer listens\n"},
		{[]aws.Name{
			{Name: "ghost.example.test", Record: true, Balancer: "blog", Protocol: "HTTPS", Port: 443, Address: "127.0.0.1:21000"},
			{Name: "blog-1.us-east-1.elb.amazonaws.com", Balancer: "blog", Protocol: "HTTP", Port: 8080, Address: "127.0.0.1:21001"},
		}, "NAME                                LOAD BALANCER  LISTENER   ADDRESS\n" +
			"ghost.example.test                  blog           HTTPS 443  127.0.0.1:21000\n" +
			"blog-1.us-east-1.elb.amazonaws.com  blog           HTTP 8080  127.0.0.1:21001\n" +
			"\n" +
			"curl --cacert '/a b/ca.crt' --connect-to ghost.example.test:443:127.0.0.1:21000 https://ghost.example.test/\n" +
			"curl --connect-to blog-1.us-east-1.elb.amazonaws.com:8080:127.0.0.1:21001 http://blog-1.us-east-1.elb.amazonaws.com:8080/\n"},
	} {
		var out bytes.Buffer
		if err := printNames(&out, test.names, "/a b/ca.crt"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
