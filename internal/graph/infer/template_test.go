package infer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/graph"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

func TestTemplate(t *testing.T) {
	t.Parallel()
	exports := "-- net.yaml --\nResources: {T: {Type: AWS::SNS::Topic}}\nOutputs:\n  Id: {Value: x, Export: {Name: !Sub '${AWS::StackName}-Id'}}\n"
	imports := func(value string) string {
		return "-- app.yaml --\nParameters: {Net: {Type: String, Default: production-net}, Open: {Type: String}, Hidden: {Type: String, Default: production-net, NoEcho: true}}\n" +
			"Conditions: {Never: !Equals [a, b]}\nResources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties: {TopicName: " + value + "}\n"
	}
	want := "app needs net: T imports the export production-net-Id, app.yaml:6"
	resolving := func(reference string) string {
		return "-- app.yaml --\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {TopicName: " + reference + "}}\n"
	}
	stored := "-- net.yaml --\nResources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/a, Type: String, Value: x}}}\n"
	secret := "-- net.yaml --\nResources: {P: {Type: AWS::SecretsManager::Secret, Properties: {Name: shop/a}}}\n"

	for name, r := range map[string]rule{
		"an export": {imports("!ImportValue production-net-Id") + exports, want, []edit{
			{"!ImportValue production-net-Id", "!ImportValue production-net-ID"}, {"${AWS::StackName}-Id", "${AWS::AccountId}-Id"}, {", Export: {Name: !Sub '${AWS::StackName}-Id'}", ""},
			{"    Type: AWS::SNS::Topic\n    P", "    Condition: Never\n    Type: AWS::SNS::Topic\n    P"},
		}},
		"an export by a parameter": {imports("{Fn::ImportValue: !Sub '${Net}-Id'}") + exports, want, []edit{
			{"'${Net}-Id'", "'${Open}-Id'"}, {"'${Net}-Id'", "'${Hidden}-Id'"}, {"Default: production-net}", "Default: staging-net}"},
		}},
		"an export in an output": {"-- app.yaml --\nResources: {T: {Type: AWS::SNS::Topic}}\nOutputs:\n  Net: {Value: !ImportValue production-net-Id}\n" + exports,
			"app needs net: output Net imports the export production-net-Id, app.yaml:3", []edit{{"!ImportValue production-net-Id", "production-net-Id"}}},
		"a parameter": {resolving("'{{resolve:ssm:/shop/a:1}}'") + stored, "app needs net: T resolves the parameter /shop/a, app.yaml:2", []edit{
			{"resolve:ssm:/shop/a", "resolve:ssm:/shop/ab"}, {"resolve:ssm:/shop/a", "resolve:secretsmanager:/shop/a:SecretString:"}, {"Name: /shop/a, ", ""},
		}},
		"a secret": {resolving("!Sub 'x-{{resolve:secretsmanager:shop/a:SecretString:k}}-${AWS::Region}'") + secret, "app needs net: T resolves the secret shop/a, app.yaml:2", []edit{
			{"secretsmanager:shop/a", "secretsmanager:shop/${AWS::AccountId}"}, {"Name: shop/a", "Name: shop/b"},
		}},
		"a stored parameter of the template": {"-- app.yaml --\nParameters:\n  P: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/a}\nResources: {T: {Type: AWS::SNS::Topic}}\n" + stored,
			"app needs net: parameter P is read from the parameter /shop/a, app.yaml:2", []edit{{"'AWS::SSM::Parameter::Value<String>'", "String"}, {", Default: /shop/a", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// Stacks of one app may be in several regions, where names are others'.
func TestRegions(t *testing.T) {
	t.Parallel()
	parse := func(body string) *template.Template {
		parsed, err := template.Parse([]byte(body), "t.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	exports := parse("Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {Id: {Value: x, Export: {Name: id}}}\n")
	imports := parse("Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: !ImportValue id}}}\n")
	edges := func(region string) int {
		return len(Edges(map[string]Facts{
			"a": Template(exports, template.Environment{Region: "eu-west-1"}), "b": Template(imports, template.Environment{Region: region}),
		}))
	}
	if here, there := edges("eu-west-1"), edges("us-east-1"); here != 1 || there != 0 {
		t.Errorf("%d edges in the region, %d from another; want 1 and 0", here, there)
	}
}

func TestManyReasonsAreCounted(t *testing.T) {
	t.Parallel()
	a := Thing{"Secret", "shop", "a"}
	var needs []Need
	for _, why := range []string{"1", "2", "3", "4", "5", "6", "7", "7"} {
		needs = append(needs, Need{Thing: a, Why: why})
	}
	got := Edges(map[string]Facts{"x": {Provides: []Provided{{Thing: a}}}, "y": {Needs: needs}, "z": {Needs: needs[:1], Provides: []Provided{{Thing: a}}}})
	reasons := func(texts ...string) (all []graph.Reason) {
		for _, text := range texts {
			all = append(all, graph.Reason{Text: text, Inferred: true})
		}
		return all
	}
	many := []string{"1", "2", "3", "4", "5", "6, and 2 more"}
	want := []graph.Edge{{From: "y", To: "x", Reasons: reasons(many...)}, {From: "y", To: "z", Reasons: reasons(many...)}, {From: "z", To: "x", Reasons: reasons("1")}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
