package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/account"
	"github.com/drawbridge-gitops/drawbridge/internal/cdk"
)

// amazon is an account that remembers what was published.
type amazon struct {
	mu         sync.Mutex
	parameters map[string]string
	published  map[string]bool
	noBucket   bool
	noBuilder  error
	sessions   []string
}

func (a *amazon) ID(context.Context) (string, error) { return "123456789012", nil }
func (a *amazon) Parameter(_ context.Context, name string) (string, error) {
	if v, ok := a.parameters[name]; ok {
		return v, nil
	}
	return "", fmt.Errorf("parameter %s: %w", name, account.ErrNoParameter)
}
func (a *amazon) SecretString(context.Context, string, string, string) (string, error) {
	return "", errors.New("no secrets here")
}
func (a *amazon) Session(_ context.Context, role string) ([]string, error) {
	a.sessions = append(a.sessions, role)
	return []string{"AWS_ACCESS_KEY_ID=x"}, nil
}
func (a *amazon) Publish(_ context.Context, o account.Object) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noBucket {
		return false, fmt.Errorf("bucket %s: %w", o.Bucket, account.ErrNoBucket)
	}
	had := a.published[o.Bucket+"/"+o.Key]
	a.published[o.Bucket+"/"+o.Key] = true
	return !had, nil
}
func (a *amazon) CanBuildImages(context.Context) error { return a.noBuilder }
func (a *amazon) PublishImage(_ context.Context, i account.Image, log io.Writer) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintln(log, "Step 1/1: FROM scratch")
	a.published[i.Repository+":"+i.Tag] = true
	return true, nil
}
func (a *amazon) BucketURL(bucket string) string { return "https://" + bucket + ".example.test" }

// apps gives the stacks that the app's file names, as ID or ID<DEPENDENCY.
type fakeApps struct {
	mu       sync.Mutex
	requests []cdk.Request
	edit     func(*cdk.Stack)
	fail     error
}

func (f *fakeApps) Synthesize(ctx context.Context, r cdk.Request) (*cdk.Assembly, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	if f.fail != nil {
		fmt.Fprintln(r.Log, "Traceback: app.py, line 7\nDB_PASSWORD=hunter2")
		return nil, f.fail
	}
	data, _, err := r.Tree.ReadFile(ctx, r.Read, r.Path+"/stacks")
	if err != nil {
		return nil, err
	}
	a := &cdk.Assembly{}
	for _, word := range strings.Fields(string(data)) {
		id, dependency, ok := strings.Cut(word, "<")
		s := cdk.Stack{
			ID: id, Name: "prod-" + id, Place: r.Place, TemplateFile: id + ".template.json",
			Template:    `{"Parameters": {"Size": {"Type": "Number", "Default": 1}}, "Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}, "Outputs": {"Name": {"Value": "x"}, "Only` + id + `": {"Value": "x"}}}`,
			TemplateURL: "s3://assets/" + id + ".json", ExecutionRole: "arn:aws:iam::123456789012:role/exec",
			Bootstrap: 6, BootstrapParameter: "/cdk-bootstrap/hnb659fds/version",
			Assets: []cdk.Asset{{ID: "common", Name: "code", Destinations: []cdk.Destination{{Bucket: "assets", Key: "common.zip"}}}},
		}
		if ok {
			s.DependsOn = []string{dependency}
		}
		if f.edit != nil {
			f.edit(&s)
		}
		a.Stacks = append(a.Stacks, s)
	}
	return a, nil
}

// cdkWorld is a world that is bootstrapped.
func cdkWorld(t *testing.T) (*world, *fakeApps, *amazon) {
	w := newWorld(t)
	apps := &fakeApps{}
	aws := &amazon{parameters: map[string]string{"/cdk-bootstrap/hnb659fds/version": "21"}, published: map[string]bool{}}
	w.apps, w.account = apps, aws
	return w, apps, aws
}

const twoStacks = `
-- infra/cdk.json --
{"app": "true"}
-- infra/stacks --
network database<network
`

func TestAnAppsStacksAreDeployedInItsOrder(t *testing.T) {
	t.Parallel()
	w, apps, aws := cdkWorld(t)
	w.succeeded(w.commit(twoStacks))
	if diff := cmp.Diff("deploy infra, deploy infra", w.did()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"prod-network", "prod-database"}, w.stacks.names); diff != "" {
		t.Errorf("in the app's order: %s", diff)
	}
	r := w.stacks.requests["infra"]
	if r.RoleARN != "arn:aws:iam::123456789012:role/exec" || r.TemplateURL != "https://assets.example.test/database.json" || len(r.Capabilities) != 3 {
		t.Errorf("%+v", r)
	}
	if !aws.published["assets/common.zip"] {
		t.Error("the asset was not published")
	}
	if got := apps.requests[0].Context["drawbridge:environment"]; got != "production" {
		t.Errorf("the app is told the Environment %q", got)
	}
	if diff := cmp.Diff([]string{"AWS::CloudFormation::Stack/prod-network", "AWS::CloudFormation::Stack/prod-database"}, w.state.Component("infra").Spec.Owns); diff != "" {
		t.Error(diff)
	}
	// The same again costs nothing.
	w.succeeded(w.commit(twoStacks))
	if w.did() != "" || len(apps.requests) != 1 {
		t.Errorf("an unchanged app: %s, synthesized %d times", w.did(), len(apps.requests))
	}
}

func TestAnAppsOutputsAreInputs(t *testing.T) {
	t.Parallel()
	w, _, _ := cdkWorld(t)
	w.stacks.outputs["infra"] = map[string]string{"Name": "n", "Onlynetwork": "x"}
	manifest := `
-- app/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {value: "${VALUE}"}
-- drawbridge.yaml --
apiVersion: drawbridge.dev/v1alpha1
components:
  - path: app
    inputs: {VALUE: {from: infra.%s}}
`
	w.failed(w.commit(twoStacks+fmt.Sprintf(manifest, "Name")), "drawbridge.yaml:4", "no output \"Name\"", "network.Name", "Onlynetwork")
	w.succeeded(w.commit(twoStacks + fmt.Sprintf(manifest, "network.Name")))
	if diff := cmp.Diff("deploy infra, deploy infra, apply app, ready app", w.did()); diff != "" {
		t.Error(diff)
	}
}

func TestStacksThatLeftTheAppAreDeletedLast(t *testing.T) {
	t.Parallel()
	w, _, _ := cdkWorld(t)
	w.succeeded(w.commit(twoStacks))
	w.succeeded(w.commit(strings.Replace(twoStacks, "network database<network", "database", 1)))
	if diff := cmp.Diff("deploy infra, delete stack prod-network of infra", w.did()); diff != "" {
		t.Error(diff)
	}
	w.succeeded(w.commit(twoStacks))
	w.env.Spec.Gate.Destructive = "Allow"
	w.succeeded(w.commit("-- README --\n"))
	if diff := cmp.Diff("delete stack prod-database of infra, delete stack prod-network of infra", w.did()); diff != "" {
		t.Errorf("the whole app: %s", diff)
	}
}

func TestAppsThatCantBeDeployedHereApplyNothing(t *testing.T) {
	t.Parallel()
	beside := "-- app/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
	for name, test := range map[string]struct {
		change func(*fakeApps, *amazon)
		files  string
		want   []string
	}{
		"another region":  {func(f *fakeApps, _ *amazon) { f.edit = func(s *cdk.Stack) { s.Place.Region = "us-east-1" } }, "", []string{"infra/cdk.json", "us-east-1", "CDK_DEFAULT_REGION"}},
		"another account": {func(f *fakeApps, _ *amazon) { f.edit = func(s *cdk.Stack) { s.Place.Account = "1" } }, "", []string{"account 1"}},
		"an image and no builder": {func(f *fakeApps, a *amazon) {
			f.edit = func(s *cdk.Stack) { s.Images = []cdk.Image{{Name: "web"}} }
			a.noBuilder = account.ErrNoBuilder
		}, "", []string{"image web", "no container builder"}},
		"not bootstrapped": {func(_ *fakeApps, a *amazon) { a.parameters = nil }, "", []string{"cdk bootstrap aws://123456789012/eu-west-1"}},
		"an old bootstrap": {func(_ *fakeApps, a *amazon) { a.parameters["/cdk-bootstrap/hnb659fds/version"] = "5" }, "", []string{`version "5"`, "needs 6"}},
		"does not run":     {func(f *fakeApps, _ *amazon) { f.fail = errors.New("exit status 1") }, "", []string{"infra/cdk.json: component infra: exit status 1"}},
		"a wrong template": {func(f *fakeApps, _ *amazon) {
			f.edit = func(s *cdk.Stack) {
				s.Template = `{"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "B"}}}}}`
			}
		}, "", []string{"infra/cdk.out/network.template.json", "B"}},
		"an unknown parameter": {nil, "-- drawbridge.yaml --\napiVersion: drawbridge.dev/v1alpha1\ncomponents:\n  - path: infra\n    parameters: {Colour: red}\n", []string{"drawbridge.yaml:4", "Colour"}},
		"a wrong parameter":    {nil, "-- drawbridge.yaml --\napiVersion: drawbridge.dev/v1alpha1\ncomponents:\n  - path: infra\n    parameters: {Size: large}\n", []string{"drawbridge.yaml:4", "Size"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, apps, aws := cdkWorld(t)
			if test.change != nil {
				test.change(apps, aws)
			}
			w.failed(w.commit(twoStacks+beside+test.files), append(test.want, "nothing was applied")...)
			if w.did() != "" {
				t.Errorf("it did %s", w.did())
			}
		})
	}
}

func TestImagesAreBuiltBeforeTheStack(t *testing.T) {
	t.Parallel()
	w, apps, aws := cdkWorld(t)
	apps.edit = func(s *cdk.Stack) {
		if s.ID == "network" {
			s.Images = []cdk.Image{{Name: "web", Folder: "web", Repositories: []cdk.Repository{{Name: "assets", Tag: "abc"}}}}
		}
	}
	w.succeeded(w.commit(twoStacks))
	if !aws.published["assets:abc"] {
		t.Error("the image was not pushed")
	}
	if diff := cmp.Diff([]string{"infra: Step 1/1: FROM scratch", "infra: pushed the image web as assets:abc"}, slices.DeleteFunc(w.lines, func(l string) bool { return strings.Contains(l, "published") })); diff != "" {
		t.Error(diff)
	}
}

func TestAStackInARegionThatIsAllowed(t *testing.T) {
	t.Parallel()
	w, apps, _ := cdkWorld(t)
	apps.edit = func(s *cdk.Stack) {
		if s.ID == "network" {
			s.Place.Region = "us-east-1"
		}
	}
	w.env.Spec.AWS.Regions = []string{"us-east-1"}
	w.succeeded(w.commit(twoStacks))
	if diff := cmp.Diff("us-east-1 prod-network, deploy infra, deploy infra", w.did()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"AWS::CloudFormation::Stack/prod-network@us-east-1", "AWS::CloudFormation::Stack/prod-database"}, w.state.Component("infra").Spec.Owns); diff != "" {
		t.Error(diff)
	}
	// It is taken down where it is, also once the region is not allowed any more.
	w.env.Spec.AWS.Regions = nil
	w.env.Spec.Gate.Destructive = "Allow"
	w.succeeded(w.commit("-- README --\n"))
	if diff := cmp.Diff("delete stack prod-database of infra, us-east-1 prod-network, delete stack prod-network of infra", w.did()); diff != "" {
		t.Error(diff)
	}
}

func TestAMissingBucketNamesTheCommand(t *testing.T) {
	t.Parallel()
	w, _, aws := cdkWorld(t)
	aws.noBucket = true
	w.failed(w.commit(twoStacks), "bucket assets", "cdk bootstrap aws://123456789012/")
	if w.did() != "" {
		t.Errorf("it did %s", w.did())
	}
}

func TestWhatAnAppPrintsIsLogged(t *testing.T) {
	t.Parallel()
	w, apps, _ := cdkWorld(t)
	apps.fail = errors.New("exit status 1")
	w.failed(w.commit(twoStacks), "exit status 1")
	if diff := cmp.Diff([]string{"infra: Traceback: app.py, line 7", "infra: DB_PASSWORD=***"}, w.lines); diff != "" {
		t.Error(diff)
	}
}
