package fault

import (
	"bytes"
	"maps"
	"net/http"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// Service is what stands behind a Switch.
type Service interface {
	http.Handler
	// Operation names the operation that a request is for, and leaves the
	// request as it is.
	Operation(r *http.Request) string
	// WriteError answers with an error in the service's own form.
	WriteError(w http.ResponseWriter, r *http.Request, err error)
}

// Serve lets a service answer a request, or makes it fail.
func (s *Switch) Serve(name string, service Service, w http.ResponseWriter, r *http.Request) {
	if !s.concerns(name) {
		service.ServeHTTP(w, r)
		return
	}
	met := s.meet(name, service.Operation(r))
	if met == nil {
		service.ServeHTTP(w, r)
		return
	}
	switch met.Kind {
	case Throttle:
		service.WriteError(w, r, throttled(name))
	case Fail:
		service.WriteError(w, r, failed(name))
	case Hang:
		held := answer{header: http.Header{}}
		service.ServeHTTP(&held, r)
		s.hold(1)
		defer s.hold(-1)
		select {
		case <-met.cleared:
			held.copyTo(w)
		case <-r.Context().Done():
		}
	case Lose:
		service.ServeHTTP(&answer{header: http.Header{}}, r)
		panic(http.ErrAbortHandler) // the server closes the connection, and says nothing of it
	}
}

// throttling are the services that do not say ThrottlingException with status 400.
var throttling = map[string]wire.Error{
	"cloudformation":       {Code: "Throttling"},
	"ec2":                  {Code: "RequestLimitExceeded", HTTPStatus: http.StatusServiceUnavailable},
	"eks":                  {Code: "ThrottlingException", HTTPStatus: http.StatusTooManyRequests},
	"elasticloadbalancing": {Code: "Throttling"},
	"iam":                  {Code: "Throttling"},
	"rds":                  {Code: "Throttling"},
	"route53":              {Code: "Throttling"},
	"s3":                   {Code: "SlowDown", HTTPStatus: http.StatusServiceUnavailable},
	"sts":                  {Code: "Throttling"},
	"tagging":              {Code: "ThrottledException"},
}

func throttled(service string) error {
	answer, ok := throttling[service]
	if !ok {
		answer.Code = "ThrottlingException"
	}
	answer.Message = "Rate exceeded"
	if service == "s3" {
		answer.Message = "Please reduce your request rate."
	}
	return &answer
}

func failed(service string) error {
	code := "InternalFailure"
	if service == "s3" || service == "ec2" {
		code = "InternalError"
	}
	return &wire.Error{Code: code, Message: "An internal error has occurred", HTTPStatus: http.StatusInternalServerError}
}

// answer keeps an answer that is not given yet.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(a.body.Bytes()) // the client has gone: there is nobody to tell
}
