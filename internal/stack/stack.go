package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/drawbridge-gitops/drawbridge/internal/diff"
	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// API is the part of *cloudformation.Client that is used.
type API interface {
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
	ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
	GetTemplate(context.Context, *cloudformation.GetTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.GetTemplateOutput, error)
	DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
	CreateChangeSet(context.Context, *cloudformation.CreateChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error)
	DescribeChangeSet(context.Context, *cloudformation.DescribeChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error)
	ExecuteChangeSet(context.Context, *cloudformation.ExecuteChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error)
	DeleteChangeSet(context.Context, *cloudformation.DeleteChangeSetInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error)
	ListChangeSets(context.Context, *cloudformation.ListChangeSetsInput, ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error)
	UpdateTerminationProtection(context.Context, *cloudformation.UpdateTerminationProtectionInput, ...func(*cloudformation.Options)) (*cloudformation.UpdateTerminationProtectionOutput, error)
}

// Uploader is the part of *s3.Client that is used.
type Uploader interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Bucket takes templates that are too large to be sent with a request.
type Bucket struct {
	Client Uploader
	Name   string
	// URL of the bucket, to which "/key" is added:
	// "https://name.s3.eu-west-1.amazonaws.com".
	URL string
	// Prefix of the keys. Default "drawbridge/".
	Prefix string
}

// Options of a Deployer. The zero value deploys to AWS without large templates.
type Options struct {
	Templates *Bucket
	// HoldsData tells whether resources of a type hold data. Default:
	// template.HoldsData.
	HoldsData func(resourceType string) bool
	// Interval between two looks at one stack. Default 2 s.
	Interval time.Duration
	Clock    Clock
}

// Request says what one component's stack is to become by one Change.
type Request struct {
	// Environment ("namespace/name") and Component that the stack belongs to.
	Environment, Component string
	StackName              string
	// Change is the name of the Change, no two of which are alike. ChangeUID,
	// where there is one, tells it from one of the same name that a cluster
	// before this one may have had.
	Change, ChangeUID string

	// Template is the body, TemplateFile the file that it is from.
	Template, TemplateFile string
	// TemplateURL is where the template lies in S3 already, if it does. It is used
	// for a template that is too large to be sent with a request.
	TemplateURL string
	// Parameters that are not given take the template's defaults, also when
	// the stack has another value now.
	Parameters   map[string]string
	Capabilities []string
	Tags         map[string]string
	// RoleARN for CloudFormation to assume; it stays with the stack.
	RoleARN string

	// TerminationProtection is what the stack's is to be once it is deployed; nil
	// leaves it as it is.
	TerminationProtection *bool

	// Adopt takes over a stack that was not made by Drawbridge.
	Adopt bool
	// AllowDestructive is asked for each resource that holds data and would be
	// deleted, or could be replaced. Nil allows nothing.
	AllowDestructive func(diff.Change) bool
}

// DeleteRequest says which stack is to go.
type DeleteRequest struct {
	Environment, Component string
	StackName              string
	Change, ChangeUID      string // as in Request
	RoleARN                string
	// AllowDestructive is asked for each resource in the stack that holds
	// data. Nil allows nothing.
	AllowDestructive func(diff.Change) bool
}

// Result is what the stack became.
type Result struct {
	StackID string
	Status  types.StackStatus
	Outputs map[string]string
	// Changes are what was done to each resource, by logical ID. Empty when
	// there was nothing to do.
	Changes []diff.Change
}

// Event is one step of a stack operation.
type Event struct {
	ID        string
	Time      time.Time
	LogicalID string
	Type      string
	Status    types.ResourceStatus
	Reason    string
	// Physical ID of the resource, once it has one.
	PhysicalID string
	// Earlier marks events of an operation that is not this Change's and is
	// waited for.
	Earlier bool
}

// Deployer deploys to one account and region.
type Deployer struct {
	api       API
	templates *Bucket
	holdsData func(string) bool
	clock     Clock
	pace      *pace
}

// New returns a Deployer that calls api.
func New(api API, o Options) *Deployer {
	if o.HoldsData == nil {
		o.HoldsData = template.HoldsData
	}
	if o.Interval <= 0 {
		o.Interval = 2 * time.Second
	}
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	return &Deployer{api: api, templates: o.Templates, holdsData: o.HoldsData, clock: o.Clock, pace: newPace(o.Clock, o.Interval)}
}

// nested stacks hold what can't be seen from outside.
const nestedStack = "AWS::CloudFormation::Stack"

func (d *Deployer) mayHoldData(resourceType string) bool {
	return resourceType == nestedStack || d.holdsData(resourceType)
}

// Deploy brings the stack to what the request says and returns what it did. See
// the package comment for what it does in which status, and for the errors.
// onEvent may be nil.
func (d *Deployer) Deploy(ctx context.Context, req Request, onEvent func(Event)) (Result, error) {
	r := &operation{d: d, stack: req.StackName, token: token(req.Change, req.ChangeUID), owner: owner{req.Environment, req.Component}, onEvent: onEvent, parameters: req.Parameters}
	result, err := r.deploy(ctx, req)
	if err == nil {
		err = r.protect(ctx, req.TerminationProtection)
	}
	return result, r.name(err)
}

// Delete deletes the stack and returns what it deleted. A stack that is not there
// is deleted already.
func (d *Deployer) Delete(ctx context.Context, req DeleteRequest, onEvent func(Event)) (Result, error) {
	r := &operation{d: d, stack: req.StackName, token: token(req.Change, req.ChangeUID) + "-delete", owner: owner{req.Environment, req.Component}, onEvent: onEvent}
	result, err := r.delete(ctx, req)
	return result, r.name(err)
}

func (r *operation) name(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("environment %s: component %s: stack %s: %w", r.owner.environment, r.owner.component, r.stack, err)
}
