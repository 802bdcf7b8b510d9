package wire

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
)

// Error is an answer other than success, with the service's own code.
type Error struct {
	Code    string
	Message string
	// HTTPStatus is 400 when it is zero.
	HTTPStatus int
}

// Errorf returns an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error is "Code: Message".
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// As returns the error that a client is to see, and whether it was meant for
// clients: an [*Error] or a smithy APIError somewhere in err. Otherwise it is an
// InternalFailure that says nothing of its cause.
func As(err error) (*Error, bool) {
	var own *Error
	if errors.As(err, &own) {
		answer := *own
		if answer.HTTPStatus == 0 {
			answer.HTTPStatus = http.StatusBadRequest
		}
		return &answer, true
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		status := http.StatusBadRequest
		if api.ErrorFault() == smithy.FaultServer {
			status = http.StatusInternalServerError
		}
		return &Error{Code: api.ErrorCode(), Message: api.ErrorMessage(), HTTPStatus: status}, true
	}
	return &Error{
		Code:       "InternalFailure",
		Message:    "The sandbox failed to answer; its log says why.",
		HTTPStatus: http.StatusInternalServerError,
	}, false
}

// WriteError answers a request with an error in the service's protocol, and logs
// one that is not meant for clients.
func (s *Service) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	call := CallOf(r.Context())
	answer, expected := As(err)
	if !expected && r.Context().Err() == nil {
		s.log().ErrorContext(r.Context(), "AWS request failed in the sandbox",
			"service", s.Name, "request", call.RequestID, "error", err)
	}
	var body []byte
	switch s.Protocol {
	case JSON10, JSON11, RestJSON:
		if s.Protocol == RestJSON {
			answer.HTTPStatus = restStatus(err, answer.HTTPStatus)
		}
		w.Header().Set("X-Amzn-Errortype", answer.Code)
		body, err = json.Marshal(map[string]string{"__type": answer.Code, "message": answer.Message})
	case EC2Query:
		body, err = xml.Marshal(ec2Error{Code: answer.Code, Message: answer.Message, RequestID: call.RequestID})
	default:
		body, err = xml.Marshal(queryError{
			Namespace: s.Namespace, Type: fault(answer), Code: answer.Code, Message: answer.Message, RequestID: call.RequestID,
		})
	}
	if err != nil { // a message that is no text at all
		body = nil
	}
	s.write(w, call.RequestID, answer.HTTPStatus, body)
}

// unknown is how the service says that it has no such operation.
func (s *Service) unknown(operation string) *Error {
	switch s.Protocol {
	case JSON10, JSON11, RestJSON:
		return Errorf("UnknownOperationException", "The sandbox does not implement %s %s.", s.Name, operation)
	default:
		return Errorf("InvalidAction", "The sandbox does not implement %s %s.", s.Name, operation)
	}
}

func fault(e *Error) string {
	if e.HTTPStatus >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type ec2Error struct {
	XMLName   xml.Name `xml:"Response"`
	Code      string   `xml:"Errors>Error>Code"`
	Message   string   `xml:"Errors>Error>Message"`
	RequestID string   `xml:"RequestID"`
}
