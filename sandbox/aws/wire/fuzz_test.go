package wire

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// FuzzQuery checks that no form body makes the decoder panic.
func FuzzQuery(f *testing.F) {
	f.Add("Action=CreateChangeSet&Parameters.member.1.ParameterKey=a&Parameters.member.2.UsePreviousValue=true")
	f.Add("Action=RunInstances&Filter.1.Value.1=x&MaxResults=9999999999&TagSpecification.1.Tag.1.Key=a")
	f.Add("Action=X&Parameters=&Parameters.member=&Parameters.member.member.1=")
	f.Add("Action=X&Tags.entry.1.key=a&RollbackConfiguration.MonitoringTimeInMinutes=-1")
	query := &Service{Name: "cloudformation", Protocol: Query}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		_, decode, err := query.readQuery(r)
		if err != nil {
			return
		}
		for _, into := range []any{new(cloudformation.CreateChangeSetInput), new(ec2.RunInstancesInput)} {
			if err := decode(into); err != nil {
				if _, expected := As(err); !expected {
					t.Errorf("decode %q: %v is no answer for a client", body, err)
				}
			}
		}
	})
}

// FuzzJSON checks that no JSON body makes the decoder panic.
func FuzzJSON(f *testing.F) {
	f.Add(`{"SecretId":"a","VersionStages":["x"],"SecretBinary":"AAEC"}`)
	f.Add(`{"Filters":[{"Key":"name","Values":[1,null,{}]}],"MaxResults":1e99}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, into := range []any{new(secretsmanager.PutSecretValueInput), new(secretsmanager.ListSecretsInput)} {
			if err := decodeJSON([]byte(body), into); err != nil {
				if _, expected := As(err); !expected {
					t.Errorf("decode %q: %v is no answer for a client", body, err)
				}
			}
		}
	})
}

// FuzzREST checks that no path and no document makes the decoder panic.
func FuzzREST(f *testing.F) {
	f.Add("/2013-04-01/hostedzone/Z1/rrset/", "<R><ChangeBatch><Changes><Change><Action>CREATE</Action></Change></Changes></ChangeBatch></R>")
	f.Add("/2013-04-01/hostedzone/%2f%zz/rrset?maxitems=a", "<R><ChangeBatch/></S>")
	rest := &Service{Name: "route53", Protocol: RestXML}
	f.Fuzz(func(t *testing.T, path, body string) {
		target, err := url.Parse(path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL = target
		_, root, err := readRoute(r, namesOf(rest.Name, rest.Protocol).routes)
		if err == nil && root != nil {
			err = decodeForm(root, namesOf(rest.Name, rest.Protocol), new(route53.ChangeResourceRecordSetsInput))
		}
		if err != nil {
			if _, expected := As(err); !expected {
				t.Errorf("decode %q: %v is no answer for a client", body, err)
			}
		}
	})
}

// FuzzRESTJSON checks that no path, query and document makes the decoder panic.
func FuzzRESTJSON(f *testing.F) {
	f.Add("/clusters/one/node-groups?maxResults=5&nextToken=x", `{}`)
	f.Add("/clusters/%2f/node-groups?maxResults=many&maxResults=1", `{"clusterName": 1}`)
	f.Add("/clusters", `{"name": "a", "tags": {"b": []}, "resourcesVpcConfig": {"subnetIds": [null]}}`)
	rest := newEKS()
	f.Fuzz(func(t *testing.T, path, body string) {
		target, err := url.Parse(path)
		if err != nil {
			return
		}
		for method, into := range map[string]any{http.MethodGet: new(eks.ListNodegroupsInput), http.MethodPost: new(eks.CreateClusterInput)} {
			r := httptest.NewRequest(method, "/", strings.NewReader(body))
			r.URL = target
			_, decode, err := rest.readRESTJSON(r)
			if err == nil && decode != nil {
				err = decode(into)
			}
			if err != nil {
				if _, expected := As(err); !expected {
					t.Errorf("decode %q: %v is no answer for a client", body, err)
				}
			}
		}
	})
}
