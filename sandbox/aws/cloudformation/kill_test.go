package cloudformation_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// victimState names the state of the process that is killed.
const victimState = "CLOUDFORMATION_TEST_VICTIM"

// second is what the stack of wide(60) is changed into: all topics change, ten of
// them are replaced, and ten leave.
func second() string {
	body := strings.ReplaceAll(wide(50), `"topic"`, `"other"`)
	for i := range 10 {
		head := fmt.Sprintf(`"R%03d": {"Type": "AWS::SNS::Topic", "Properties": {`, i)
		body = strings.Replace(body, head, head+fmt.Sprintf(`"TopicName": "n%03d", `, i), 1)
	}
	return body
}

// TestVictim does nothing of its own: it is the process that TestKilled kills. It
// goes on from where the one before it was, and prints each event once it is known
// to others, and each answer of the API.
func TestVictim(t *testing.T) {
	path := os.Getenv(victimState)
	if path == "" {
		return
	}
	w := &world{t: t, path: path, objects: map[string]string{}, providers: &scripted{}, tell: func(event string) { fmt.Println("EVENT", event) }}
	w.open()
	defer w.shut()
	all, err := w.client.ListStacks(t.Context(), &cfn.ListStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.StackSummaries) == 0 {
		out, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(wide(60))})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("ASKED", *out.StackId)
	}
	if all, err = w.client.ListStacks(t.Context(), &cfn.ListStacksInput{}); err != nil {
		t.Fatal(err)
	}
	id := all.StackSummaries[0].StackId
	for {
		switch s := w.wait(*id); s.StackStatus {
		case types.StackStatusCreateComplete:
			if _, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: id, TemplateBody: aws.String(second())}); err != nil {
				t.Fatal(err)
			}
			fmt.Println("ASKED", *id)
		case types.StackStatusUpdateComplete:
			if _, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: id}); err != nil {
				t.Fatal(err)
			}
		case types.StackStatusDeleteComplete:
			fmt.Println("DONE")
			return
		default:
			fmt.Println("WRONG", s.StackStatus, w.reasons(*id))
			return
		}
	}
}

// A stack lives its life while its process is killed again and again. What was
// acknowledged is there, and nothing is left behind.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "aws.db")
	acknowledged := map[string]int{}
	id, kills := "", 0
	for done := false; !done; {
		victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$", "-test.timeout=60s")
		victim.Env = append(os.Environ(), victimState+"="+path)
		victim.Stderr = os.Stderr
		out, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		left := 1 + rand.IntN(60) // lines until it is killed
		for lines := bufio.NewScanner(out); lines.Scan(); left-- {
			if left == 0 {
				kills++
				if err := victim.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			switch kind, rest, _ := strings.Cut(lines.Text(), " "); kind {
			case "EVENT":
				acknowledged[rest]++
			case "ASKED":
				id = rest
			case "DONE":
				done = true
			case "WRONG", "---":
				t.Fatal(lines.Text())
			}
		}
		_ = victim.Wait() // killed, mostly
	}
	if kills < 5 {
		t.Errorf("it was killed %d times only", kills)
	}
	w := &world{t: t, path: path, objects: map[string]string{}, providers: &scripted{}}
	w.open()
	defer w.shut()
	for pages := cfn.NewDescribeStackEventsPaginator(w.client, &cfn.DescribeStackEventsInput{StackName: &id}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.StackEvents {
			acknowledged[*e.LogicalResourceId+" "+string(e.ResourceStatus)]--
		}
	}
	for event, n := range acknowledged {
		if n > 0 {
			t.Errorf("%s was told of %d times more than it is in the store", event, n)
		}
	}
	things := store.Table[struct{ PhysicalID string }]{Name: "generic/resources"}
	err := w.state.View(func(tx *store.Tx) error {
		left, err := things.List(tx, store.Scope{Account: account, Region: region}, "")
		if len(left) > 0 {
			t.Errorf("%d resources are left: %v", len(left), left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
