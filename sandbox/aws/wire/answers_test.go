package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
)

// skipped are the operations whose answers are not checked, with the reason.
var skipped = map[string]string{
	"SimulatePrincipalPolicy": "its input is a union", "SimulateCustomPolicy": "its input is a union",
}

// TestAnswersReachOfficialClients fills the output of each operation of a service
// with values, encodes it, and checks that the official client reads it back.
func TestAnswersReachOfficialClients(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		service Service
		connect func(aws.Config) any
		only    []string // all when empty
	}{
		{Service{Name: "cloudformation", Protocol: Query}, func(c aws.Config) any { return cloudformation.NewFromConfig(c) }, nil},
		{Service{Name: "rds", Protocol: Query}, func(c aws.Config) any { return rds.NewFromConfig(c) }, nil},
		{Service{Name: "iam", Protocol: Query}, func(c aws.Config) any { return iam.NewFromConfig(c) }, nil},
		{Service{Name: "sts", Protocol: Query}, func(c aws.Config) any { return sts.NewFromConfig(c) }, nil},
		{Service{Name: "elasticloadbalancing", Protocol: Query}, func(c aws.Config) any { return elasticloadbalancingv2.NewFromConfig(c) }, nil},
		{Service{Name: "route53", Protocol: RestXML}, func(c aws.Config) any { return route53.NewFromConfig(c) }, nil},
		{Service{Name: "ec2", Protocol: EC2Query}, func(c aws.Config) any { return ec2.NewFromConfig(c) }, nil},
		{Service{Name: "logs", Protocol: JSON11}, func(c aws.Config) any { return cloudwatchlogs.NewFromConfig(c) }, []string{
			"DescribeLogGroups", "DescribeLogStreams", "PutLogEvents", "GetLogEvents", "FilterLogEvents", "ListTagsForResource",
			"CreateLogGroup", "CreateLogStream", "DeleteLogGroup",
		}},
		{Service{Name: "tagging", Protocol: JSON11}, func(c aws.Config) any { return resourcegroupstaggingapi.NewFromConfig(c) }, nil},
		{Service{Name: "ecr", Protocol: JSON11}, func(c aws.Config) any { return ecr.NewFromConfig(c) }, nil},
		{Service{Name: "secretsmanager", Protocol: JSON11}, func(c aws.Config) any { return secretsmanager.NewFromConfig(c) }, nil},
		{Service{Name: "acm", Protocol: JSON11}, func(c aws.Config) any { return acm.NewFromConfig(c) }, []string{
			"RequestCertificate", "DescribeCertificate", "ListCertificates", "GetCertificate", "ImportCertificate", "DeleteCertificate",
			"AddTagsToCertificate", "RemoveTagsFromCertificate", "ListTagsForCertificate",
		}},
		{Service{Name: "ssm", Protocol: JSON11}, func(c aws.Config) any { return ssm.NewFromConfig(c) }, []string{
			"PutParameter", "GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory", "DescribeParameters",
			"DeleteParameter", "DeleteParameters", "ListTagsForResource",
		}},
	} {
		t.Run(test.service.Name, func(t *testing.T) {
			t.Parallel()
			var answer reflect.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				read := test.service.readQuery
				if test.service.Protocol == RestXML {
					read = test.service.readREST
				}
				name, _, err := read(r)
				if test.service.Protocol == JSON11 {
					_, name, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
				body, err := test.service.encode(name, "id", answer.Interface())
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				test.service.write(w, "id", test.service.writeHeaders(w.Header(), answer.Interface()), body)
			}))
			defer server.Close()
			client := reflect.ValueOf(test.connect(aws.Config{
				Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
				Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			}))
			checked := 0
			for i := range client.NumMethod() {
				name, method := client.Type().Method(i).Name, client.Method(i)
				if method.Type().NumIn() != 3 || method.Type().NumOut() != 2 || skipped[name] != "" || len(test.only) > 0 && !contains(test.only, name) {
					continue
				}
				checked++
				input := reflect.New(method.Type().In(1).Elem())
				fill(input.Elem(), 14)
				answer = reflect.New(method.Type().Out(0).Elem())
				fill(answer.Elem(), 8)
				results := method.Call([]reflect.Value{reflect.ValueOf(context.Context(t.Context())), input})
				if err := results[1]; !err.IsNil() {
					t.Errorf("%s: %v", name, err.Interface())
					continue
				}
				got := results[0]
				got.Elem().FieldByName("ResultMetadata").SetZero()
				if !reflect.DeepEqual(answer.Interface(), got.Interface()) {
					diff := cmp.Diff(answer.Interface(), got.Interface(), cmp.Exporter(func(reflect.Type) bool { return true }))
					t.Errorf("%s (-want +got):\n%.600s", name, diff)
				}
			}
			if checked < 9 {
				t.Errorf("%d operations were checked", checked)
			}
		})
	}
}

func contains(list []string, text string) bool {
	for _, one := range list {
		if one == text {
			return true
		}
	}
	return false
}

// fill sets everything in a value that can be set, so deep.
func fill(v reflect.Value, depth int) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
				fill(v.Field(i), depth-1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes"))
		} else if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), depth-1)
			fill(v.Index(1), depth-1)
		}
	case reflect.Map:
		if depth > 0 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, depth)
			fill(value, depth-1)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString("a <&> b")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	}
}
