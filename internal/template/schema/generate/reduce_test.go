package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const source = `{"schema": {
 "resource": {"entities": [{
  "cloudFormationType": "AWS::T::Tree", "primaryIdentifier": ["Id"], "cfnRefIdentifier": ["Name"], "isStateful": true,
  "additionalReplacementProperties": [["Root", "*", "Kind"], ["Root", "*", "Kind"]],
  "tagInformation": {"tagPropertyName": "Tags", "variant": "map"},
  "attributes": {"Id": {"type": {"type": "string"}}},
  "properties": {
   "Root": {"type": {"type": "ref", "reference": {"$ref": "1"}}, "required": true, "causesReplacement": "maybe"},
   "Other": {"type": {"type": "array", "element": {"type": "ref", "reference": {"$ref": "2"}}}},
   "Old": {"type": {"type": "map", "element": {"type": "string"}}, "previousTypes": [{"type": "json"}], "causesReplacement": "no"},
   "When": {"type": {"type": "date-time"}, "causesReplacement": "yes"}
  }}]},
 "typeDefinition": {"entities": [
  {"$id": "1", "name": "Node", "properties": {"Children": {"type": {"type": "array", "element": {"type": "ref", "reference": {"$ref": "1"}}}}}},
  {"$id": "2", "name": "Node", "properties": {"Age": {"type": {"type": "integer"}}}}
 ]}}}`

func TestReduce(t *testing.T) {
	t.Parallel()
	var db database
	if err := json.Unmarshal([]byte(source), &db); err != nil {
		t.Fatal(err)
	}
	doc, err := reduce(&db)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(doc.Types, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	// Definitions that refer to themselves end, and two of one name stay apart.
	text := string(got)
	for _, want := range []string{`"type": "{string}|json"`, `"type": "[#`, `"type": "string",`, `"replace": "maybe"`, `"Root.*.Kind"`, `"ref": [`, `"Node2"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	tree := doc.Types["AWS::T::Tree"]
	if d := cmp.Diff(1, len(tree.ReplacementPaths)); d != "" {
		t.Errorf("replacement paths (-want +got):\n%s", d)
	}
	if len(tree.Definitions) != 2 || !tree.Properties["Root"].Required {
		t.Errorf("definitions %v, Root %+v", tree.Definitions, tree.Properties["Root"])
	}
}

func TestReduceRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{`"date-time"`, `"colour"`}, {`"maybe"`, `"sometimes"`}, {`{"$ref": "2"}`, `{"$ref": "9"}`}} {
		var db database
		if err := json.Unmarshal([]byte(strings.Replace(source, c[0], c[1], 1)), &db); err != nil {
			t.Fatal(err)
		}
		if _, err := reduce(&db); err == nil || !strings.HasPrefix(err.Error(), "AWS::T::Tree: ") {
			t.Errorf("with %s: %v, want an error that names the type", c[1], err)
		}
	}
}
