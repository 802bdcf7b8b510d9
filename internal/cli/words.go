package cli

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drawbridge-gitops/drawbridge/api/v1alpha1"
)

// short is a commit as people name it.
func short(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	return commit
}

// duration between two times, to now when there is no end yet; "" before the
// start.
func duration(from, to *metav1.MicroTime, now time.Time) string {
	if from == nil {
		return ""
	}
	if to != nil {
		now = to.Time
	}
	return human(now.Sub(from.Time))
}

// human rounds a duration to what matters of it: 40ms, 3.2s, 4m10s.
func human(d time.Duration) string {
	switch {
	case d < time.Second:
		return max(d, 0).Round(time.Millisecond).String()
	case d < time.Minute-50*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// age of something, in one unit.
func age(t, now time.Time) string {
	switch d := max(now.Sub(t), 0); {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// when is a time in the reader's zone.
func when(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}

func person(name, email string) string {
	if email == "" {
		return name
	}
	return fmt.Sprintf("%s <%s>", name, email)
}

// ready returns the Ready condition in words, and its message.
func ready(conditions []metav1.Condition) (string, string) {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case c == nil:
		return "Unknown", ""
	case c.Status == metav1.ConditionTrue:
		return "True", c.Message
	default:
		return string(c.Status) + " (" + c.Reason + ")", c.Message
	}
}

// within takes from the front of a message what its reader knows from where it
// stands: messages are made to be understood alone, and name the Environment
// and the component that they are about.
func within(message, environment, component string) string {
	for _, context := range []string{component, "environment " + environment, "component " + component} {
		if context != "" {
			message = strings.TrimPrefix(message, context+": ")
		}
	}
	return message
}

// failure names the first component that failed in a Change, and why; when none
// did, why the Change failed.
func failure(c *v1alpha1.Change) string {
	environment := c.Namespace + "/" + c.Spec.Environment
	for _, s := range c.Status.Steps {
		if s.Phase != v1alpha1.PhaseFailed {
			continue
		}
		text := s.Component + ": " + within(s.Message, environment, s.Component)
		if others := c.Status.Totals[v1alpha1.PhaseFailed] - 1; others > 0 {
			text = fmt.Sprintf("%s (and %d more)", firstLine(text), others)
		}
		return text
	}
	return within(c.Status.Message, environment, "")
}

// underWay says how far a Change is and what it waits for.
func underWay(c *v1alpha1.Change) string {
	text := c.Status.Message
	for _, s := range c.Status.Steps {
		if s.Phase == v1alpha1.PhaseRunning && s.Message != "" {
			return strings.TrimPrefix(text+"; ", "; ") + s.Component + ": " + within(s.Message, c.Namespace+"/"+c.Spec.Environment, s.Component)
		}
	}
	if text == "" {
		return "reading the commit"
	}
	return text
}
