// Package wire turns AWS requests into the typed inputs of the official clients,
// and typed outputs and errors back into responses, for the protocols awsQuery,
// ec2Query, restXml, restJson1 and awsJson 1.0 and 1.1.
//
// A [Service] is an http.Handler. Its operations are functions over the types of
// aws-sdk-go-v2, given to it with [Register]:
//
//	wire.Register(service, "DescribeStacks",
//		func(ctx context.Context, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) { … })
//
// Who calls, and in which region, is in the context: [CallOf].
//
// Errors: an [*Error], or any error that carries the smithy APIError interface, as
// the types.…Exception of the official clients do, goes to the client with its
// code. Every other error is logged and goes out as the service's InternalFailure.
// An operation that was not registered answers the protocol's own error for that
// and is logged with its name; it never succeeds silently.
//
// Decoding is lenient where clients differ: a list may come as "A.member.1",
// "A.Name.1" or "A.1", an empty list as a bare "A=". Unknown parameters are
// ignored, as AWS does. Encoding writes absent lists at the top of an answer as
// empty ones, also as AWS does.
//
// Sources: the Smithy protocol definitions, and the official clients' own
// generated code, from which internal/namesgen makes the tables in names/.
package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sort"
)

// Protocol is one of the AWS protocols.
type Protocol int

// The protocols of a [Service].
const (
	Query    Protocol = iota + 1 // awsQuery
	EC2Query                     // ec2Query
	JSON10                       // awsJson 1.0
	JSON11                       // awsJson 1.1
	RestXML                      // restXml
	RestJSON                     // restJson1: operations are added with RegisterREST
)

// JSON reports whether bodies are JSON.
func (p Protocol) JSON() bool { return p == JSON10 || p == JSON11 || p == RestJSON }

// Service answers the requests for one AWS service. Operations are registered
// before the first request; after that it is safe for concurrent use.
type Service struct {
	// Name is the one in credential scopes: "cloudformation".
	Name     string
	Protocol Protocol
	// Namespace is the XML namespace of answers, for the XML protocols.
	Namespace string
	// Target is what stands before the dot in X-Amz-Target, for awsJson.
	Target string
	// Unsigned are the operations that need no signature: what they are given says
	// who calls.
	Unsigned []string
	// Differences are those from AWS that are known, a sentence each: they stand
	// on the page docs/sandbox-aws.md.
	Differences []string
	// Log gets unknown operations and internal failures; nil is slog.Default().
	Log *slog.Logger

	operations map[string]operation
	routes     []route // of restJson1
}

// operation decodes its input, calls the function and returns the output.
type operation func(ctx context.Context, decode func(into any) error) (any, error)

// Register adds an operation to a service. Registering one twice is a mistake of
// the program and panics.
func Register[In, Out any](s *Service, name string, call func(context.Context, *In) (*Out, error)) {
	if s.operations == nil {
		s.operations = map[string]operation{}
	}
	if _, ok := s.operations[name]; ok {
		panic(fmt.Sprintf("wire: %s %s is registered already", s.Name, name))
	}
	s.operations[name] = func(ctx context.Context, decode func(any) error) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		out, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(Out)
		}
		return out, nil
	}
}

// Operations lists the registered operations, in order.
func (s *Service) Operations() []string {
	names := make([]string, 0, len(s.operations))
	for name := range s.operations {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// largestUnsigned bounds the body of a request that nobody signed.
const largestUnsigned = 64 << 10

// TakesUnsigned reports whether a request is for an operation that needs no
// signature. The body is there to be read again.
func (s *Service) TakesUnsigned(r *http.Request) bool {
	if len(s.Unsigned) == 0 || r.Body == nil {
		return false
	}
	r.Body = http.MaxBytesReader(nil, r.Body, largestUnsigned)
	return slices.Contains(s.Unsigned, s.Operation(r))
}

// Operation names the operation that a request is for, "" where it can't be read. The
// body is there to be read again.
func (s *Service) Operation(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	name, _, err := s.read(r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return ""
	}
	return name
}

// ServeHTTP answers one request. The context must carry a [Call], and the body
// must have been verified.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := CallOf(r.Context())
	name, decode, err := s.read(r)
	if err != nil {
		s.WriteError(w, r, err)
		return
	}
	run, ok := s.operations[name]
	if !ok {
		s.log().WarnContext(r.Context(), "AWS operation is not implemented",
			"service", s.Name, "operation", name, "account", call.Account, "region", call.Region)
		s.WriteError(w, r, s.unknown(name))
		return
	}
	Observed(r.Context(), s.Name, name)
	out, err := run(r.Context(), decode)
	if err != nil {
		s.WriteError(w, r, fmt.Errorf("%s %s: %w", s.Name, name, err))
		return
	}
	body, err := s.encode(name, call.RequestID, out)
	if err != nil {
		s.WriteError(w, r, fmt.Errorf("%s %s: encode the answer: %w", s.Name, name, err))
		return
	}
	s.write(w, call.RequestID, s.writeHeaders(w.Header(), out), body)
}

func (s *Service) read(r *http.Request) (name string, decode func(any) error, err error) {
	switch s.Protocol {
	case JSON10, JSON11:
		return s.readJSON(r)
	case RestXML:
		return s.readREST(r)
	case RestJSON:
		return s.readRESTJSON(r)
	}
	return s.readQuery(r)
}

func (s *Service) encode(operation, requestID string, out any) ([]byte, error) {
	if s.Protocol.JSON() {
		return encodeJSON(out)
	}
	return s.encodeXML(operation, requestID, out)
}

func (s *Service) write(w http.ResponseWriter, requestID string, status int, body []byte) {
	contentType := "text/xml"
	switch s.Protocol {
	case JSON10:
		contentType = "application/x-amz-json-1.0"
	case JSON11:
		contentType = "application/x-amz-json-1.1"
	case RestJSON:
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone: there is nobody to tell
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}
