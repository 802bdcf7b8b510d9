// Package nameserver answers DNS questions from the hosted zones of a sandbox's
// Route 53, over UDP and TCP on one address:
//
//	server, err := nameserver.Listen("127.0.0.1:0", func(ctx context.Context, name string, kind types.RRType) (route53.Answer, error) {
//		return zones.Answer(ctx, account, name, kind)
//	}, log)
//	…
//	defer server.Close()
//
// It is authoritative and never asks another server: a name in none of the zones
// is REFUSED, one that is delegated gets the NS records of the delegation, without
// glue. Zone transfers, updates and questions for ANY are not implemented and say
// so. Sources: RFC 1034, 1035, 2308, 4592, 6891, 8482.
package nameserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
)

// Ask gives the answer to a question. The name has a dot at its end and the octal
// escapes of Route 53.
type Ask func(ctx context.Context, name string, kind types.RRType) (route53.Answer, error)

// Server is a running DNS server. Make one with [Listen], and close it.
type Server struct {
	ask     Ask
	log     *slog.Logger
	servers [2]*dns.Server
	address string
	ended   sync.WaitGroup
}

// Listen starts a server on an address such as "127.0.0.1:0", where port 0 is any
// port that is free for both UDP and TCP. A nil log is slog.Default().
func Listen(address string, ask Ask, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.Default()
	}
	listener, packets, err := listen(address)
	if err != nil {
		return nil, fmt.Errorf("DNS server on %s: %w", address, err)
	}
	s := &Server{ask: ask, log: log, address: listener.Addr().String()}
	handler := dns.HandlerFunc(s.serve)
	s.servers = [2]*dns.Server{{Listener: listener, Handler: handler}, {PacketConn: packets, Handler: handler}}
	var started sync.WaitGroup
	for _, server := range s.servers {
		started.Add(1)
		server.NotifyStartedFunc = started.Done
		s.ended.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				s.log.Error("DNS server ended", "address", s.address, "error", err)
			}
		})
	}
	started.Wait()
	return s, nil
}

// attempts bounds the search for a port that is free for both.
const attempts = 20

func listen(address string) (net.Listener, net.PacketConn, error) {
	for i := 1; ; i++ {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return nil, nil, err
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			return listener, packets, nil
		}
		_ = listener.Close()
		if _, port, _ := net.SplitHostPort(address); port != "0" || i == attempts {
			return nil, nil, err
		}
	}
}

// Addr is the address that the server listens on: "127.0.0.1:5353".
func (s *Server) Addr() string { return s.address }

// Close stops the server and waits until it has.
func (s *Server) Close() error {
	err := errors.Join(s.servers[0].Shutdown(), s.servers[1].Shutdown())
	s.ended.Wait()
	return err
}

func (s *Server) serve(w dns.ResponseWriter, request *dns.Msg) {
	reply := s.reply(request)
	size := dns.MinMsgSize
	if option := request.IsEdns0(); option != nil {
		size = max(size, int(option.UDPSize()))
		reply.SetEdns0(maxPacket, option.Do())
	}
	if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
		reply.Truncate(min(size, maxPacket))
	}
	_ = w.WriteMsg(reply) // the client has gone: there is nobody to tell
}

// maxPacket is what passes without fragments nearly everywhere.
const maxPacket = 1232

func (s *Server) reply(request *dns.Msg) *dns.Msg {
	reply := new(dns.Msg)
	reply.SetReply(request)
	fail := func(code int) *dns.Msg {
		reply.Rcode = code
		return reply
	}
	if request.Opcode != dns.OpcodeQuery {
		return fail(dns.RcodeNotImplemented)
	}
	if len(request.Question) != 1 {
		return fail(dns.RcodeFormatError)
	}
	q := request.Question[0]
	switch {
	case q.Qclass != dns.ClassINET:
		return fail(dns.RcodeRefused)
	case q.Qtype == dns.TypeANY, q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		return fail(dns.RcodeNotImplemented)
	case q.Name == ".":
		return fail(dns.RcodeRefused)
	}
	answer, err := s.ask(context.Background(), octal(q.Name), types.RRType(dns.Type(q.Qtype).String()))
	if err == nil {
		reply.Answer, err = resourceRecords(answer.Records)
	}
	var authority []dns.RR
	if err == nil {
		authority, err = resourceRecords(answer.Authority)
	}
	switch {
	case err != nil:
		s.log.Error("DNS question failed", "name", q.Name, "type", dns.Type(q.Qtype).String(), "error", err)
		return fail(dns.RcodeServerFailure)
	case answer.Zone == "":
		return fail(dns.RcodeRefused)
	case !answer.Exists:
		reply.Rcode = dns.RcodeNameError
	}
	reply.Ns, reply.Authoritative = authority, !answer.Delegated
	return reply
}

func resourceRecords(records []route53.Record) ([]dns.RR, error) {
	var out []dns.RR
	for _, r := range records {
		rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", route53.ZoneFile(r.Name), r.TTL, r.Type, route53.ZoneFile(r.Value)))
		if err != nil {
			return nil, fmt.Errorf("record %s %s: %w", r.Type, r.Name, err)
		}
		out = append(out, rr)
	}
	return out, nil
}

// octal turns the escapes of a zone file, \DDD and \C, into those of Route 53.
func octal(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' && i+1 < len(name) {
			i++
			c = name[i]
			if i+2 < len(name) {
				if code, err := strconv.ParseUint(name[i:i+3], 10, 8); err == nil {
					c, i = byte(code), i+2
				}
			}
			fmt.Fprintf(&out, `\%03o`, c)
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}
