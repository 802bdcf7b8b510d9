package aws_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/fault"
)

// set adds faults that must be good.
func (w *world) set(t *testing.T, faults ...fault.Fault) {
	t.Helper()
	for _, f := range faults {
		if err := w.Faults().Set(f); err != nil {
			t.Fatal(err)
		}
	}
}

// TestThrottlingInEachServicesWords checks that official clients read each service's
// refusal as a throttle, and its failure as the server's.
func TestThrottlingInEachServicesWords(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	calls := map[string]func(context.Context) error{
		"Throttling sts": func(ctx context.Context) error {
			_, err := sts.NewFromConfig(w.Config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		},
		"Throttling iam": func(ctx context.Context) error {
			_, err := iam.NewFromConfig(w.Config).ListRoles(ctx, &iam.ListRolesInput{})
			return err
		},
		"Throttling rds": func(ctx context.Context) error {
			_, err := rds.NewFromConfig(w.Config).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{})
			return err
		},
		"Throttling cloudformation": func(ctx context.Context) error {
			_, err := cloudformation.NewFromConfig(w.Config).ListStacks(ctx, &cloudformation.ListStacksInput{})
			return err
		},
		"Throttling route53": func(ctx context.Context) error {
			_, err := route53.NewFromConfig(w.Config).ListHostedZones(ctx, &route53.ListHostedZonesInput{})
			return err
		},
		"RequestLimitExceeded ec2": func(ctx context.Context) error {
			_, err := ec2.NewFromConfig(w.Config).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
			return err
		},
		"SlowDown s3": func(ctx context.Context) error {
			_, err := s3.NewFromConfig(w.Config, pathStyle).ListBuckets(ctx, &s3.ListBucketsInput{})
			return err
		},
		"ThrottlingException ssm": func(ctx context.Context) error {
			_, err := ssm.NewFromConfig(w.Config).DescribeParameters(ctx, &ssm.DescribeParametersInput{})
			return err
		},
		"ThrottlingException secretsmanager": func(ctx context.Context) error {
			_, err := secretsmanager.NewFromConfig(w.Config).ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
			return err
		},
		"ThrottlingException ecr": func(ctx context.Context) error {
			_, err := ecr.NewFromConfig(w.Config).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
			return err
		},
		"ThrottlingException eks": func(ctx context.Context) error {
			_, err := eks.NewFromConfig(w.Config).ListClusters(ctx, &eks.ListClustersInput{})
			return err
		},
		"ThrottledException tagging": func(ctx context.Context) error {
			_, err := resourcegroupstaggingapi.NewFromConfig(w.Config).GetTagKeys(ctx, &resourcegroupstaggingapi.GetTagKeysInput{})
			return err
		},
	}
	for words, call := range calls {
		code, service, _ := strings.Cut(words, " ")
		w.set(t, fault.Fault{Kind: fault.Throttle, Service: service, Count: 1}, fault.Fault{Kind: fault.Fail, Service: service, Count: 1})
		wantCode(t, call(t.Context()), code)
		var api smithy.APIError
		if err := call(t.Context()); !errors.As(err, &api) || !strings.HasPrefix(api.ErrorCode(), "Internal") {
			t.Errorf("%s: the failure is %v", service, err)
		}
		if err := call(t.Context()); err != nil {
			t.Errorf("%s, after its faults: %v", service, err)
		}
	}
}

func TestFaultsMeetWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := ssm.NewFromConfig(w.Config), t.Context()
	put := func(name string) error {
		_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: aws.String("x"), Type: types.ParameterTypeString})
		return err
	}
	get := func(name string) error {
		_, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
		return err
	}
	w.set(t, fault.Fault{Kind: fault.Throttle, Service: "ssm", Operation: "PutParameter", After: 1, Count: 2})
	for i, fails := range []bool{false, true, true, false} {
		err := put(string(rune('a' + i)))
		if fails {
			wantCode(t, err, "ThrottlingException")
			wantCode(t, get(string(rune('a'+i))), "ParameterNotFound") // nothing was done
		} else if err != nil {
			t.Errorf("put %d: %v", i, err)
		}
	}
	if got := w.Faults().List(); len(got) != 1 || got[0].Seen != 4 || got[0].Met != 2 {
		t.Errorf("faults = %+v", got)
	}
	w.Faults().Clear()

	// The same seed chooses the same requests.
	pattern := func() (out string) {
		w.set(t, fault.Fault{Kind: fault.Fail, Service: "ssm", Rate: 0.5, Seed: 7})
		defer w.Faults().Clear()
		for range 32 {
			mark := "."
			if get("a") != nil {
				mark = "x"
			}
			out += mark
		}
		return out
	}
	if one, two := pattern(), pattern(); one != two || !strings.Contains(one, "x") || !strings.Contains(one, ".") {
		t.Errorf("with a rate of a half: %s and %s", one, two)
	}
}

func TestLostAndLateAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	client, ctx := ssm.NewFromConfig(w.Config), t.Context()
	put := &ssm.PutParameterInput{Name: aws.String("p"), Value: aws.String("1"), Type: types.ParameterTypeString, Overwrite: aws.Bool(true)}
	w.set(t, fault.Fault{Kind: fault.Lose, Service: "ssm", Operation: "PutParameter", Count: 1})
	var api smithy.APIError
	if _, err := client.PutParameter(ctx, put); err == nil || errors.As(err, &api) {
		t.Errorf("the lost answer is %v", err)
	}
	version := func() int64 {
		t.Helper()
		return do(t, client.GetParameter, &ssm.GetParameterInput{Name: aws.String("p")}).Parameter.Version
	}
	if v := version(); v != 1 { // it was carried out
		t.Errorf("version %d", v)
	}

	w.set(t, fault.Fault{Kind: fault.Hang, Service: "ssm", Operation: "PutParameter", Count: 2})
	impatient, cancel := context.WithCancel(ctx)
	gaveUp := make(chan error, 1)
	go func() {
		_, err := client.PutParameter(impatient, put)
		gaveUp <- err
	}()
	w.Faults().Holding(1)
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the client that gave up got %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := client.PutParameter(ctx, put)
		answered <- err
	}()
	w.Faults().Holding(1)
	w.Faults().Clear()
	if err := <-answered; err != nil {
		t.Errorf("the answer that was let go is %v", err)
	}
	if v := version(); v != 3 {
		t.Errorf("version %d, want 3", v)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	w := start(t, sandbox.Options{})
	send := func(method, contentType, body string) (int, []fault.Status) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+"/_sandbox/faults", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var list []fault.Status
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode == http.StatusOK {
			if err := json.Unmarshal(text, &list); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
		}
		return response.StatusCode, list
	}
	const json = "application/json"
	for body, want := range map[string]int{
		`{"kind": "explode"}`: 400, `{"kind": "fail", "rate": 2}`: 400, `{"kind": "fail", "operation": "X"}`: 400, `{"kind": "fail", "countt": 2}`: 400, `{`: 400,
	} {
		if got, _ := send(http.MethodPost, json, body); got != want {
			t.Errorf("%s: status %d, want %d", body, got, want)
		}
	}
	if got, _ := send(http.MethodPost, "text/plain", `{"kind": "fail"}`); got != http.StatusUnsupportedMediaType {
		t.Errorf("a fault in plain text: status %d", got)
	}
	if got, list := send(http.MethodPost, json, `{"kind": "fail", "service": "sts", "count": 1}`); got != http.StatusOK || len(list) != 1 {
		t.Errorf("a good fault: status %d, %+v", got, list)
	}
	_, err := sts.NewFromConfig(w.Config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InternalFailure")
	remote := fault.Remote(w.server.URL)
	if _, err := remote.Set(t.Context(), fault.Fault{Kind: "explode"}); err == nil || !strings.Contains(err.Error(), "explode") {
		t.Errorf("a wrong fault from afar: %v", err)
	}
	if list, err := remote.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the list from afar = %+v, %v", list, err)
	}
	if _, list := send(http.MethodGet, "", ""); len(list) != 1 || list[0].Met != 1 {
		t.Errorf("faults = %+v", list)
	}
	if _, list := send(http.MethodDelete, "", ""); len(list) != 0 {
		t.Errorf("after clearing: %+v", list)
	}
	if got, _ := send(http.MethodPut, json, ""); got != http.StatusMethodNotAllowed {
		t.Errorf("PUT: status %d", got)
	}
}
