package aws_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/google/go-cmp/cmp"

	sandbox "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
)

// TestSiteByAStack takes a site with its name, certificate and load balancer
// through its life: made, changed after a restart, and deleted.
func TestSiteByAStack(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := start(t, sandbox.Options{Dir: dir})
	stack := change(t, w, &cloudformation.CreateChangeSetInput{
		ChangeSetName: aws.String("first"), ChangeSetType: cfn.ChangeSetTypeCreate, TemplateBody: aws.String(string(body)),
	})
	out := map[string]string{}
	for _, o := range stack.Outputs {
		out[*o.OutputKey] = *o.OutputValue
	}
	if !strings.HasPrefix(out["FullName"], "targetgroup/blog-Ghost-") || strings.Count(out["Servers"], ",") != 3 {
		t.Errorf("outputs = %v", out)
	}
	if diff := cmp.Diff([]string{"1 /ghost/*", "default"}, w.rulesOf(t, out["Secure"])); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	certificates, err := w.elb().DescribeListenerCertificates(t.Context(), &elb.DescribeListenerCertificatesInput{ListenerArn: aws.String(out["Secure"])})
	if err != nil || len(certificates.Certificates) != 2 || !*certificates.Certificates[0].IsDefault {
		t.Errorf("certificates = %v, %v", certificates, err)
	}
	if diff := cmp.Diff(map[string]string{"10.0.0.7": "initial Elb.InitialHealthChecking"}, w.healthOf(t, out["Group"])); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	tags, err := w.elb().DescribeTags(t.Context(), &elb.DescribeTagsInput{ResourceArns: []string{out["Balancer"]}})
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, tag := range tags.TagDescriptions[0].Tags {
		keys = append(keys, *tag.Key)
	}
	if diff := cmp.Diff([]string{"aws:cloudformation:logical-id", "aws:cloudformation:stack-id", "aws:cloudformation:stack-name", "team"}, keys); diff != "" {
		t.Errorf("tags of the load balancer (-want +got):\n%s", diff)
	}
	if got := dig(t, w.nameserver(t), "ghost.example.test. A"); got != "NOERROR; aa; ghost.example.test. A 127.0.0.1" {
		t.Errorf("dig = %s", got)
	}
	if diff := cmp.Diff(map[string]string{}, w.drift(t)); diff != "" {
		t.Errorf("drift of what was just made (-want +got):\n%s", diff)
	}
	group := &elb.ModifyTargetGroupInput{TargetGroupArn: aws.String(out["Group"]), HealthCheckPath: aws.String("/other")}
	if _, err := w.elb().ModifyTargetGroup(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Ghost": "/HealthCheckPath /ghost /other"}, w.drift(t)); diff != "" {
		t.Errorf("drift after a change by hand (-want +got):\n%s", diff)
	}

	w.stop() // the sandbox is stopped and started
	w = start(t, sandbox.Options{Dir: dir})
	changed := strings.NewReplacer("Id: 10.0.0.7", "Id: 10.0.0.8", "HealthCheckPath: /ghost", "HealthCheckPath: /", "/ghost/*", "/admin/*",
		"Value: \"30\"", "Value: \"45\"", "10 mail", "20 mail", "Protocol: HTTPS, Port: \"443\"", "Protocol: HTTPS, Port: \"8443\"").Replace(string(body))
	change(t, w, &cloudformation.CreateChangeSetInput{
		ChangeSetName: aws.String("second"), TemplateBody: aws.String(changed),
		Parameters: []cfn.Parameter{{ParameterKey: aws.String("Weight"), ParameterValue: aws.String("5")}},
	})
	if diff := cmp.Diff([]string{"5 /admin/*", "default"}, w.rulesOf(t, out["Secure"])); diff != "" {
		t.Errorf("changed rules (-want +got):\n%s", diff)
	}
	want := map[string]string{"10.0.0.7": "draining Target.DeregistrationInProgress", "10.0.0.8": "initial Elb.InitialHealthChecking"}
	if diff := cmp.Diff(want, w.healthOf(t, out["Group"])); diff != "" {
		t.Errorf("changed health (-want +got):\n%s", diff)
	}
	if got := dig(t, w.nameserver(t), "example.test. MX"); got != "NOERROR; aa; example.test. MX 20 mail.example.test." {
		t.Errorf("dig = %s", got)
	}

	// The records of validation are nobody's, as in AWS: the zone can't go.
	client := cloudformation.NewFromConfig(w.Config)
	deleted := func() error {
		t.Helper()
		if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("blog")}); err != nil {
			t.Fatal(err)
		}
		gone := cloudformation.NewStackDeleteCompleteWaiter(client, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
		})
		return gone.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: stack.StackId}, time.Minute)
	}
	if err := deleted(); err == nil {
		t.Error("a zone with records was deleted")
	}
	left := w.recordsOf(t, out["Zone"], 300)
	if len(left) != 4 {
		t.Errorf("records left = %v", left)
	}
	w.empty(t, out["Zone"])
	if err := deleted(); err != nil {
		t.Error(err)
	}
}

// drift is what differs of the site's resources from its template.
func (w *world) drift(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, id := range []string{"Balancer", "Ghost", "Web", "Secure", "Admin", "Zone", "Certificate"} {
		out, err := cloudformation.NewFromConfig(w.Config).DetectStackResourceDrift(t.Context(), &cloudformation.DetectStackResourceDriftInput{
			StackName: aws.String("blog"), LogicalResourceId: aws.String(id),
		})
		if err != nil {
			t.Fatal(id, err)
		}
		if out.StackResourceDrift.StackResourceDriftStatus == cfn.StackResourceDriftStatusNotChecked {
			t.Errorf("%s can't be read", id)
		}
		for _, d := range out.StackResourceDrift.PropertyDifferences {
			found[id] += strings.Join([]string{*d.PropertyPath, *d.ExpectedValue, *d.ActualValue}, " ")
		}
	}
	return found
}
