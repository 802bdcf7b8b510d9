package aws_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53/nameserver"
)

// dig asks a server as "name TYPE", and returns the code, whether the answer is
// authoritative, and its records.
func dig(t *testing.T, server *nameserver.Server, question string) string {
	t.Helper()
	name, kind, _ := strings.Cut(question, " ")
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[kind])
	got, _, err := new(dns.Client).Exchange(m, server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	out := []string{dns.RcodeToString[got.Rcode]}
	if got.Authoritative {
		out = append(out, "aa")
	}
	for _, rr := range got.Answer {
		out = append(out, strings.Join(append(strings.Fields(rr.String())[:1], strings.Fields(rr.String())[3:]...), " "))
	}
	for _, rr := range got.Ns {
		out = append(out, "authority "+dns.Type(rr.Header().Rrtype).String()+" "+rr.Header().Name)
	}
	return strings.Join(out, "; ")
}

// nameserver serves the zones of the account.
func (w *world) nameserver(t *testing.T) *nameserver.Server {
	t.Helper()
	server, err := nameserver.Listen("127.0.0.1:0", func(ctx context.Context, name string, kind types.RRType) (route53.Answer, error) {
		return w.Domains().Answer(ctx, account, name, kind)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func TestZonesOverDNS(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	zone, child := w.zone(t, "example.test"), w.zone(t, "child.example.test")
	a := func(name string, values ...string) *types.ResourceRecordSet {
		return set(name, types.RRTypeA, values...)
	}
	for id, pairs := range map[string][]any{
		zone: {
			"CREATE", a("ghost.example.test", "192.0.2.1"), "CREATE", set("www.example.test", types.RRTypeCname, "ghost.example.test"),
			"CREATE", set("out.example.test", types.RRTypeCname, "example.org"), "CREATE", a("*.w.example.test", "192.0.2.2"),
			"CREATE", a("x.y.w.example.test", "192.0.2.3"), "CREATE", set("away.example.test", types.RRTypeNs, "ns.else.test."),
			"CREATE", a("first.example.test", "192.0.2.9"), "CREATE", set("example.test", types.RRTypeA, zone+"/ghost.example.test"),
			"CREATE", set("into.example.test", types.RRTypeCname, "a.child.example.test"), "CREATE", set("loop.example.test", types.RRTypeCname, "loop.example.test"),
			"CREATE", weighted(a("half.example.test", "192.0.2.4"), "a", 0), "CREATE", weighted(a("half.example.test", "192.0.2.5"), "b", 10),
			"CREATE", set("text.example.test", types.RRTypeTxt, `"heritage=external-dns"`),
			"CREATE", set("escape.example.test", types.RRTypeTxt, `"a\052\"b\""`), "CREATE", set("space.example.test", types.RRTypeCname, `a\040b.example.org`),
		},
		child: {"CREATE", a("a.child.example.test", "192.0.2.6")},
	} {
		if _, err := w.changeRecords(t.Context(), id, pairs...); err != nil {
			t.Fatal(err)
		}
	}
	server := w.nameserver(t)
	const negative = "; authority SOA example.test."
	for question, want := range map[string]string{
		"ghost.example.test. A":      "NOERROR; aa; ghost.example.test. A 192.0.2.1",
		"GHOST.example.test. A":      "NOERROR; aa; ghost.example.test. A 192.0.2.1",
		"ghost.example.test. AAAA":   "NOERROR; aa" + negative,
		"none.example.test. A":       "NXDOMAIN; aa" + negative,
		"example.test. A":            "NOERROR; aa; example.test. A 192.0.2.1",
		"www.example.test. A":        "NOERROR; aa; www.example.test. CNAME ghost.example.test.; ghost.example.test. A 192.0.2.1",
		"www.example.test. CNAME":    "NOERROR; aa; www.example.test. CNAME ghost.example.test.",
		"www.example.test. AAAA":     "NOERROR; aa; www.example.test. CNAME ghost.example.test." + negative,
		"out.example.test. A":        "NOERROR; aa; out.example.test. CNAME example.org.",
		"any.w.example.test. A":      "NOERROR; aa; any.w.example.test. A 192.0.2.2",
		"a.b.w.example.test. A":      "NOERROR; aa; a.b.w.example.test. A 192.0.2.2",
		"z.y.w.example.test. A":      "NXDOMAIN; aa" + negative, // y exists, so that the wildcard does not reach it
		"y.w.example.test. A":        "NOERROR; aa" + negative,  // nothing at it, something below it
		"any.w.example.test. TXT":    "NOERROR; aa" + negative,
		"a.b.away.example.test. A":   "NOERROR; authority NS away.example.test.",
		"a.child.example.test. A":    "NOERROR; aa; a.child.example.test. A 192.0.2.6",
		"none.child.example.test. A": "NXDOMAIN; aa; authority SOA child.example.test.",
		"into.example.test. A":       "NOERROR; aa; into.example.test. CNAME a.child.example.test.; a.child.example.test. A 192.0.2.6",
		"half.example.test. A":       "NOERROR; aa; half.example.test. A 192.0.2.5",
		"text.example.test. TXT":     `NOERROR; aa; text.example.test. TXT "heritage=external-dns"`,
		"escape.example.test. TXT":   `NOERROR; aa; escape.example.test. TXT "a*\"b\""`,
		"space.example.test. CNAME":  `NOERROR; aa; space.example.test. CNAME a\ b.example.org.`,
		"example.org. A":             "REFUSED",
	} {
		if diff := cmp.Diff(want, dig(t, server, question)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", question, diff)
		}
	}
	if got := dig(t, server, "loop.example.test. A"); !strings.HasPrefix(got, "NOERROR; aa; loop.example.test. CNAME") {
		t.Errorf("a CNAME in a circle: %s", got)
	}
}
