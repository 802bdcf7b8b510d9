package aws

import (
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/acm"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/elbv2"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/route53"
)

// Domains is Route 53, for those who serve its zones over DNS (package
// route53/nameserver).
func (e *Endpoint) Domains() *route53.Route53 { return e.domains }

// Certificates is Certificate Manager, for those who serve its certificates.
func (e *Endpoint) Certificates() *acm.ACM { return e.certificates }

// Balancers is Elastic Load Balancing, for those who move its traffic.
func (e *Endpoint) Balancers() *elbv2.ELBV2 { return e.balancers }
