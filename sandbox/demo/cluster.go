package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/sandbox/onboard"
)

// follow lets the drawbridge command print the Change of the commit as it
// happens.
func (t *telling) follow(ctx context.Context, commit string) error {
	if err := t.drawbridge(ctx, "changes", "--watch", "--commit", commit); err != nil {
		return err
	}
	k, err := t.place().Client()
	if err != nil {
		return err
	}
	var env v1alpha1.Environment
	if err := k.Get(ctx, client.ObjectKey{Namespace: namespace, Name: environment}, &env); err != nil {
		return err
	}
	t.change = env.Status.Change
	return nil
}

func (t *telling) drawbridge(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, t.options.Drawbridge, args...)
	cmd.Env = append(os.Environ(), t.sandbox.Env()...)
	cmd.Stdout, cmd.Stderr = t.options.Out, t.options.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("drawbridge %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// proof asks both planes themselves what is there now.
func (t *telling) proof(ctx context.Context) error {
	place := t.place()
	db := rds.New(rds.Options{
		BaseEndpoint: aws.String(t.sandbox.AWSEndpoint()), Region: t.sandbox.Region(),
		Credentials: credentials.NewStaticCredentialsProvider(place["AWS_ACCESS_KEY_ID"], place["AWS_SECRET_ACCESS_KEY"], ""),
	})
	databases, err := db.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{})
	if err != nil {
		return fmt.Errorf("ask RDS: %w", err)
	}
	for _, d := range databases.DBInstances {
		t.tell("RDS says:        %s %s, %s, Multi-AZ %t", aws.ToString(d.Engine), aws.ToString(d.EngineVersion), aws.ToString(d.DBInstanceStatus), aws.ToBool(d.MultiAZ))
	}
	k, err := t.place().Client()
	if err != nil {
		return err
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace("ghost")); err != nil {
		return err
	}
	var zones []string
	for _, p := range pods.Items {
		var node corev1.Node
		if err := k.Get(ctx, client.ObjectKey{Name: p.Spec.NodeName}, &node); err != nil {
			return err
		}
		if slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			zones = append(zones, node.Labels[corev1.LabelTopologyZone])
		}
	}
	slices.Sort(zones)
	t.tell("Kubernetes says: %d Pod(s) ready, in %s", len(zones), strings.Join(zones, " and "))
	return nil
}

// place is how the sandbox is reached.
func (t *telling) place() onboard.Place { return onboard.PlaceOf(t.sandbox.Env()) }
