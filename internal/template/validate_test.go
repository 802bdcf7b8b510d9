package template_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// Each case is a template and the mistakes in it, one a line, as people see them.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const bucket = "\nResources: {B: {Type: 'AWS::S3::Bucket'}}"
	for name, c := range map[string]struct{ body, want string }{
		"empty":         {"", "t: Template format error: the template is empty"},
		"not yaml":      {"a: [1,\nb: 2", "t:2: Template format error: YAML not well-formed: did not find expected ',' or ']'"},
		"two documents": {"a: 1\n---\nb: 2\n", "t: Template format error: a template is one YAML document, this file has several"},
		"a list":        {"[1]", "t:1: Template format error: unsupported structure."},
		"alias":         {"Metadata: {A: &a 1, B: *a}" + bucket, "t:1: Template error: YAML aliases are not allowed in CloudFormation templates"},
		"duplicate key": {`{"Resources": {"B": {"Type": "AWS::S3::Bucket"},` + "\n" + `"B": {"Type": "AWS::S3::Bucket"}}}`,
			`t:2: Template format error: key "B" is there already, at line 1`},
		"unknown tag":      {"Metadata: !Nope x" + bucket, "t:1: Template format error: YAML not well-formed: tag !Nope is not known"},
		"unknown function": {"Metadata: {Fn::Nope: x}" + bucket, "t:1: Template format error: [Fn::Nope] is not a valid intrinsic function"},
		"unknown section":  {"Recources: {}" + bucket, "t:1: Invalid template property or properties [Recources]"},
		"no resources":     {"Description: x", "t:1: Template format error: At least one Resources member must be defined."},
		"version":          {"AWSTemplateFormatVersion: 2011-01-01" + bucket, "t:1: Template format error: Template format version 2011-01-01 is not supported; the only one is 2010-09-09"},
		"transform":        {"Transform: AWS::Serverless-2016-10-31" + bucket, "t:1: Transform AWS::Serverless-2016-10-31 is not supported here: only AWS can expand it; deploy the expanded template"},
		"no type":          {"Resources:\n  B: {Properties: {}}", "t:2: Template format error: [/Resources/B] Every Resources object must contain a Type member."},
		"unknown type": {"Resources:\n  B: {Type: 'AWS::S3::Bukket'}",
			"t:2: Template format error: Unrecognized resource types: [AWS::S3::Bukket]; did you mean AWS::S3::Bucket?"},
		"resource key":   {"Resources:\n  B: {Type: 'AWS::S3::Bucket', Depends: A}", "t:2: Invalid template resource property 'Depends'"},
		"logical id":     {"Resources:\n  B-1: {Type: 'AWS::S3::Bucket'}", "t:2: Template format error: Resource name 'B-1' is non alphanumeric."},
		"for each":       {"Resources:\n  'Fn::ForEach::X': [a, [1], {}]", "t:2: Template error: Fn::ForEach is not supported here: only AWS can expand it; write its elements out"},
		"parameter type": {"Parameters:\n  P: {Type: Strong}" + bucket, "t:2: Template format error: Unrecognized parameter type: Strong"},
		"default":        {"Parameters:\n  P: {Type: Number, Default: x}" + bucket, "t:2: Template format error: the default of parameter P can't be used: Parameter 'P' must be a number"},
		"one name for two": {"Parameters:\n  B: {Type: String}\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Ref B}",
			"t:4: Template error: all resources and parameters must have unique names. Common name(s):[B]"},
		"condition": {"Resources:\n  B: {Type: 'AWS::S3::Bucket', Condition: No}", "t:2: Template error: Unresolved condition dependency No in the Resources block of the template"},
		"condition cycle": {"Conditions:\n  A: !Not [!Condition B]\n  B: !Not [{Condition: A}]" + bucket,
			"t:2: Circular dependency between conditions: [A, B]"},
		"condition of a resource": {"Conditions:\n  A: !Equals [!Ref B, x]" + bucket,
			"t:2: Template format error: Unresolved dependencies [B]. Cannot reference resources in the Conditions block of the template"},
		"attribute in a condition": {"Conditions:\n  A: !Equals [!GetAtt B.Arn, x]" + bucket,
			"t:2: Template error: Fn::GetAtt can't be used in the Conditions block of the template: conditions are decided before there are resources"},
		"ref": {"Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Ref Nmae}\nParameters: {Name: {Type: String}}",
			"t:4: Template format error: Unresolved resource dependencies [Nmae] in the Resources block of the template; did you mean Name?"},
		"sub": {"Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Sub 'x-${Nowhere}-${!Literal}'}",
			"t:4: Template format error: Unresolved resource dependencies [Nowhere] in the Resources block of the template"},
		"sub variable": {"Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Sub ['x-${V}', {V: !Ref Nowhere}]}",
			"t:4: Template format error: Unresolved resource dependencies [Nowhere] in the Resources block of the template"},
		"output":    {"Resources: {B: {Type: 'AWS::S3::Bucket'}}\nOutputs:\n  O: {Value: !Ref C9}", "t:3: Template format error: Unresolved resource dependencies [C9] in the Outputs block of the template"},
		"get att":   {"Resources: {B: {Type: 'AWS::S3::Bucket'}}\nOutputs:\n  O: {Value: !GetAtt Nowhere.Arn}", "t:3: Template error: instance of Fn::GetAtt references undefined resource Nowhere"},
		"attribute": {"Resources: {B: {Type: 'AWS::S3::Bucket'}}\nOutputs:\n  O: {Value: !GetAtt B.Arm}", "t:3: Template error: resource B does not support attribute type Arm in Fn::GetAtt; did you mean Arn?"},
		"depends on": {"Resources:\n  B:\n    Type: AWS::S3::Bucket\n    DependsOn:\n      - B2",
			"t:5: Template format error: Unresolved resource dependencies [B2] in the Resources block of the template"},
		"policy": {"Resources:\n  B: {Type: 'AWS::S3::Bucket', DeletionPolicy: Keep}",
			"t:2: Template error: Unrecognized DeletionPolicy Keep for resource B; it can be Delete, Retain, Snapshot, RetainExceptOnCreate"},
		"snapshot":   {"Resources:\n  B: {Type: 'AWS::S3::Bucket', DeletionPolicy: Snapshot}", "t:2: Template error: resource type AWS::S3::Bucket does not support DeletionPolicy Snapshot"},
		"mapping":    {"Outputs: {O: {Value: !FindInMap [M, a, b]}}" + bucket, "t:1: Template error: Mapping named 'M' is not present in the 'Mappings' section of template"},
		"join":       {"Outputs: {O: {Value: !Join [a]}}" + bucket, "t:1: Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."},
		"extensions": {"Outputs: {O: {Value: !ToJsonString {a: 1}}}" + bucket, "t:1: Template error: Fn::ToJsonString needs Transform: AWS::LanguageExtensions"},
		"macro":      {"Outputs: {O: {Value: {Fn::Transform: {Name: M}}}}" + bucket, "t:1: Template error: Fn::Transform is not supported here: only AWS can expand a macro; deploy the expanded template"},
		"null":       {"Resources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: null}}", "t:2: Template format error: [/Resources] 'null' values are not allowed in templates"},
		"dynamic": {"Resources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {BucketName: '{{resolve:vault:x}}'}}",
			"t:2: Incorrect format is used in the following dynamic reference: {{resolve:vault:x}} (the service must be ssm, ssm-secure or secretsmanager)"},
		"properties": {`Resources:
  D:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescripton: x
      SecurityGroupIngress:
        - IpProtocol: tcp
          FromPort: many
      Tags: {a: b}
`, `t:5: Properties validation failed for resource D with message: #: extraneous key [GroupDescripton] is not permitted; did you mean GroupDescription?
t:5: Properties validation failed for resource D with message: #: required key [GroupDescription] not found
t:8: Properties validation failed for resource D with message: #/SecurityGroupIngress/0/FromPort: expected type: Integer, found: String
t:9: Properties validation failed for resource D with message: #/Tags: expected type: JSONArray, found: JSONObject`},
		"cycle": {`Resources:
  A:
    Type: AWS::S3::Bucket
    DependsOn: B
  B:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${C}-b"
  C:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !GetAtt A.Arn
`, "t:2: Circular dependency between resources: [A, B, C]; the way round is A (t:2) → B (t:5) → C (t:9) → A (t:2)"},
		"itself": {"Resources:\n  A: {Type: 'AWS::S3::Bucket', Properties: {BucketName: !Ref A}}",
			"t:2: Circular dependency between resources: [A]; the way round is A (t:2) → A (t:2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			tmpl, err := template.Parse([]byte(c.body), "t")
			if err == nil {
				err = tmpl.Validate()
			}
			if err != nil {
				got = err.Error()
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("mistakes (-want +got):\n%s", d)
			}
		})
	}
}

func TestLateMistakesAreNotEarly(t *testing.T) {
	t.Parallel()
	tmpl, err := template.Parse([]byte("Resources:\n  B: {Type: 'AWS::S3::Bucket', Properties: {Name: x}}"), "t")
	if err != nil {
		t.Fatal(err)
	}
	all := template.All(tmpl.Validate())
	if len(all) != 1 || len(all.Early()) != 0 || all[0].Resource != "B" {
		t.Errorf("mistakes %v, early %v; want one of resource B, and it late", all, all.Early())
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	var got []string
	for _, file := range []string{"database.yaml", "service.json"} {
		tmpl := parseFile(t, file)
		for _, n := range append(tmpl.ParameterNames(), tmpl.OutputNames()...) {
			got = append(got, n.Name+" "+n.Position.String())
		}
	}
	want := []string{
		"MultiAZ database.yaml:4", "AllocatedStorage database.yaml:9", "Cidr database.yaml:15",
		"Endpoint database.yaml:89", "Port database.yaml:93", "SecretArn database.yaml:95", "Standby database.yaml:97",
		"Stage service.json:5", "Names service.json:6", "Token service.json:7", "Names service.json:74", "Seen service.json:75",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("positions (-want +got):\n%s", d)
	}
}

func TestDynamic(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
	for text, want := range map[string]template.Dynamic{
		"{{resolve:ssm:/a/b}}":                                              {Service: "ssm", Name: "/a/b"},
		"{{resolve:ssm-secure:p:3}}":                                        {Service: "ssm-secure", Name: "p", Version: "3"},
		"{{resolve:secretsmanager:db}}":                                     {Service: "secretsmanager", Name: "db"},
		"{{resolve:secretsmanager:db:SecretString:password}}":               {Service: "secretsmanager", Name: "db", Key: "password"},
		"{{resolve:secretsmanager:db::password::}}":                         {Service: "secretsmanager", Name: "db", Key: "password"},
		"{{resolve:secretsmanager:" + arn + "}}":                            {Service: "secretsmanager", Name: arn},
		"{{resolve:secretsmanager:" + arn + ":SecretString:u:AWSPREVIOUS}}": {Service: "secretsmanager", Name: arn, Key: "u", Stage: "AWSPREVIOUS"},
		"{{resolve:secretsmanager:db:SecretString:::v1}}":                   {Service: "secretsmanager", Name: "db", Version: "v1"},
	} {
		got, err := template.ParseDynamic(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	v, err := template.ResolveDynamic(map[string]any{"a": []any{"x-{{resolve:ssm:p}}-y", 1}}, func(d template.Dynamic) (string, error) {
		return "<" + d.Name + ">", nil
	})
	if d := cmp.Diff(map[string]any{"a": []any{"x-<p>-y", 1}}, v); d != "" || err != nil {
		t.Errorf("resolved (-want +got):\n%s%v", d, err)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte("Resources: {A: {Type: Custom::A, Properties: {Fn::If: [A, !Cidr [x], !Sub '${}']}}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		tmpl, err := template.Parse(body, "f")
		if err != nil {
			if template.All(err) == nil {
				t.Errorf("the error %q is not one of the template's", err)
			}
			return
		}
		if len(template.All(tmpl.Validate()).Early()) > 0 {
			return
		}
		b, err := tmpl.Bind(fixed(nil))
		if err != nil {
			return
		}
		if _, err := b.State(); err == nil {
			_, _ = template.Compare(nil, b)
		}
		_, _ = b.Outputs()
	})
}
