package cloudformation_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
)

// wide is a template of n topics, each tenth of which refers to the one before.
func wide(n int) string {
	var b strings.Builder
	b.WriteString("{\"Parameters\": {\"P\": {\"Type\": \"String\", \"Default\": \"one\"}}, \"Resources\": {")
	for i := range n {
		name := `"topic"`
		switch {
		case i == 0:
			name = `{"Ref": "P"}`
		case i%10 == 0:
			name = fmt.Sprintf(`{"Fn::GetAtt": ["R%03d", "TopicName"]}`, i-1)
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `"R%03d": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": %s, "Tags": [{"Key": "a", "Value": "b"}]}}`, i, name)
	}
	b.WriteString("}}")
	return b.String()
}

// BenchmarkLife is a stack of 500 resources made, changed in one property and
// deleted, with no simulated durations. The floor is the provider alone: the same
// resources made and deleted, one after the other.
func BenchmarkLife(b *testing.B) {
	body := wide(500)
	var create, update, remove, floor time.Duration
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		w.upload("https://b/wide", body)
		floor += w.floor(500)
		b.StartTimer()
		begun := time.Now()
		out, err := w.client.CreateStack(b.Context(), &cfn.CreateStackInput{StackName: aws.String("wide"), TemplateURL: aws.String("https://b/wide")})
		if err != nil {
			b.Fatal(err)
		}
		if s := w.wait(*out.StackId); s.StackStatus != types.StackStatusCreateComplete {
			b.Fatal(s.StackStatus, w.reasons("wide"))
		}
		created := time.Now()
		if _, err := w.client.UpdateStack(b.Context(), &cfn.UpdateStackInput{StackName: aws.String("wide"), UsePreviousTemplate: aws.Bool(true),
			Parameters: []types.Parameter{parameter("P", "two")}}); err != nil {
			b.Fatal(err)
		}
		w.wait(*out.StackId)
		changed := time.Now()
		w.remove("wide")
		create, update, remove = create+created.Sub(begun), update+changed.Sub(created), remove+time.Since(changed)
	}
	for name, d := range map[string]time.Duration{"create": create, "update": update, "delete": remove, "floor": floor} {
		b.ReportMetric(float64(d.Milliseconds())/float64(b.N), "ms/"+name)
	}
	b.ReportMetric(float64(create+update+remove)/float64(floor), "×floor")
}

// floor is how long the provider alone takes to make and delete n resources.
func (w *world) floor(n int) time.Duration {
	begun := time.Now()
	for i := range n {
		q := resource.Request{Account: account, Region: region, Type: "AWS::SNS::Topic", StackName: "floor", LogicalID: fmt.Sprintf("R%03d", i),
			Token: fmt.Sprintf("make %d", i), Properties: map[string]any{"DisplayName": "topic", "Tags": []any{map[string]any{"Key": "a", "Value": "b"}}}}
		made, err := w.providers.inner.Create(w.t.Context(), q)
		if err == nil {
			q.PhysicalID, q.Token = made.PhysicalID, fmt.Sprintf("delete %d", i)
			err = w.providers.inner.Delete(w.t.Context(), q)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return time.Since(begun)
}

// BenchmarkManyStacks describes 1,000 stacks of 20 resources: each page of all, and
// one of them. It reports the medians, and what the process keeps in memory.
func BenchmarkManyStacks(b *testing.B) {
	w := newWorld(b)
	w.upload("https://b/wide", wide(20))
	for i := range 1000 {
		out, err := w.client.CreateStack(b.Context(), &cfn.CreateStackInput{StackName: aws.String(fmt.Sprintf("s%04d", i)), TemplateURL: aws.String("https://b/wide")})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.cf.Wait(b.Context(), account, region, *out.StackId); err != nil {
			b.Fatal(err)
		}
	}
	w.events = nil
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var pages, ones []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := w.client.DescribeStacks(b.Context(), &cfn.DescribeStacksInput{}); err != nil {
			b.Fatal(err)
		}
		pages = append(pages, time.Since(begun))
		begun = time.Now()
		if _, err := w.client.DescribeStacks(b.Context(), &cfn.DescribeStacksInput{StackName: aws.String("s0500")}); err != nil {
			b.Fatal(err)
		}
		ones = append(ones, time.Since(begun))
	}
	for name, all := range map[string][]time.Duration{"ms/page": pages, "ms/stack": ones} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, name)
	}
	b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB/heap")
}
