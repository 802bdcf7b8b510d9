package node

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conditions sets the Pod's conditions from its containers and gates, with the
// kubelet's reasons and messages.
func (l *look) conditions(initialized bool) {
	if initialized {
		l.setCondition(corev1.PodInitialized, true, "", "")
	} else {
		l.setCondition(corev1.PodInitialized, false, "ContainersNotInitialized",
			fmt.Sprintf("containers with incomplete status: %v", unreadyNames(l.status.InitContainerStatuses)))
	}
	ready, reason, message := true, "", ""
	switch unready := unreadyNames(l.status.ContainerStatuses); {
	case l.status.Phase == corev1.PodSucceeded:
		ready, reason = false, "PodCompleted"
	case l.status.Phase == corev1.PodFailed:
		ready, reason = false, "PodFailed"
	case len(unready) > 0:
		ready, reason, message = false, "ContainersNotReady", fmt.Sprintf("containers with unready status: %v", unready)
	}
	l.setCondition(corev1.ContainersReady, ready, reason, message)
	if ready {
		for _, gate := range l.pod.Spec.ReadinessGates {
			if conditionTrue(l.status, gate.ConditionType) {
				continue
			}
			ready, reason = false, "ReadinessGatesNotReady"
			if message != "" {
				message += ", "
			}
			message += gateMessage(l.status, gate.ConditionType)
		}
	}
	l.setCondition(corev1.PodReady, ready, reason, message)
}

func gateMessage(status corev1.PodStatus, gate corev1.PodConditionType) string {
	if c := findCondition(status, gate); c != nil {
		return fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %s", gate, c.Status)
	}
	return fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate)
}

// unreadyNames are the containers that are not ready. An init container that
// completed is.
func unreadyNames(all []corev1.ContainerStatus) []string {
	var names []string
	for _, cs := range all {
		if !cs.Ready {
			names = append(names, cs.Name)
		}
	}
	return names
}

// setCondition keeps the time of a condition whose status stays.
func (l *look) setCondition(kind corev1.PodConditionType, is bool, reason, message string) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	c := findCondition(l.status, kind)
	if c == nil {
		l.status.Conditions = append(l.status.Conditions, corev1.PodCondition{Type: kind})
		c = &l.status.Conditions[len(l.status.Conditions)-1]
	}
	if c.Status != status {
		c.LastTransitionTime = metav1.NewTime(l.now)
	}
	c.Status, c.Reason, c.Message = status, reason, message
	c.ObservedGeneration = l.pod.Generation
}

func findCondition(status corev1.PodStatus, kind corev1.PodConditionType) *corev1.PodCondition {
	i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &status.Conditions[i]
}

func conditionTrue(status corev1.PodStatus, kind corev1.PodConditionType) bool {
	c := findCondition(status, kind)
	return c != nil && c.Status == corev1.ConditionTrue
}
