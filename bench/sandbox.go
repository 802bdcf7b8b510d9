package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
	"github.com/drawbridge-gitops/drawbridge/examples"
)

// sandbox measures the whole sandbox, the example, and a commit that touches
// nothing.
func (b *bench) sandbox(ctx context.Context) error {
	if _, err := b.build(ctx); err != nil { // not part of the start
		return err
	}
	begin := time.Now()
	c, err := b.up(ctx)
	if err != nil {
		return err
	}
	defer c.down()
	b.report.add(figure{Name: "sandbox start to ready", Duration: time.Since(begin), Note: "without any state, every part, all programs built"}).under(10 * time.Second)
	if err := c.connect(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(c.tree.Dir)
	if err := c.bind(ctx, v1alpha1.EnvironmentSpec{AWS: &v1alpha1.AWS{Region: c.Region()}}); err != nil {
		return err
	}
	if err := b.ghost(ctx, c); err != nil {
		return fmt.Errorf("examples/ghost: %w", err)
	}
	return b.none(ctx, c, "commit that touches no component", "README.md")
}

// ghost takes the example through, and then makes it survive the loss of a zone.
func (b *bench) ghost(ctx context.Context, c *castle) error {
	files, err := examples.Open("ghost")
	if err != nil {
		return err
	}
	if err := os.CopyFS(c.tree.Dir, files); err != nil {
		return err
	}
	if err := b.bothPlanes(ctx, c, "push to both planes healthy, first commit", 1); err != nil {
		return err
	}
	if err := c.tree.Replace("aws/database/template.yaml", "MultiAZ: false", "MultiAZ: true"); err != nil {
		return err
	}
	if err := c.tree.Replace("kubernetes/deployment.yaml", "replicas: 1", "replicas: 2"); err != nil {
		return err
	}
	return b.bothPlanes(ctx, c, "push to both planes healthy, Multi-AZ", 2)
}

func (b *bench) bothPlanes(ctx context.Context, c *castle, name string, pods int32) error {
	f, err := c.deploy(ctx, name)
	if err != nil {
		return err
	}
	d, err := c.kube.AppsV1().Deployments("ghost").Get(ctx, "ghost", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if d.Status.ReadyReplicas != pods {
		return fmt.Errorf("the Change is Succeeded, but the Deployment has %d of %d Pods ready", d.Status.ReadyReplicas, pods)
	}
	f.Name, f.Requests = name, nil
	f.Note = "simulated AWS durations are zero; " + f.Note
	b.report.add(f).under(5 * time.Second)
	return nil
}

// fewest are the requests of a commit that touches no component.
var fewest = requests{"POST changes": 1, "PATCH changes/status": 1, "PATCH environments/status": 1}

// none measures a commit that changes a file that is in no component.
func (b *bench) none(ctx context.Context, c *castle, name, file string) error {
	if err := c.tree.Write(file, []byte("# "+name+"\n")); err != nil {
		return err
	}
	f, err := c.deploy(ctx, name)
	if err != nil {
		return err
	}
	f.Name = name
	b.report.add(f)
	ours := f.Requests.of(func(what string) bool { return !controlPlane(what) })
	total := 0
	for _, n := range ours {
		total += n
	}
	b.report.add(figure{
		Name: name + ", requests", Value: fmt.Sprint(total), Aim: "3, nothing else", Ratio: float64(total) / 3,
		Met: maps.Equal(ours, fewest), Requests: f.Requests,
	})
	return nil
}
