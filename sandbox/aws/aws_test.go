package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
	"github.com/drawbridge-gitops/drawbridge/test/witness"
)

const account = sandbox.DefaultAccount

func TestMain(m *testing.M) { os.Exit(witness.Main(m, nil)) }

// world is an endpoint on a server, and clients' configuration for it.
type world struct {
	*sandbox.Endpoint
	aws.Config
	server *httptest.Server
}

// start runs an endpoint over a state directory, without simulated durations
// unless options say otherwise.
func start(t *testing.T, options sandbox.Options) *world {
	t.Helper()
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	if options.Durations == nil {
		options.Durations = simtime.Durations{}
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	endpoint, err := sandbox.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(witness.Handler(endpoint))
	w := &world{Endpoint: endpoint, server: server, Config: aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(server.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}}
	t.Cleanup(w.stop)
	return w
}

// stop may be called more than once.
func (w *world) stop() {
	w.server.Close()
	_ = w.Endpoint.Close()
}

// request is what the engine would send for a resource.
func (w *world) request(typeName, token string, properties map[string]any) resource.Request {
	return resource.Request{
		Account: account, Region: w.Region, StackName: "blog", StackID: "arn:aws:cloudformation:us-east-1:" + account + ":stack/blog/1",
		Type: typeName, LogicalID: "Thing", Token: token, Properties: properties,
		Tags: map[string]string{"aws:cloudformation:stack-name": "blog"},
	}
}

// create makes a resource as the engine would.
func (w *world) create(t *testing.T, typeName, token string, properties map[string]any) resource.State {
	t.Helper()
	state, err := w.tryCreate(t, typeName, token, properties)
	if err != nil {
		t.Fatalf("create %s: %v", typeName, err)
	}
	return state
}

func (w *world) tryCreate(t *testing.T, typeName, token string, properties map[string]any) (resource.State, error) {
	t.Helper()
	ctx, cancel := bounded(t)
	defer cancel()
	return w.provider(t, typeName).Create(ctx, w.request(typeName, token, properties))
}

func (w *world) update(t *testing.T, typeName, token, id string, before, after map[string]any) (resource.State, error) {
	t.Helper()
	request := w.request(typeName, token, after)
	request.PhysicalID, request.Previous = id, before
	ctx, cancel := bounded(t)
	defer cancel()
	return w.provider(t, typeName).Update(ctx, request)
}

func (w *world) delete(t *testing.T, typeName, token, id string, properties map[string]any) error {
	t.Helper()
	request := w.request(typeName, token, properties)
	request.PhysicalID, request.Previous = id, properties
	ctx, cancel := bounded(t)
	defer cancel()
	return w.provider(t, typeName).Delete(ctx, request)
}

// bounded ends calls that would wait for ever on a clock that nobody moves.
func bounded(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 20*time.Second)
}

func (w *world) provider(t *testing.T, typeName string) resource.Provider {
	t.Helper()
	provider, ok := w.Resources().Provider(typeName)
	if !ok {
		t.Fatalf("%s has no provider", typeName)
	}
	return provider
}

// do makes a call of an official client that must succeed.
func do[In, Out, Option any](t *testing.T, call func(context.Context, *In, ...func(*Option)) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantCode fails unless err is an API error with the code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error = %v, want one with code %s", err, code)
	}
}

// wantHandlerCode fails unless err is a provider's refusal with the code.
func wantHandlerCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *resource.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("error = %v, want a refusal with code %s", err, code)
	}
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	for _, test := range []struct {
		name, key, secret, token      string
		query, ec2Code, json, s3Codes string
	}{
		{"unknown key", "nobody", "test", "", "InvalidClientTokenId", "AuthFailure", "UnrecognizedClientException", "InvalidAccessKeyId"},
		{"wrong secret", "test", "wrong", "", "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"},
		{"token of nobody", "test", "test", "token", "InvalidClientTokenId", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidToken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := w.Copy()
			config.Credentials = credentials.NewStaticCredentialsProvider(test.key, test.secret, test.token)
			_, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			wantCode(t, err, test.query)
			_, err = ec2.NewFromConfig(config).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
			wantCode(t, err, test.ec2Code)
			_, err = ssm.NewFromConfig(config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("x")})
			wantCode(t, err, test.json)
			_, err = s3.NewFromConfig(config).ListBuckets(t.Context(), &s3.ListBucketsInput{})
			wantCode(t, err, test.s3Codes)
		})
	}
}

func TestUnknownOperationsAndServices(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	_, err := ec2.NewFromConfig(w.Config).DescribeSpotFleetRequests(t.Context(), &ec2.DescribeSpotFleetRequestsInput{})
	wantCode(t, err, "InvalidAction")
	_, err = ssm.NewFromConfig(w.Config).ListDocuments(t.Context(), &ssm.ListDocumentsInput{})
	wantCode(t, err, "UnknownOperationException")
	_, err = s3.NewFromConfig(w.Config, pathStyle).GetBucketReplication(t.Context(), &s3.GetBucketReplicationInput{Bucket: aws.String("b")})
	wantCode(t, err, "NotImplemented")
	_, err = cloudformation.NewFromConfig(w.Config).ListStackSets(t.Context(), &cloudformation.ListStackSetsInput{})
	if err == nil {
		t.Error("ListStackSets succeeded")
	}
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	clock := simtime.NewManual(time.Now())
	w := start(t, sandbox.Options{Clock: clock})
	client := sts.NewFromConfig(w.Config)
	assumed, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/path/deploy"), RoleSessionName: aws.String("cdk"), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		t.Fatal(err)
	}
	config := w.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(*assumed.Credentials.AccessKeyId, *assumed.Credentials.SecretAccessKey, *assumed.Credentials.SessionToken)
	session := sts.NewFromConfig(config)
	who, err := session.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *who.Arn, "arn:aws:sts::111122223333:assumed-role/deploy/cdk"; got != want || *who.Account != "111122223333" {
		t.Errorf("the session is %s of %s, want %s", got, *who.Account, want)
	}
	me, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *me.Arn, "arn:aws:iam::"+account+":user/test"; got != want {
		t.Errorf("the user is %s, want %s", got, want)
	}
	config.Credentials = credentials.NewStaticCredentialsProvider(*assumed.Credentials.AccessKeyId, *assumed.Credentials.SecretAccessKey, "")
	_, err = sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId")
	clock.Advance(901 * time.Second)
	_, err = session.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "ExpiredToken")
}

func TestSimulatedTimeOverHTTP(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{Durations: simtime.Durations{"AWS::SSM::Parameter/Create": 20 * time.Millisecond}})
	since := time.Now().UTC().Format(time.RFC3339Nano)
	w.create(t, "AWS::SSM::Parameter", "one", map[string]any{"Type": "String", "Value": "1"})
	response, err := http.Get(w.server.URL + "/_sandbox/simulated-time?since=" + since)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct{ Seconds float64 }
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Seconds < 0.02 || got.Seconds > 5 {
		t.Errorf("simulated time = %+v, %v, want at least 0.02 s", got, err)
	}
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

func static(key, secret string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(key, secret, "")
}
