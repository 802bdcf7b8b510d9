package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	sandboxaws "github.com/drawbridge-gitops/drawbridge/sandbox/aws"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// The stacks that are measured: one wide one, and many small ones.
const (
	wideStack  = 500
	manyStacks = 1000
	smallStack = 20
)

// stacks measures the sandbox's CloudFormation in this process, through the
// official client, with no simulated durations.
func (b *bench) stacks(ctx context.Context) (err error) {
	if err := resetPeak(); err != nil {
		return err
	}
	endpoint, err := sandboxaws.New(sandboxaws.Options{Dir: filepath.Join(b.dir, "aws"), Durations: simtime.Durations{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, endpoint.Close())
	}
	server := &http.Server{Handler: endpoint, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer func() { err = errors.Join(err, server.Close(), endpoint.Close()) }()
	config := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://" + listener.Addr().String()),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	a := &account{bench: b, stacks: cloudformation.NewFromConfig(config), parameters: ssm.NewFromConfig(config)}
	if err := a.wide(ctx); err != nil {
		return err
	}
	return a.many(ctx)
}

// account is the simulated account with the clients of it.
type account struct {
	*bench
	stacks     *cloudformation.Client
	parameters *ssm.Client
}

// parameters of a template, as many as n. P goes into the first of them.
func parameters(n int) string {
	var t strings.Builder
	t.WriteString(`{"Parameters":{"P":{"Type":"String","Default":"one"}},"Resources":{`)
	for i := range n {
		value := `"v"`
		if i == 0 {
			value = `{"Ref":"P"}`
		}
		fmt.Fprintf(&t, `"R%d":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Value":%s}},`, i, value)
	}
	return strings.TrimSuffix(t.String(), ",") + "}}"
}

// wide takes one stack through its life. The floor is its resources made and
// deleted by hand.
func (a *account) wide(ctx context.Context) error {
	floor, err := a.byHand(ctx, wideStack)
	if err != nil {
		return err
	}
	a.report.add(figure{Name: fmt.Sprintf("stacks, floor: %d resources by hand", wideStack), Duration: floor})
	stop, err := a.profileHere("stacks.cpu")
	if err != nil {
		return err
	}
	defer stop()
	name, begin := aws.String("wide"), time.Now()
	if _, err := a.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: name, TemplateBody: aws.String(parameters(wideStack))}); err != nil {
		return err
	}
	if err := a.reach(ctx, name, types.StackStatusCreateComplete); err != nil {
		return err
	}
	created := time.Since(begin)
	_, err = a.stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: name, UsePreviousTemplate: aws.Bool(true),
		Parameters: []types.Parameter{{ParameterKey: aws.String("P"), ParameterValue: aws.String("two")}}})
	if err != nil {
		return err
	}
	if err := a.reach(ctx, name, types.StackStatusUpdateComplete); err != nil {
		return err
	}
	changed := time.Since(begin)
	if _, err := a.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: name}); err != nil {
		return err
	}
	if err := a.reach(ctx, name, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	all := time.Since(begin)
	f := a.report.add(figure{Name: fmt.Sprintf("stacks, %d resources created, one changed, deleted", wideStack), Duration: all,
		Note: fmt.Sprintf("created in %s, changed in %s, deleted in %s; %.1f times the floor", created.Round(time.Millisecond),
			(changed - created).Round(time.Millisecond), (all - changed).Round(time.Millisecond), all.Seconds()/floor.Seconds())})
	f.under(time.Second)
	return nil
}

// byHand makes and deletes n parameters, eight at a time.
func (a *account) byHand(ctx context.Context, n int) (time.Duration, error) {
	begin := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range n {
		g.Go(func() error {
			name := aws.String(fmt.Sprintf("floor-%d", i))
			if _, err := a.parameters.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String("v"), Type: ssmtypes.ParameterTypeString}); err != nil {
				return err
			}
			_, err := a.parameters.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name})
			return err
		})
	}
	err := g.Wait()
	return time.Since(begin), err
}

// reach waits until a stack is in a status, and fails when its operation ends in
// another one.
func (a *account) reach(ctx context.Context, name *string, want types.StackStatus) error {
	for {
		out, err := a.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: name})
		if err != nil && want == types.StackStatusDeleteComplete && strings.Contains(err.Error(), "does not exist") {
			return nil
		}
		if err != nil {
			return err
		}
		switch s := out.Stacks[0]; {
		case s.StackStatus == want:
			return nil
		case !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS"):
			return fmt.Errorf("stack %s is in %s, want %s: %s", *name, s.StackStatus, want, aws.ToString(s.StackStatusReason))
		}
		select {
		case <-time.After(2 * time.Millisecond): // CloudFormation has nothing to watch
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// many makes many small stacks and describes them.
func (a *account) many(ctx context.Context) error {
	body, begin := aws.String(parameters(smallStack)), time.Now()
	for i := range manyStacks {
		name := aws.String(fmt.Sprintf("s%d", i))
		if _, err := a.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: name, TemplateBody: body}); err != nil {
			return err
		}
		if err := a.reach(ctx, name, types.StackStatusCreateComplete); err != nil {
			return err
		}
	}
	a.report.add(figure{Name: fmt.Sprintf("stacks, %d of %d resources created, one after the other", manyStacks, smallStack), Duration: time.Since(begin)})
	mib, err := peak(os.Getpid())
	if err != nil {
		return err
	}
	memory := a.report.add(figure{Name: "stacks, peak memory with all of them", Value: fmt.Sprintf("%d MiB", mib), Note: "of this process: the endpoint and its client"})
	const most = 300
	memory.Aim, memory.Ratio, memory.Met = fmt.Sprintf("< %d MiB", most), float64(mib)/most, mib < most
	var took []time.Duration
	for range 100 {
		begin := time.Now()
		if _, err := a.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{}); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	a.report.add(figure{Name: "stacks, a page of all of them, median", Duration: took[len(took)/2], Note: "100 stacks a page, through the client"}).under(10 * time.Millisecond)
	return nil
}
