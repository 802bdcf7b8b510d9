package cloudformation_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
	"github.com/drawbridge-gitops/drawbridge/test/witness"
)

func TestMain(m *testing.M) { os.Exit(witness.Main(m, nil)) }

// client is the official client of a service. Who calls is given, as there is
// nothing in front of the service that checks signatures.
func client(t testing.TB, service *wire.Service, call wire.Call) *cfn.Client {
	t.Helper()
	server := httptest.NewServer(witness.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := call
		call.RequestID = "request"
		service.ServeHTTP(w, r.WithContext(wire.WithCall(r.Context(), call)))
	})))
	t.Cleanup(server.Close)
	return cfn.New(cfn.Options{
		// The SDK closes the body of a request as soon as the answer begins, which
		// net/http may take for a failed write in the middle of a long answer.
		Region: call.Region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 3,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}
