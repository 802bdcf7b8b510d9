package template

import "testing"

func TestPreview(t *testing.T) {
	t.Parallel()
	parsed, err := Parse([]byte(`
Parameters:
  Given: {Type: String}
  Default: {Type: String, Default: d}
  Missing: {Type: String}
  Later: {Type: String, Default: old}
  Hidden: {Type: String, Default: hunter2, NoEcho: true}
Conditions:
  Holds: !Equals [!Ref Given, g]
  Hangs: !Equals [!Ref Missing, g]
Resources:
  A: {Type: AWS::SNS::Topic, Condition: Holds}
  B: {Type: AWS::SNS::Topic, Condition: Hangs}
Outputs:
  given: {Value: !Sub "${Given}-${Default}-${AWS::Region}"}
  decided: {Value: !If [Holds, one, two]}
  missing: {Value: !Ref Missing}
  later: {Value: !Ref Later}
  hidden: {Value: !Ref Hidden}
  account: {Value: !Ref AWS::AccountId}
  undecided: {Value: !If [Hangs, one, two]}
  made: {Value: !Ref A}
`), "t.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Validate(); err != nil {
		t.Fatal(err)
	}
	b := parsed.Preview(Environment{Parameters: map[string]string{"Given": "g"}, Later: []string{"Later"}, Region: "eu-west-1"})
	for output, want := range map[string]string{
		"given": "g-d-eu-west-1", "decided": "one", "missing": "", "later": "", "hidden": "", "account": "", "undecided": "", "made": "",
	} {
		if got, known := b.Text(parsed.Outputs[output].Value); got != want || known != (want != "") {
			t.Errorf("%s: got %q, known %t; want %q", output, got, known, want)
		}
	}
	if !b.Active("A") || b.Active("B") {
		t.Error("A is there, and of B it is not known")
	}
}
