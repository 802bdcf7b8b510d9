package aws

import (
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/acm"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2/traffic"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/simtime"
)

// Domains is Route 53, for those who serve its zones over DNS (package
// route53/nameserver).
func (e *Endpoint) Domains() *route53.Route53 { return e.domains }

// Certificates is Certificate Manager, for those who serve its certificates.
func (e *Endpoint) Certificates() *acm.ACM { return e.certificates }

// Balancers is Elastic Load Balancing.
func (e *Endpoint) Balancers() *elbv2.ELBV2 { return e.balancers }

// Listeners are the listeners of load balancers that are served.
func (e *Endpoint) Listeners() []traffic.Listener {
	if e.traffic == nil {
		return nil
	}
	return e.traffic.Listeners()
}

// listen makes load balancers move traffic.
func (e *Endpoint) listen(options Options) (err error) {
	clock := options.Clock
	if clock == nil {
		clock = simtime.System{}
	}
	e.traffic, err = traffic.Start(traffic.Options{
		Balancers: e.balancers, Certificate: e.certificates.TLS, Dial: options.Dial, Log: e.log,
		Now: e.pace.Now, After: clock.After, Interval: e.pace.Of("AWS::ElasticLoadBalancingV2::TargetGroup", simtime.Look),
	})
	if err == nil {
		e.closers = append(e.closers, e.traffic.Close)
	}
	return err
}
