package aws

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/sigv4"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// ServeHTTP answers one request.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, ok := strings.CutPrefix(r.URL.Path, "/_sandbox/"); ok {
		e.serveSandbox(w, r, path)
		return
	}
	call := wire.Call{RequestID: uuid.NewString(), Endpoint: "http://" + r.Host}
	if r.TLS != nil {
		call.Endpoint = "https://" + r.Host
	}
	region, name := sigv4.Scope(r)
	if name == "" {
		name = guess(r)
	}
	call.Region = region
	service, ok := e.services[name]
	if !ok {
		e.log.WarnContext(r.Context(), "AWS service is not implemented",
			"service", name, "target", r.Header.Get("X-Amz-Target"), "method", r.Method, "path", r.URL.Path)
		e.refuse(w, r.WithContext(wire.WithCall(r.Context(), call)), name, &wire.Error{
			Code: "UnknownOperationException", HTTPStatus: http.StatusNotImplemented,
			Message: "The sandbox does not implement the service " + name + ".",
		})
		return
	}
	identity, err := e.verifier.Verify(r)
	if s, ok := service.(*wire.Service); ok && errors.Is(err, sigv4.ErrMissing) && s.TakesUnsigned(r) {
		err = nil
	}
	if err != nil {
		e.refuse(w, r.WithContext(wire.WithCall(r.Context(), call)), name, authenticationError(name, protocol(service, r), err))
		return
	}
	call.Account, call.Principal, call.UserID = identity.Account, identity.Principal, identity.UserID
	r = r.WithContext(wire.WithCall(r.Context(), call))
	if own, ok := service.(fault.Service); ok { // not one of Options.Services
		e.faults.Serve(name, own, w, r)
		return
	}
	service.ServeHTTP(w, r)
}

// guess finds the service of a request with no credential scope, for the form of
// the error that it gets.
func guess(r *http.Request) string {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		prefix, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if prefix == "AmazonSSM" {
			return "ssm"
		}
		return prefix
	case r.URL.Query().Has("Action"), strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return "sts"
	}
	return "s3"
}

// errorWriter is a service that writes errors in its own form.
type errorWriter interface {
	WriteError(w http.ResponseWriter, r *http.Request, err error)
}

// refuse answers with an error in the service's form, or in the one that the
// request looks like for a service that is not there.
func (e *Endpoint) refuse(w http.ResponseWriter, r *http.Request, name string, err error) {
	service, ok := e.services[name].(errorWriter)
	if !ok {
		service = &wire.Service{Name: name, Protocol: protocol(nil, r), Log: e.log}
	}
	service.WriteError(w, r, err)
}

func protocol(service http.Handler, r *http.Request) wire.Protocol {
	if s, ok := service.(*wire.Service); ok {
		return s.Protocol
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return wire.Query
	}
	return wire.JSON11
}

// authenticationError says in the service's words what sigv4 found.
func authenticationError(service string, protocol wire.Protocol, err error) error {
	// The columns: what AWS says in the query protocols, in awsJson, and in S3.
	table := []struct {
		is               error
		query, json, s3  string
		queryStatus      int
		s3Status         int
		message          string
		messageHasReason bool
	}{
		{sigv4.ErrMissing, "MissingAuthenticationToken", "MissingAuthenticationTokenException", "AccessDenied", 403, 403, "Request is missing Authentication Token", false},
		{sigv4.ErrVersion, "IncompleteSignature", "IncompleteSignatureException", "InvalidRequest", 400, 400,
			"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", false},
		{sigv4.ErrUnknownKey, "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", 403, 403, "The security token included in the request is invalid.", false},
		{sigv4.ErrToken, "InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken", 403, 400, "The security token included in the request is invalid.", false},
		{sigv4.ErrSession, "ExpiredToken", "ExpiredTokenException", "ExpiredToken", 403, 400, "The security token included in the request is expired", false},
		{sigv4.ErrURL, "SignatureDoesNotMatch", "InvalidSignatureException", "AccessDenied", 403, 403, "Request has expired", false},
		{sigv4.ErrExpired, "RequestExpired", "InvalidSignatureException", "RequestTimeTooSkewed", 400, 403, "", true},
		{sigv4.ErrMismatch, "SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403,
			"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.", false},
		{sigv4.ErrBody, "SignatureDoesNotMatch", "InvalidSignatureException", "XAmzContentSHA256Mismatch", 403, 400, "", true},
		{sigv4.ErrTooLarge, "RequestEntityTooLarge", "RequestEntityTooLargeException", "EntityTooLarge", 413, 400, "", true},
		{sigv4.ErrMalformed, "IncompleteSignature", "IncompleteSignatureException", "AuthorizationHeaderMalformed", 400, 400, "", true},
	}
	for _, row := range table {
		if !errors.Is(err, row.is) {
			continue
		}
		answer := &wire.Error{Code: row.query, HTTPStatus: row.queryStatus, Message: row.message}
		if row.messageHasReason {
			answer.Message = err.Error()
		}
		switch {
		case service == "s3":
			answer.Code, answer.HTTPStatus = row.s3, row.s3Status
		case protocol == wire.RestJSON:
			answer.Code, answer.HTTPStatus = row.json, http.StatusForbidden
		case protocol.JSON():
			answer.Code, answer.HTTPStatus = row.json, http.StatusBadRequest
		case protocol == wire.EC2Query && row.is == sigv4.ErrUnknownKey:
			answer.Code, answer.HTTPStatus = "AuthFailure", http.StatusUnauthorized
		}
		return answer
	}
	return err
}

func (e *Endpoint) serveSandbox(w http.ResponseWriter, r *http.Request, path string) {
	if path == "faults" {
		e.faults.ServeHTTP(w, r)
		return
	}
	if path == "names" && r.Method == http.MethodGet {
		e.serveNames(w, r)
		return
	}
	if path != "simulated-time" || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	since, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
	if err != nil {
		http.Error(w, "since must be a time in RFC 3339, such as 2026-11-23T21:00:00Z", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	seconds := e.Simulated(since, e.pace.Now()).Seconds()
	_ = json.NewEncoder(w).Encode(map[string]float64{"seconds": seconds})
}
