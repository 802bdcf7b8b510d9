package cloudformation

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
)

// signals holds what was signalled, under "stack ID/operation/logical ID/unique ID".
var signals = store.Table[types.ResourceSignalStatus]{Name: "cloudformation/signals"}

func (c *CloudFormation) signalResource(ctx context.Context, in *cfn.SignalResourceInput) (*cfn.SignalResourceOutput, error) {
	k, _, err := c.find(ctx, in.StackName)
	if err != nil {
		return nil, bracketed(err, in.StackName)
	}
	id := aws.ToString(in.LogicalResourceId)
	_, err = c.commit(func(tx *store.Tx) (key, *stack, error) {
		s, err := c.mustGet(tx, k)
		if err != nil {
			return k, nil, err
		}
		of := s.Resources[id]
		switch {
		case of == nil:
			return k, nil, invalid("Resource %s does not exist for stack %s", id, s.Name)
		case of.SignalsUntil.IsZero() || !strings.HasSuffix(string(of.Status), "_IN_PROGRESS"):
			return k, nil, invalid("Resource %s is in %s state and can not be signaled", id, of.Status)
		}
		next := *of
		s.Resources[id] = &next
		s.setResource(c.now(), &next, of.Status, fmt.Sprintf("Received %s signal with UniqueId %s", in.Status, aws.ToString(in.UniqueId)))
		return k, &s, signals.Put(tx, k.Scope, strings.Join([]string{s.ID, of.Operation, id, aws.ToString(in.UniqueId)}, "/"), in.Status)
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.signalled)
	c.signalled = make(chan struct{})
	return &cfn.SignalResourceOutput{}, nil
}

// await waits for the signals that a creation policy asks for, once the resource
// is made. It tells whether an event has said that the creation was begun.
func (r *runner) await(ctx context.Context, of *live, started types.ResourceStatus, initiated bool) (bool, error) {
	count, timeout, err := signalsFor(of.CreationPolicy)
	if err != nil || count == 0 {
		return initiated, err
	}
	if of.SignalsUntil.IsZero() {
		of.SignalsUntil = r.c.now().Add(timeout)
	}
	if !initiated {
		if err := r.record(of, started, r.c.initiated(of.Type)); err != nil {
			return true, err
		}
	}
	expired := r.c.After(of.SignalsUntil.Sub(r.c.now()))
	for {
		r.c.mu.Lock()
		signalled := r.c.signalled
		r.c.mu.Unlock()
		got, err := r.signalled(of)
		if err != nil || got >= count {
			return true, err
		}
		select {
		case <-signalled:
		case <-expired:
			return true, errorText(fmt.Sprintf("Failed to receive %d resource signal(s) within the specified duration", count-got))
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}

// signalled counts the signals of success that have come. One of failure is an
// error.
func (r *runner) signalled(of *live) (count int, err error) {
	prefix := strings.Join([]string{r.k.ID, r.op.ID, of.LogicalID, ""}, "/")
	err = r.c.Store.View(func(tx *store.Tx) error {
		return signals.Walk(tx, r.scope(), prefix, func(key string, status types.ResourceSignalStatus) error {
			if status != types.ResourceSignalStatusSuccess {
				return errorText("Received " + string(status) + " signal with UniqueId " + strings.TrimPrefix(key, prefix))
			}
			count++
			return nil
		})
	})
	return count, err
}

var isoDuration = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$`)

// signalsFor reads a creation policy: how many signals, and within which time.
func signalsFor(policy any) (count int, within time.Duration, err error) {
	properties, _ := policy.(map[string]any)
	signal, err := resource.Props(properties).Object("ResourceSignal")
	if err != nil || signal == nil {
		return 0, 0, err
	}
	if count = 1; signal.Has("Count") {
		if count, err = signal.Int("Count"); err != nil {
			return 0, 0, err
		}
	}
	text, err := signal.String("Timeout")
	if err != nil {
		return 0, 0, err
	}
	if text == "" {
		return count, 5 * time.Minute, nil
	}
	m := isoDuration.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, resource.Invalid("CreationPolicy: the Timeout of ResourceSignal must be of the form PT#H#M#S")
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + m[i+1])
		within += time.Duration(n) * unit
	}
	return count, within, nil
}
