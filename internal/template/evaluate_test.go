package template_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(text)); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func parseFile(t *testing.T, name string) *template.Template {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(body), name)
}

func parse(t *testing.T, body, name string) *template.Template {
	t.Helper()
	tmpl, err := template.Parse([]byte(body), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := tmpl.Validate(); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// fixed is an environment in which all resources exist.
func fixed(parameters map[string]string) template.Environment {
	return template.Environment{
		Parameters: parameters, Region: "eu-west-1", AccountID: "123456789012", StackName: "shop",
		StackID: "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1",
		AvailabilityZones: func(region string) ([]string, error) {
			return []string{region + "a", region + "b"}, nil
		},
		Resource: func(id, attribute string) (any, bool, error) {
			switch {
			case attribute == "":
				return "ref-of-" + id, true, nil
			case attribute == "CidrBlock":
				return "10.0.0.0/16", true, nil
			}
			return id + "/" + attribute, true, nil
		},
		Import: func(name string) (string, error) {
			if name != "known" {
				return "", fmt.Errorf("No export named %s found.", name)
			}
			return "imported", nil
		},
		SSM: func(name string) (string, error) { return "x,y", nil },
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, golden string
		parameters   map[string]string
		unknown      bool
	}{
		{file: "database.yaml", golden: "database.json", parameters: map[string]string{"MultiAZ": "true"}},
		{file: "database.yaml", golden: "database-unknown.json", unknown: true},
		{file: "service.json", golden: "service-production.json", parameters: map[string]string{"Stage": "production"}},
		{file: "service.json", golden: "service-test.json", parameters: map[string]string{"Stage": "test", "Names": "c,d"}},
		{file: "synthesized.json", golden: "synthesized.json"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			env := fixed(c.parameters)
			if c.unknown {
				env.Resource, env.AvailabilityZones = nil, nil
			}
			b, err := parseFile(t, c.file).Bind(env)
			if err != nil {
				t.Fatal(err)
			}
			state, err := b.State()
			if err != nil {
				t.Fatal(err)
			}
			outputs, err := b.Outputs()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "golden/"+c.golden, map[string]any{"state": state, "outputs": outputs, "order": b.Order()})
		})
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]any{
		`!Ref Text`:                              "text",
		`!Ref List`:                              []any{"a", "b", "c"},
		`!Ref Stored`:                            []any{"x", "y"},
		`!Ref AWS::Partition`:                    "aws",
		`!Sub "${Text}-${!Text}-${AWS::Region}"`: "text-${Text}-eu-west-1",
		`!Sub ["${A}${Other.Arn}", {A: !Ref Text}]`:    "textOther/Arn",
		`!GetAtt [Other, !Ref Attribute]`:              "Other/Arn",
		`!Join ["-", [a, !Ref AWS::NoValue, 8.0]]`:     "a-8.0",
		`!Select [1, !Split [":", "a:b:c"]]`:           "b",
		`!If [Yes, 1, 2]`:                              int64(1),
		`!If [No, 1, !Ref AWS::NoValue]`:               nil,
		`!FindInMap [M, top, list]`:                    []any{int64(1), "2"},
		`!FindInMap [M, top, none, {DefaultValue: d}]`: "d",
		`!Base64 hi`:                        "aGk=",
		`!Cidr ["10.0.0.0/22", 3, 8]`:       []any{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"},
		`!Cidr ["2001:db8::/56", 2, 64]`:    []any{"2001:db8::/64", "2001:db8:0:1::/64"},
		`!GetAZs us-east-1`:                 []any{"us-east-1a", "us-east-1b"},
		`!ImportValue known`:                "imported",
		`!Length [1, 2, 3]`:                 int64(3),
		`!ToJsonString {a: [1, true, "x"]}`: `{"a":[1,true,"x"]}`,
		`{Fn::Join: ["", [a, b]]}`:          "ab",
		`2012-10-17`:                        "2012-10-17",
		`012345678901`:                      "012345678901",
		`1.50`:                              1.5,
		`{Condition: {StringEquals: x}}`:    map[string]any{"Condition": map[string]any{"StringEquals": "x"}},
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			b, err := parse(t, functionTemplate(expression), "f.yaml").Bind(fixed(nil))
			if err != nil {
				t.Fatal(err)
			}
			d, err := b.Resource("It")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, d.Properties["V"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", expression, diff)
			}
		})
	}
}

// functionTemplate has the expression as the value of an untyped property.
func functionTemplate(expression string) string {
	return `
Transform: AWS::LanguageExtensions
Parameters:
  Text: {Type: String, Default: text}
  Attribute: {Type: String, Default: Arn}
  List: {Type: CommaDelimitedList, Default: "a, b,c"}
  Stored: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /names}
Mappings:
  M: {top: {list: [1, "2"], text: x}}
Conditions:
  Yes: !And [!Equals [1, "1"], !Not [!Condition No], !Or [{Condition: No}, !Equals [a, a]]]
  No: !Equals [a, b]
Resources:
  Other: {Type: "AWS::S3::Bucket"}
  It:
    Type: Custom::It
    Properties:
      ServiceToken: t
      V: ` + expression + "\n"
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`!Select [3, [a]]`:            "f.yaml:19: Template error: Fn::Select cannot select nonexistent value at index 3",
		`!ImportValue other`:          "f.yaml:19: No export named other found.",
		`!FindInMap [M, top, none]`:   "f.yaml:19: Template error: Unable to get mapping for M::top::none",
		`!Cidr ["10.0.0.0/24", 3, 8]`: "f.yaml:19: Template error: Fn::Cidr: 10.0.0.0/24 has room for 1 blocks with 8 host bits, not for 3",
		`!Cidr ["nonsense", 3, 8]`:    `f.yaml:19: Template error: Fn::Cidr: "nonsense" is not an IP block`,
		`!Sub "${List}"`:              "f.yaml:19: Template error: Fn::Sub: ${List} is not a string",
		`!Join [",", !Ref Text]`:      "f.yaml:19: Template error: Fn::Join expects a list of strings to join",
	} {
		b, err := parse(t, functionTemplate(expression), "f.yaml").Bind(fixed(nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Resource("It"); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", expression, err, want)
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	body := `
Parameters:
  P: {%s}
Resources:
  B: {Type: "AWS::S3::Bucket"}
`
	for _, c := range []struct{ definition, value, want string }{
		{`Type: String, AllowedValues: [a, b]`, "c", "p.yaml:3: Parameter 'P' must be one of AllowedValues: [a, b]"},
		{`Type: String, AllowedPattern: "[a-z]+"`, "ab1", "p.yaml:3: Parameter 'P' must match pattern [a-z]+"},
		{`Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: small letters only.`, "A", "p.yaml:3: Parameter P failed to satisfy constraint: small letters only."},
		{`Type: String, MinLength: 3`, "ab", "p.yaml:3: Parameter 'P' must contain at least 3 characters"},
		{`Type: String, MaxLength: 3`, "äöüß", "p.yaml:3: Parameter 'P' must contain at most 3 characters"},
		{`Type: Number, MinValue: 3`, "2.5", "p.yaml:3: Parameter 'P' must be a number not less than 3"},
		{`Type: Number, MaxValue: 3`, "4", "p.yaml:3: Parameter 'P' must be a number not greater than 3"},
		{`Type: Number`, "many", "p.yaml:3: Parameter 'P' must be a number"},
		{`Type: List<Number>`, "1, 2,x", "p.yaml:3: Parameter 'P' must be a number"},
		{`Type: List<Number>`, "1, 2", ""},
		{`Type: String, AllowedPattern: "a|b"`, "ab", "p.yaml:3: Parameter 'P' must match pattern a|b"},
	} {
		_, err := parse(t, fmt.Sprintf(body, c.definition), "p.yaml").Bind(fixed(map[string]string{"P": c.value}))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("{%s} = %s:\n got %s\nwant %s", c.definition, c.value, got, c.want)
		}
	}
	tmpl := parse(t, fmt.Sprintf(body, "Type: String"), "p.yaml")
	_, err := tmpl.Bind(fixed(map[string]string{"Q": "1"}))
	if want := "p.yaml: Parameters: [Q] do not exist in the template\np.yaml:3: Parameters: [P] must have values"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	old := fixed(nil)
	old.SSM = func(string) (string, error) { return "5", nil }
	if _, err := parseFile(t, "synthesized.json").Bind(old); err == nil || !strings.Contains(err.Error(), "CDK bootstrap stack version 6 required") {
		t.Errorf("bootstrap version 5: %v, want the rule's description", err)
	}
	tmpl := parseFile(t, "service.json")
	env := fixed(map[string]string{"Stage": "production"})
	env.Region = "cn-north-1"
	_, err := tmpl.Bind(env)
	if err == nil || !strings.Contains(err.Error(), "Production runs in eu-west-1 and us-east-1 only") {
		t.Errorf("production in China: %v, want the rule's description", err)
	}
	env.Parameters = map[string]string{"Stage": "test"}
	if _, err := tmpl.Bind(env); err != nil {
		t.Errorf("test in China: %v, want no rule to apply", err)
	}
}
