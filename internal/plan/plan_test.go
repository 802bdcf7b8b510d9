package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example has one of everything.
func example() *Plan {
	aws := func(stack, typ, name string) diff.Resource {
		return diff.Resource{Plane: diff.AWS, Type: typ, Namespace: stack, Name: name, ID: strings.ToLower(name) + "-1"}
	}
	object := func(typ, name string) diff.Resource {
		return diff.Resource{Plane: diff.Kubernetes, Type: typ, Namespace: "ghost", Name: name}
	}
	p := &Plan{
		Environment: "team/production", Base: "8e1d0aa12c7788990011", Head: "4f2a91c0de7788990011", Tree: "77aa",
		Unchanged: 996, Notes: []string{"1 component that the commit no longer has stays as it is (spec.rollout.prune)"},
		Components: []Component{
			{Name: "database", Kind: "cloudformation", Path: "aws/database", Operation: diff.Replace, Resources: []diff.Change{
				{Resource: aws("production-database", "AWS::RDS::DBInstance", "Database"), Action: diff.Replace, HoldsData: true, Causes: []string{"DBName"},
					Reason: "replaced because of DBName", Source: "aws/database/template.yaml:52", Fields: []diff.Field{
						{Path: "DBName", Before: "ghost", After: "blog"}, {Path: "MasterUserPassword", Sensitive: true},
						{Path: "VPCSecurityGroups[0]", Before: "sg-1", After: diff.Later, Unknown: true}}},
				{Resource: aws("production-database", "AWS::EC2::VPC", "Network"), Action: diff.NoOp},
				{Resource: aws("production-database", "AWS::SNS::Topic", "Alarms"), Action: diff.Create, Source: "aws/database/template.yaml:70"},
				{Resource: aws("production-database/Logs", "AWS::S3::Bucket", "Archive"), Action: diff.Delete, HoldsData: true, Retained: true, Reason: "leaves the stack and is retained"},
			}},
			{Name: "blog", Kind: "kubernetes", Path: "kubernetes", Operation: diff.Update, After: []string{"database"},
				Inputs: []Input{{Name: "DATABASE_HOST", Component: "database", Output: "Endpoint"}}, Resources: []diff.Change{
					{Resource: object("apps/Deployment", "ghost"), Action: diff.Update, Source: "kubernetes/deployment.yaml:1",
						Fields: []diff.Field{{Path: "spec.replicas", Before: 1.0, After: 2.0}, {Path: "spec.paused", Before: true}, {Path: "spec.minReadySeconds", After: 5.0}}},
					{Resource: object("ConfigMap", "ghost"), Action: diff.Unknown, Source: "kubernetes/configmap.yaml:1", Fields: []diff.Field{
						{Path: "data.host", Before: "db-1.example.com", After: diff.Later, Unknown: true},
						{Path: "data.nginx", Before: "a\nb\nc ```\nd\n", After: "a\nB\nc ```\nd\n"}}},
				}},
			{Name: "tools", Kind: "build", Path: "tools", Operation: diff.Update, Reason: "its commands run; what they do can't be told beforehand"},
			{Name: "old", Kind: "kubernetes", Path: "old", Operation: diff.Delete, Resources: []diff.Change{
				{Resource: diff.Resource{Plane: diff.Kubernetes, Type: "Namespace", Name: "old"}, Action: diff.Delete},
				{Resource: diff.Resource{Plane: diff.Kubernetes, Type: "PersistentVolumeClaim", Namespace: "old", Name: "data"}, Action: diff.Delete, HoldsData: true, Reason: "a volume"},
			}},
		},
		Warnings: []Finding{
			{Rule: "requests/one-replica", Component: "blog", Resource: "apps/Deployment ghost/ghost", Source: "kubernetes/deployment.yaml:7", Message: "one replica <b>@all</b>"},
			{Rule: "database/downtime", Component: "database", Resource: "AWS::RDS::DBInstance production-database/Database", Message: "is away for some minutes", Reference: "https://docs.aws.amazon.com/x"},
		},
		Errors: []Finding{{Rule: RuleRefused, Component: "blog", Resource: "Service ghost/ghost", Source: "kubernetes/service.yaml:1", Message: "spec.clusterIP can't be changed:\nundo the change"}},
	}
	p.Seal()
	return p
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func TestPrinted(t *testing.T) {
	t.Parallel()
	p := example()
	golden(t, "example.txt", p.Text(false))
	golden(t, "example.colour.txt", strings.ReplaceAll(p.Text(true), "\x1b", "␛"))
	golden(t, "example.md", p.Markdown(0))
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "example.json", string(text)+"\n")
	offline := &Plan{Environment: "production", Tree: "77aa", Offline: []diff.Plane{diff.Kubernetes, diff.AWS}, Unchanged: 1}
	offline.Seal()
	golden(t, "empty.txt", offline.Text(false))
	golden(t, "empty.md", offline.Markdown(0))
}

// A comment stays below its limit, whatever is in the plan, and says what it leaves out.
func TestMarkdownIsBounded(t *testing.T) {
	t.Parallel()
	p := example()
	for i := range 3000 {
		c := p.Components[1]
		c.Name = fmt.Sprint("blog-", i)
		p.Components = append(p.Components, c)
		p.Warnings = append(p.Warnings, Finding{Message: strings.Repeat("x", 200), Source: fmt.Sprint("a.yaml:", i)})
		p.Errors = append(p.Errors, Finding{Message: strings.Repeat("y", 200), Source: fmt.Sprint("b.yaml:", i)})
		p.Components[3].Resources = append(p.Components[3].Resources, diff.Change{Resource: diff.Resource{Plane: diff.Kubernetes, Type: "PersistentVolume", Name: fmt.Sprint(i)}, Action: diff.Delete, HoldsData: true})
	}
	p.Seal()
	for _, limit := range []int{0, 2000, 20_000, 65_000} {
		text := p.Markdown(limit)
		if most := max(limit, 2000); limit == 0 && len(text) > Comment || limit > 0 && len(text) > most {
			t.Errorf("limit %d: %d bytes", limit, len(text))
		}
		if !strings.Contains(text, "Cut off here") || !strings.Contains(text, p.Digest) || strings.Count(text, "<details") != strings.Count(text, "</details>") {
			t.Errorf("limit %d: %s", limit, text[max(0, len(text)-600):])
		}
	}
}

func TestSealIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	p := example()
	first := canonical(p)
	p.Seal()
	if second := canonical(p); !bytes.Equal(first, second) {
		t.Error(cmp.Diff(string(first), string(second)))
	}
	// In another order of what has none, and through JSON.
	var read Plan
	if err := json.Unmarshal(first, &read); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(read.Components[0].Resources)
	slices.Reverse(read.Warnings)
	read.Seal()
	if second := canonical(read); !bytes.Equal(first, second) {
		t.Error(cmp.Diff(string(first), string(second)))
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		edit func(*Plan)
		same bool
	}{
		"nothing":   {func(*Plan) {}, true},
		"commits":   {func(p *Plan) { p.Base, p.Head, p.Tree = "a", "b", "c" }, true},
		"notes":     {func(p *Plan) { p.Notes = []string{"x"} }, true},
		"warnings":  {func(p *Plan) { p.Warnings = nil }, true},
		"words":     {func(p *Plan) { p.Components[0].Resources[0].Reason = "x" }, true},
		"a place":   {func(p *Plan) { p.Components[0].Resources[0].Source = "x:1" }, true},
		"unchanged": {func(p *Plan) { p.Unchanged = 3 }, true},
		"a no-op": {func(p *Plan) {
			p.Components[0].Resources = append(p.Components[0].Resources, diff.Change{Action: diff.NoOp})
		}, true},
		"environment": {func(p *Plan) { p.Environment = "team/staging" }, false},
		"offline":     {func(p *Plan) { p.Offline = []diff.Plane{diff.AWS} }, false},
		"a value":     {func(p *Plan) { p.Components[1].Resources[0].Fields[0].After = 3.0 }, false},
		"before":      {func(p *Plan) { p.Components[1].Resources[0].Fields[0].Before = 3.0 }, false},
		"an action":   {func(p *Plan) { p.Components[1].Resources[0].Action = diff.Replace }, false},
		"a component": {func(p *Plan) { p.Components = p.Components[1:] }, false},
		"an input":    {func(p *Plan) { p.Components[1].Inputs[0].Output = "x" }, false},
		"data":        {func(p *Plan) { p.Components[1].Resources[0].HoldsData = true }, false},
		"a secret":    {func(p *Plan) { p.Components[1].Resources[0].Fields[0] = diff.Field{Path: "p", Sensitive: true} }, false},
		"an error":    {func(p *Plan) { p.Errors = nil }, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := example()
			before := p.Digest
			for i := range p.Components { // what edit changes is this one's own
				p.Components[i].Resources = slices.Clone(p.Components[i].Resources)
			}
			tt.edit(p)
			p.Seal()
			if (p.Digest == before) != tt.same {
				t.Errorf("the digest is the same: %t, want %t", !tt.same, tt.same)
			}
		})
	}
}

func TestDangers(t *testing.T) {
	t.Parallel()
	resource := func(plane diff.Plane, typ string) diff.Resource {
		return diff.Resource{Plane: plane, Type: typ, Name: "x"}
	}
	for name, tt := range map[string]struct {
		change diff.Change
		rule   string
	}{
		"data deleted":       {diff.Change{Resource: resource(diff.AWS, "AWS::S3::Bucket"), Action: diff.Delete, HoldsData: true}, RuleData},
		"data retained":      {diff.Change{Resource: resource(diff.AWS, "AWS::S3::Bucket"), Action: diff.Delete, HoldsData: true, Retained: true}, ""},
		"data replaced":      {diff.Change{Resource: resource(diff.AWS, "AWS::RDS::DBInstance"), Action: diff.Replace, HoldsData: true}, RuleData},
		"data updated":       {diff.Change{Resource: resource(diff.AWS, "AWS::RDS::DBInstance"), Action: diff.Update, HoldsData: true}, ""},
		"topic deleted":      {diff.Change{Resource: resource(diff.AWS, "AWS::SNS::Topic"), Action: diff.Delete}, ""},
		"namespace deleted":  {diff.Change{Resource: resource(diff.Kubernetes, "Namespace"), Action: diff.Delete}, RuleNamespace},
		"namespace updated":  {diff.Change{Resource: resource(diff.Kubernetes, "Namespace"), Action: diff.Update}, ""},
		"definition deleted": {diff.Change{Resource: resource(diff.Kubernetes, "apiextensions.k8s.io/CustomResourceDefinition"), Action: diff.Delete}, RuleDefinition},
		"volume deleted":     {diff.Change{Resource: resource(diff.Kubernetes, "PersistentVolumeClaim"), Action: diff.Delete, HoldsData: true}, RuleData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &Plan{Components: []Component{{Name: "c", Resources: []diff.Change{tt.change}}}}
			p.Seal()
			got := ""
			if len(p.Destructive) > 0 {
				got = p.Destructive[0].Rule
			}
			if got != tt.rule {
				t.Errorf("%q, want %q", got, tt.rule)
			}
		})
	}
	many := &Plan{Components: []Component{{Name: "c"}}}
	for i := range Budget + 1 {
		many.Seal()
		if len(many.Destructive) > 0 {
			t.Fatalf("%d deletions: %+v", i, many.Destructive)
		}
		many.Components[0].Resources = append(many.Components[0].Resources, diff.Change{Resource: diff.Resource{Name: fmt.Sprint(i)}, Action: diff.Delete})
	}
	many.Seal()
	if len(many.Destructive) != 1 || many.Destructive[0].Rule != RulePrune {
		t.Errorf("%+v", many.Destructive)
	}
}
