package nameserver_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53/nameserver"
)

var soa = []route53.Record{{Name: "example.test.", Type: types.RRTypeSoa, TTL: 900, Value: "ns. host. 1 2 3 4 5"}}

// answers are what the zones of these tests say.
func answers(_ context.Context, name string, kind types.RRType) (route53.Answer, error) {
	switch name {
	case "ghost.example.test.", `a\040b.example.test.`:
		if kind == types.RRTypeA {
			return route53.Answer{Zone: "example.test.", Exists: true, Records: []route53.Record{{Name: name, Type: kind, TTL: 60, Value: "127.0.0.1"}}}, nil
		}
		return route53.Answer{Zone: "example.test.", Exists: true, Authority: soa}, nil
	case "big.example.test.":
		value := strings.TrimSpace(strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 9))
		return route53.Answer{Zone: "example.test.", Exists: true, Records: []route53.Record{{Name: name, Type: kind, TTL: 60, Value: value}}}, nil
	case "a.sub.example.test.":
		return route53.Answer{Zone: "example.test.", Exists: true, Delegated: true, Authority: []route53.Record{
			{Name: "sub.example.test.", Type: types.RRTypeNs, TTL: 60, Value: "ns.else."}}}, nil
	case "broken.example.test.":
		return route53.Answer{}, errors.New("the store is gone")
	case "none.example.test.":
		return route53.Answer{Zone: "example.test.", Authority: soa}, nil
	}
	return route53.Answer{}, nil
}

// shown is what a client sees of an answer.
type shown struct {
	Code              string
	Authoritative     bool
	Answer, Authority []string
}

func show(m *dns.Msg) shown {
	s := shown{Code: dns.RcodeToString[m.Rcode], Authoritative: m.Authoritative}
	for _, rr := range m.Answer {
		s.Answer = append(s.Answer, rr.String())
	}
	for _, rr := range m.Ns {
		s.Authority = append(s.Authority, rr.String())
	}
	return s
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	server, err := nameserver.Listen("127.0.0.1:0", answers, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	negative := []string{"example.test.\t900\tIN\tSOA\tns. host. 1 2 3 4 5"}
	for _, test := range []struct {
		name string
		kind uint16
		want shown
	}{
		{"ghost.example.test.", dns.TypeA, shown{"NOERROR", true, []string{"ghost.example.test.\t60\tIN\tA\t127.0.0.1"}, nil}},
		{`a\032b.example.test.`, dns.TypeA, shown{"NOERROR", true, []string{`a\ b.example.test.` + "\t60\tIN\tA\t127.0.0.1"}, nil}},
		{"ghost.example.test.", dns.TypeAAAA, shown{"NOERROR", true, nil, negative}},
		{"none.example.test.", dns.TypeA, shown{"NXDOMAIN", true, nil, negative}},
		{"a.sub.example.test.", dns.TypeA, shown{"NOERROR", false, nil, []string{"sub.example.test.\t60\tIN\tNS\tns.else."}}},
		{"example.org.", dns.TypeA, shown{"REFUSED", false, nil, nil}},
		{"broken.example.test.", dns.TypeA, shown{"SERVFAIL", false, nil, nil}},
		{"ghost.example.test.", dns.TypeANY, shown{"NOTIMP", false, nil, nil}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			question := new(dns.Msg)
			question.SetQuestion(test.name, test.kind)
			got, _, err := (&dns.Client{Net: network}).Exchange(question, server.Addr())
			if err != nil {
				t.Errorf("%s %s: %v", network, test.name, err)
				continue
			}
			if diff := cmp.Diff(test.want, show(got)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", network, test.name, diff)
			}
		}
	}
}

func TestAnswersThatAreTooBigForUDP(t *testing.T) {
	t.Parallel()
	server, err := nameserver.Listen("127.0.0.1:0", answers, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	question := new(dns.Msg)
	question.SetQuestion("big.example.test.", dns.TypeTXT)
	question.SetEdns0(1232, false)
	small, _, err := (&dns.Client{Net: "udp"}).Exchange(question, server.Addr())
	if err != nil || !small.Truncated {
		t.Errorf("over UDP: %v, %v, want a truncated answer", small, err)
	}
	whole, _, err := (&dns.Client{Net: "tcp"}).Exchange(question, server.Addr())
	if err != nil || whole.Truncated || len(whole.Answer) != 1 {
		t.Errorf("over TCP: %v, %v, want the whole answer", whole, err)
	}
}
