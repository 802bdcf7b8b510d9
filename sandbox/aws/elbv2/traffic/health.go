package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
)

// targetKey is a target of a group.
type targetKey struct {
	group, id string
	port      int32
}

func keyOf(group string, t types.TargetDescription) targetKey {
	return targetKey{group, aws.ToString(t.Id), aws.ToInt32(t.Port)}
}

func (k targetKey) address() string { return net.JoinHostPort(k.id, strconv.Itoa(int(k.port))) }

// check looks at one target until it is ended.
type check struct {
	key targetKey
	end context.CancelFunc

	mu            sync.Mutex
	group         elbv2.GroupSetup
	health        types.TargetHealth
	passed, fails int32 // in a row
}

// Health is how a target is, from what is known of it.
func (t *Traffic) Health(_, _ string, group types.TargetGroup, target types.TargetDescription) types.TargetHealth {
	t.mu.Lock()
	c := t.checks[keyOf(aws.ToString(group.TargetGroupArn), target)]
	t.mu.Unlock()
	if c == nil {
		return initial()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

func initial() types.TargetHealth {
	return types.TargetHealth{
		State: types.TargetHealthStateEnumInitial, Reason: types.TargetHealthReasonEnumInitialHealthChecking,
		Description: aws.String("Initial health checks in progress"),
	}
}

// look begins to look at a target, or goes on by what its group says now. It is
// called with t.mu held.
func (t *Traffic) look(key targetKey, g elbv2.GroupSetup, target types.TargetDescription) {
	if c := t.checks[key]; c != nil {
		c.mu.Lock()
		c.group = g
		c.mu.Unlock()
		return
	}
	ctx, cancel := context.WithCancel(t.ctx)
	c := &check{key: key, end: cancel, group: g, health: initial()}
	t.checks[key] = c
	t.running.Go(func() { t.watch(ctx, c) })
}

func (t *Traffic) watch(ctx context.Context, c *check) {
	for {
		c.mu.Lock()
		g := c.group
		c.mu.Unlock()
		err := t.probe(ctx, c.key, g)
		if ctx.Err() != nil {
			return
		}
		c.count(err)
		interval := t.Interval
		if interval == 0 {
			interval = time.Duration(aws.ToInt32(g.HealthCheckIntervalSeconds)) * time.Second
		}
		select {
		case <-ctx.Done():
			return
		case <-t.After(interval):
		}
	}
}

// count draws the conclusion from one more look. The first that passes makes a
// target healthy; later the group's thresholds decide.
func (c *check) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.passed, c.fails = c.passed+1, 0
		if c.health.State == types.TargetHealthStateEnumInitial || c.passed >= aws.ToInt32(c.group.HealthyThresholdCount) {
			c.health = types.TargetHealth{State: types.TargetHealthStateEnumHealthy}
		}
		return
	}
	c.passed, c.fails = 0, c.fails+1
	if c.health.State != types.TargetHealthStateEnumUnhealthy && c.fails < aws.ToInt32(c.group.UnhealthyThresholdCount) {
		return
	}
	c.health = types.TargetHealth{State: types.TargetHealthStateEnumUnhealthy, Reason: types.TargetHealthReasonEnumFailedHealthChecks, Description: aws.String("Health checks failed")}
	var code codeError
	switch {
	case errors.As(err, &code):
		c.health.Reason, c.health.Description = types.TargetHealthReasonEnumResponseCodeMismatch, aws.String(code.Error())
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.EHOSTUNREACH):
		c.health.Reason, c.health.Description = types.TargetHealthReasonEnumTimeout, aws.String("Request timed out")
	}
}

// codeError is an answer whose status the group does not take for healthy.
type codeError int

func (c codeError) Error() string {
	return fmt.Sprintf("Health checks failed with these codes: [%d]", int(c))
}

// probe looks at a target once.
func (t *Traffic) probe(ctx context.Context, key targetKey, g elbv2.GroupSetup) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(aws.ToInt32(g.HealthCheckTimeoutSeconds))*time.Second)
	defer cancel()
	if port, err := strconv.ParseInt(aws.ToString(g.HealthCheckPort), 10, 32); err == nil {
		key.port = int32(port) // otherwise it is "traffic-port"
	}
	overHTTP := g.HealthCheckProtocol == types.ProtocolEnumHttp || g.HealthCheckProtocol == types.ProtocolEnumHttps
	if !overHTTP || aws.ToString(g.ProtocolVersion) == "GRPC" {
		c, err := t.Dial(ctx, "tcp", key.address())
		if err == nil {
			c.Close()
		}
		return err
	}
	transport := &http.Transport{
		DialContext: t.Dial, DisableKeepAlives: true, DisableCompression: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // load balancers do not verify their targets
	}
	if aws.ToString(g.ProtocolVersion) == "HTTP2" {
		transport.Protocols = onlyHTTP2()
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.ToLower(string(g.HealthCheckProtocol))+"://"+key.address()+aws.ToString(g.HealthCheckPath), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if g.Matcher != nil && !matches(aws.ToString(g.Matcher.HttpCode), answer.StatusCode) {
		return codeError(answer.StatusCode)
	}
	return nil
}

// matches reports whether a status is in a list such as "200,301" or "200-299".
func matches(list string, status int) bool {
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 == nil && err2 == nil && first <= status && status <= last {
			return true
		}
	}
	return false
}
