package traffic

import (
	"context"
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
)

// The cookies by which a client stays with a target group and with a target.
const (
	groupCookie  = "AWSALBTG"
	targetCookie = "AWSALB"
)

// forward sends a request to a target of the group that an action chooses.
func (s *served) forward(w http.ResponseWriter, r *http.Request, l *listenerSetup, to types.ForwardActionConfig) {
	arn := to.TargetGroups[0].TargetGroupArn
	if len(to.TargetGroups) > 1 {
		arn = weighted(to.TargetGroups)
		if sticky := to.TargetGroupStickinessConfig; aws.ToBool(sticky.Enabled) {
			for _, tuple := range to.TargetGroups {
				if remembered(r, groupCookie) == *tuple.TargetGroupArn && aws.ToInt32(tuple.Weight) > 0 {
					arn = tuple.TargetGroupArn
				}
			}
			if arn != nil {
				remember(w, groupCookie, *arn, s.traffic.Now().Add(time.Duration(aws.ToInt32(sticky.DurationSeconds))*time.Second))
			}
		}
	}
	if arn == nil { // all weights are zero
		answer(w, http.StatusServiceUnavailable)
		return
	}
	g, target, ok := s.traffic.choose(*arn, remembered(r, targetCookie))
	if !ok {
		answer(w, http.StatusServiceUnavailable)
		return
	}
	if g.Attributes["stickiness.enabled"] == "true" && g.Attributes["stickiness.type"] == "lb_cookie" {
		seconds, _ := strconv.Atoi(g.Attributes["stickiness.lb_cookie.duration_seconds"]) // was checked when it was set
		remember(w, targetCookie, target.address(), s.traffic.Now().Add(time.Duration(seconds)*time.Second))
	}
	l.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey{}, route{s, l, g, target})))
}

// weighted draws a group by the weights, or nil where all are zero.
func weighted(list []types.TargetGroupTuple) *string {
	total := int32(0)
	for _, tuple := range list {
		total += aws.ToInt32(tuple.Weight)
	}
	if total == 0 {
		return nil
	}
	drawn := rand.Int32N(total)
	for _, tuple := range list {
		if drawn -= aws.ToInt32(tuple.Weight); drawn < 0 {
			return tuple.TargetGroupArn
		}
	}
	return nil
}

// choose is the target of a group whose turn it is, or the one that is preferred
// where it is fit. Where no target is healthy all are tried, as the service does.
func (t *Traffic) choose(arn, preferred string) (elbv2.GroupSetup, targetKey, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.setup.Groups[arn]
	sticky := g.Attributes["stickiness.enabled"] == "true"
	var healthy, all []targetKey
	for _, target := range g.Targets {
		key := keyOf(arn, target)
		all = append(all, key)
		if t.checks[key].healthy() {
			healthy = append(healthy, key)
		}
	}
	if len(healthy) == 0 {
		healthy = all
	}
	if len(healthy) == 0 {
		return g, targetKey{}, false
	}
	for _, key := range healthy {
		if sticky && key.address() == preferred {
			return g, key, true
		}
	}
	turn := t.turns[arn]
	t.turns[arn]++
	return g, healthy[turn%uint64(len(healthy))], true
}

// healthy reports what is known; nobody looks at a target whose check is nil.
func (c *check) healthy() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health.State == types.TargetHealthStateEnumHealthy
}

// remembered is what a cookie of ours holds.
func remembered(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	return string(text)
}

// remember sets a cookie, and its twin for requests across origins.
func remember(w http.ResponseWriter, name, text string, until time.Time) {
	value := base64.RawURLEncoding.EncodeToString([]byte(text))
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Expires: until})
	http.SetCookie(w, &http.Cookie{Name: name + "CORS", Value: value, Path: "/", Expires: until, SameSite: http.SameSiteNoneMode, Secure: true})
}
