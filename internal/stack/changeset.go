package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/failpoint"
)

// Sizes that CloudFormation takes, in bytes.
const (
	maxBody     = 51_200
	maxTemplate = 1 << 20
)

// changeSet is the first page of a change set's description.
type changeSet struct {
	*cloudformation.DescribeChangeSetOutput
}

// empty tells whether a change set failed because there is nothing to do.
func (c *changeSet) empty() bool {
	reason := aws.ToString(c.StatusReason)
	return strings.HasPrefix(reason, "The submitted information didn't contain changes") ||
		strings.HasPrefix(reason, "No updates are to be performed")
}

// findSet returns the Change's change set in whatever state it is, or nil.
func (r *operation) findSet(ctx context.Context, stackID string) (*changeSet, error) {
	out, err := r.describeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: &stackID, ChangeSetName: &r.token})
	switch {
	case err != nil && (code(err) == codeSetNotFound || noSuchStack(err)):
		return nil, nil
	case err != nil:
		return nil, err
	case out.Status == types.ChangeSetStatusDeleteComplete:
		return nil, nil
	case out.ChangeSetId == nil:
		return nil, errors.New("describe the change set: the answer has no ID")
	}
	return &changeSet{out}, nil
}

func (r *operation) describeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	out, err := call(ctx, r.d.pace, "describe the change set", func(ctx context.Context) (*cloudformation.DescribeChangeSetOutput, error) {
		return r.d.api.DescribeChangeSet(ctx, in)
	})
	if err == nil {
		r.learn(out.Parameters)
	}
	return out, err
}

// changes reads all pages of the change set, with the values of properties, and
// those of the nested stacks' change sets after them.
func (r *operation) changes(ctx context.Context, set *changeSet) ([]diff.Change, error) {
	return r.readChanges(ctx, *set.ChangeSetId, r.stack)
}

func (r *operation) readChanges(ctx context.Context, setID, stack string) ([]diff.Change, error) {
	var changes, nested []diff.Change
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: &setID, IncludePropertyValues: aws.Bool(true)}
	for {
		page, err := r.describeSet(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Changes {
			if c.ResourceChange == nil {
				continue
			}
			change := r.change(*c.ResourceChange)
			change.Namespace = stack
			if inner := aws.ToString(c.ResourceChange.ChangeSetId); inner != "" {
				within, err := r.readChanges(ctx, inner, stack+"/"+change.Name)
				if err != nil {
					return nil, fmt.Errorf("nested stack %s: %w", change.Name, err)
				}
				nested = append(nested, within...)
			}
			changes = append(changes, change)
		}
		if aws.ToString(page.NextToken) == "" {
			slices.SortStableFunc(changes, func(a, b diff.Change) int { return strings.Compare(a.Name, b.Name) })
			return append(changes, nested...), nil
		}
		in.NextToken = page.NextToken
	}
}

// createSet asks for the change set; the next look finds it.
func (r *operation) createSet(ctx context.Context, s *types.Stack, req Request) error {
	in := &cloudformation.CreateChangeSetInput{
		StackName:     &r.stack,
		ChangeSetName: &r.token,
		ClientToken:   &r.token,
		ChangeSetType: types.ChangeSetTypeUpdate,
		Description:   aws.String(limit(fmt.Sprintf("Change %s of environment %s, component %s", req.Change, req.Environment, req.Component), 1024)),
		Tags:          r.tags(req.Tags),
	}
	if status(s) == "" || status(s) == types.StackStatusReviewInProgress {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	for _, k := range slices.Sorted(maps.Keys(req.Parameters)) {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: aws.String(k), ParameterValue: aws.String(req.Parameters[k])})
	}
	for _, c := range req.Capabilities {
		in.Capabilities = append(in.Capabilities, types.Capability(c))
	}
	if req.RoleARN != "" {
		in.RoleARN = &req.RoleARN
	}
	// Without it CloudFormation would not say what happens inside nested stacks.
	if strings.Contains(req.Template, nestedStack) {
		in.IncludeNestedStacks = aws.Bool(true)
	}
	if err := r.d.attach(ctx, in, req); err != nil {
		return err
	}
	failpoint.Hit("stack/before-create-change-set")
	_, err := call(ctx, r.d.pace, "create the change set", func(ctx context.Context) (*cloudformation.CreateChangeSetOutput, error) {
		return r.d.api.CreateChangeSet(ctx, in)
	})
	failpoint.Hit("stack/after-create-change-set")
	switch {
	case r.unlessMoved(err) == nil:
		return nil
	case code(err) == codeCapabilities:
		return &RejectedError{TemplateFile: req.TemplateFile, Reason: message(err) + "; add them to the component's capabilities in drawbridge.yaml if that is meant"}
	case code(err) == codeValidation:
		return &RejectedError{TemplateFile: req.TemplateFile, Reason: r.hide(message(err))}
	}
	return err
}

// attach puts the template into the request, or says where it lies in S3: where
// it was published to, or in the bucket under the digest of its content, so that
// the same template is the same object.
func (d *Deployer) attach(ctx context.Context, in *cloudformation.CreateChangeSetInput, req Request) error {
	body := req.Template
	switch {
	case len(body) > maxTemplate:
		return fmt.Errorf("%w (it has %d bytes)", ErrTooLarge, len(body))
	case len(body) <= maxBody:
		in.TemplateBody = &body
		return nil
	case req.TemplateURL != "":
		in.TemplateURL = &req.TemplateURL
		return nil
	case d.templates == nil:
		return fmt.Errorf("%w (it has %d bytes)", ErrNoBucket, len(body))
	}
	prefix := d.templates.Prefix
	if prefix == "" {
		prefix = "drawbridge/"
	}
	digest := sha256.Sum256([]byte(body))
	key := prefix + hex.EncodeToString(digest[:]) + ".template"
	_, err := call(ctx, d.pace, fmt.Sprintf("put the template into the bucket %s", d.templates.Name), func(ctx context.Context) (*s3.PutObjectOutput, error) {
		return d.templates.Client.PutObject(ctx, &s3.PutObjectInput{Bucket: &d.templates.Name, Key: &key, Body: bytes.NewReader([]byte(body))})
	})
	in.TemplateURL = aws.String(strings.TrimSuffix(d.templates.URL, "/") + "/" + key)
	return err
}

func (r *operation) deleteSet(ctx context.Context, set *changeSet) error {
	failpoint.Hit("stack/before-delete-change-set")
	_, err := call(ctx, r.d.pace, "delete the change set", func(ctx context.Context) (*cloudformation.DeleteChangeSetOutput, error) {
		return r.d.api.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetId})
	})
	if err != nil && code(err) != codeSetNotFound {
		return err
	}
	return nil
}

// discard deletes the change set because of why, and with it a stack that was
// made for change sets of ours alone. It returns why, joined with what went wrong.
func (r *operation) discard(ctx context.Context, s *types.Stack, set *changeSet, why error) error {
	err := r.deleteSet(ctx, set)
	if err == nil && s.StackStatus == types.StackStatusReviewInProgress {
		err = r.deleteEmpty(ctx, s)
	}
	if err != nil {
		return errors.Join(why, fmt.Errorf("and then could not clean up: %w", err))
	}
	return why
}

// deleteEmpty deletes a stack that never had anything but change sets of ours.
func (r *operation) deleteEmpty(ctx context.Context, s *types.Stack) error {
	in := &cloudformation.ListChangeSetsInput{StackName: s.StackId}
	for {
		page, err := call(ctx, r.d.pace, "list the change sets", func(ctx context.Context) (*cloudformation.ListChangeSetsOutput, error) {
			return r.d.api.ListChangeSets(ctx, in)
		})
		if err != nil {
			return err
		}
		for _, c := range page.Summaries {
			if !strings.HasPrefix(aws.ToString(c.ChangeSetName), "drawbridge-") {
				return nil
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return r.deleteStack(ctx, s, r.token+"-empty", "")
		}
	}
}

func limit(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
