package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// block is what keeps the Pods of an object.
type block struct {
	id     ID
	reason string
}

// followPods watches the Pods of a target while its controller is at work on it
// and not done: the reason that they do not start stands in none of the
// target's own fields. A watch without a version begins with what is there.
func (t *target) followPods(ctx context.Context, c *Cluster, desired []byte, out chan<- block) {
	if desired == nil {
		if t.stop != nil {
			t.stop()
			t.stop, t.blocked = nil, ""
		}
		return
	}
	if t.stop != nil {
		return
	}
	var spec struct {
		Spec struct {
			Selector *metav1.LabelSelector `json:"selector"`
			Template *struct{}             `json:"template"`
		} `json:"spec"`
	}
	if json.Unmarshal(desired, &spec) != nil || spec.Spec.Selector == nil || spec.Spec.Template == nil {
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Spec.Selector)
	if err != nil {
		return
	}
	ctx, t.stop = context.WithCancel(ctx)
	go func() {
		for attempt := 0; ctx.Err() == nil; attempt++ {
			w, err := c.pods.Pods(t.id.Namespace).Watch(ctx, metav1.ListOptions{LabelSelector: selector.String()})
			if err == nil {
				attempt = 0
				follow(ctx, t.id, w, out)
				w.Stop()
			}
			if c.patience.sleep(ctx, backoff(attempt, err)) != nil {
				return
			}
		}
	}()
}

// follow tells what keeps the Pods, whenever that changes, until the watch ends.
func follow(ctx context.Context, id ID, w watch.Interface, out chan<- block) {
	reasons := map[types.UID]podBlock{}
	last := ""
	for e := range w.ResultChan() {
		pod, ok := e.Object.(*corev1.Pod)
		if !ok {
			return // an error: begin anew
		}
		if reason := blockedBy(pod); e.Type == watch.Deleted || reason == "" {
			delete(reasons, pod.UID)
		} else {
			reasons[pod.UID] = podBlock{created: pod.CreationTimestamp, name: pod.Name, reason: reason}
		}
		now := newest(reasons)
		if now == last {
			continue
		}
		last = now
		select {
		case out <- block{id: id, reason: now}:
		case <-ctx.Done():
			return
		}
	}
}

type podBlock struct {
	created metav1.Time
	name    string
	reason  string
}

// newest speaks of the youngest Pod: older ones may be of an earlier revision.
func newest(blocked map[types.UID]podBlock) string {
	var of *podBlock
	for _, b := range blocked {
		if of == nil || of.created.Before(&b.created) || of.created.Equal(&b.created) && b.name < of.name {
			of = &b
		}
	}
	if of == nil {
		return ""
	}
	return fmt.Sprintf("Pod %s: %s", of.name, of.reason)
}

// blockedBy is why a Pod is not ready, in its own words; empty when it is, or
// is only starting.
func blockedBy(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return ""
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason + ": " + c.Message
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if w := s.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			reason := fmt.Sprintf("container %s: %s", s.Name, w.Reason)
			if w.Message != "" {
				reason += ": " + w.Message
			}
			if t := s.LastTerminationState.Terminated; t != nil {
				reason += fmt.Sprintf(" (it ended with exit code %d, %s)", t.ExitCode, t.Reason)
			}
			return reason
		}
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			return fmt.Sprintf("container %s ended with exit code %d, %s", s.Name, t.ExitCode, t.Reason)
		}
	}
	for _, gate := range pod.Spec.ReadinessGates {
		if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		}) {
			return "readiness gate " + string(gate.ConditionType) + " is not true"
		}
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running != nil && !s.Ready {
			return "container " + s.Name + " is running but not ready"
		}
	}
	return ""
}
