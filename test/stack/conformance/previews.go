package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/stack"
)

func (r *run) preview(template string, parameters map[string]string, open ...string) []diff.Change {
	r.Helper()
	found, err := r.d.Preview(r.Context(), stack.PreviewRequest{Request: r.request(template, parameters), Open: open})
	if err != nil {
		r.Fatal(err)
	}
	return found
}

// previewOfANewStack: neither the change set nor the stack that was made for it is left.
func previewOfANewStack(r *run) {
	for range 2 {
		if d := cmp.Diff([]string{"create Setting", "create Store"}, changes(r.preview(r.template("a"), nil))); d != "" {
			r.Error(d)
		}
		if s := r.describe(); s != nil {
			r.Errorf("the stack is left in %s", s.StackStatus)
		}
	}
	r.must(r.request(r.template("a"), nil))
}

func previewOfAnUpdate(r *run) {
	first := r.must(r.request(r.template("a"), nil))
	if found := r.preview(r.template("a"), nil); len(found) > 0 {
		r.Errorf("nothing changes: %+v", found)
	}
	found := r.preview(r.template("a"), map[string]string{"Size": "large"})
	if d := cmp.Diff([]string{"update Setting"}, changes(found)); d != "" {
		r.Fatal(d)
	}
	if d := cmp.Diff([]diff.Field{{Path: "Value", Before: "small", After: "large"}}, found[0].Fields); d != "" || found[0].ID == "" {
		r.Error(d)
	}
	found = r.preview(r.template("b"), nil)
	if d := cmp.Diff([]string{"replace Store"}, changes(found)); d != "" || !found[0].LosesData() || !cmp.Equal(found[0].Causes, []string{"BucketName"}) {
		r.Errorf("%s %+v", d, found)
	}
	if found = r.preview(r.template(""), nil); !cmp.Equal(changes(found), []string{"delete Store"}) || !found[0].LosesData() {
		r.Errorf("%+v", found)
	}
	r.expectSets(0)
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS"}, r.operations(first.StackID)); d != "" {
		r.Error(d)
	}
}

// previewOfWhatIsOpen: a parameter is not known yet, so the templates are compared.
func previewOfWhatIsOpen(r *run) {
	if d := cmp.Diff([]string{"create Setting", "create Store"}, changes(r.preview(r.template("a"), nil, "Size"))); d != "" {
		r.Error(d)
	}
	r.must(r.request(r.template("a"), nil))
	found := r.preview(r.template("a"), nil, "Size")
	if d := cmp.Diff([]string{"update Setting"}, changes(found)); d != "" {
		r.Fatal(d)
	}
	if d := cmp.Diff([]diff.Field{{Path: "Value", Before: "small", After: diff.Later, Unknown: true}}, found[0].Fields); d != "" {
		r.Error(d)
	}
	r.expectSets(0)
}

func previewOfWhatIsRejected(r *run) {
	for _, template := range []string{`{"Resources": {"X": {"Type": "AWS::Nonsense::Thing"}}}`, `{"Resources": `} {
		_, err := r.d.Preview(r.Context(), stack.PreviewRequest{Request: r.request(template, nil)})
		var rejection *stack.RejectedError
		if !errors.As(err, &rejection) {
			r.Errorf("%v, want a RejectedError", err)
		}
		if s := r.describe(); s != nil {
			r.Errorf("the stack is left in %s", s.StackStatus)
		}
	}
}

// previewThatIsCutOff cleans up all the same.
func previewThatIsCutOff(r *run) {
	ctx, cancel := context.WithCancelCause(r.Context())
	stopped := errors.New("stopped")
	d := stack.New(interrupted{r.API, func() { cancel(stopped) }}, stack.Options{Interval: r.Interval})
	if _, err := d.Preview(ctx, stack.PreviewRequest{Request: r.request(r.template("a"), nil)}); !errors.Is(err, stopped) {
		r.Errorf("%v, want the cause", err)
	}
	if s := r.describe(); s != nil {
		r.Errorf("the stack is left in %s", s.StackStatus)
	}
}

// interrupted calls after once a change set was asked for.
type interrupted struct {
	stack.API
	after func()
}

func (i interrupted) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, o ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	out, err := i.API.CreateChangeSet(ctx, in, o...)
	i.after()
	return out, err
}

// previewBesideARollout leaves the other's change set, and the stack that waits for it.
func previewBesideARollout(r *run) {
	_, err := r.API.CreateChangeSet(r.Context(), &cloudformation.CreateChangeSetInput{
		StackName: &r.name, ChangeSetName: aws.String("drawbridge-other"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(r.template(""))})
	if err != nil {
		r.Fatal(err)
	}
	if d := cmp.Diff([]string{"create Setting", "create Store"}, changes(r.preview(r.template("a"), nil))); d != "" {
		r.Error(d)
	}
	r.expectSets(1)
	if s := r.describe(); s == nil || s.StackStatus != types.StackStatusReviewInProgress {
		r.Errorf("the stack of the other one is gone: %+v", s)
	}
}

func previewOfAStackThatIsNotOurs(r *run) {
	theirs := r.request(r.template(""), nil)
	theirs.Component = "other"
	r.must(theirs)
	_, err := r.d.Preview(r.Context(), stack.PreviewRequest{Request: r.request(r.template(""), nil)})
	var owner *stack.OwnershipError
	if !errors.As(err, &owner) {
		r.Errorf("%v, want an OwnershipError", err)
	}
	r.expectSets(0)
}

func previewAfterAFailedCreate(r *run) {
	if _, err := r.deploy(r.request(r.template("a", r.conflict()), nil)); err == nil {
		r.Fatal("it was to fail")
	}
	found := r.preview(r.template("a"), nil)
	if d := cmp.Diff([]string{"create Setting", "create Store"}, changes(found)); d != "" || !strings.Contains(found[0].Reason, "ROLLBACK_COMPLETE") {
		r.Errorf("%s %+v", d, found)
	}
}

func previewOfASecret(r *run) {
	const hidden, other = "hunter2-hunter2", "swordfish-swordfish"
	with := strings.Replace(r.template(""), `{"Ref": "Size"}`, `{"Ref": "Hidden"}`, 1)
	r.must(r.request(with, map[string]string{"Hidden": hidden}))
	for _, found := range [][]diff.Change{r.preview(with, map[string]string{"Hidden": other}), r.preview(with, map[string]string{"Hidden": other}, "Size")} {
		if text, err := json.Marshal(found); err != nil || strings.Contains(string(text), hidden) || strings.Contains(string(text), other) {
			r.Errorf("%s: %v", text, err)
		}
	}
}

func previewOfADeletion(r *run) {
	kept := strings.Replace(r.template("a"), `"AWS::SSM::Parameter", `, `"AWS::SSM::Parameter", "DeletionPolicy": "Retain", `, 1)
	first := r.must(r.request(kept, nil))
	found, err := r.d.PreviewDelete(r.Context(), stack.DeleteRequest{Environment: "team/production", Component: "store", StackName: r.name})
	if d := cmp.Diff([]string{"delete Setting", "delete Store"}, changes(found)); d != "" || err != nil {
		r.Fatal(d, err)
	}
	if found[0].LosesData() || !found[1].LosesData() || found[1].ID == "" {
		r.Errorf("%+v", found)
	}
	if d := cmp.Diff([]string{"CREATE_IN_PROGRESS"}, r.operations(first.StackID)); d != "" {
		r.Error(d)
	}
	r.name += "-none"
	if found, err = r.d.PreviewDelete(r.Context(), stack.DeleteRequest{StackName: r.name}); len(found) > 0 || err != nil {
		r.Errorf("%+v, %v", found, err)
	}
}
