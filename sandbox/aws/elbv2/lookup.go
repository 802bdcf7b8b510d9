package elbv2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/resource"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/store"
	"github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"
)

// noun says what an ARN is of, by what follows the account, and how the service
// says that there is none.
type noun struct{ prefix, code, message, thing string }

var (
	aBalancer = noun{"loadbalancer/", "LoadBalancerNotFound", "One or more load balancers not found", "load balancer"}
	aGroup    = noun{"targetgroup/", "TargetGroupNotFound", "One or more target groups not found", "target group"}
	aListener = noun{"listener/", "ListenerNotFound", "One or more listeners not found", "listener"}
	aRule     = noun{"listener-rule/", "RuleNotFound", "One or more rules not found", "listener rule"}
)

func (s noun) missing() error { return wire.Errorf(s.code, "%s", s.message) }

// lookup finds a value by its ARN.
func lookup[T any](tx *store.Tx, scope store.Scope, table store.Table[T], s noun, arn *string) (T, error) {
	var none T
	if !strings.Contains(aws.ToString(arn), ":"+s.prefix) {
		return none, invalid("'%s' is not a valid %s ARN", aws.ToString(arn), s.thing)
	}
	value, found, err := table.Get(tx, scope, *arn)
	if err == nil && !found {
		err = s.missing()
	}
	return value, err
}

// listenersOf is what the ARNs of a load balancer's listeners begin with.
func listenersOf(balancerARN string) string {
	return strings.Replace(balancerARN, ":loadbalancer/", ":listener/", 1) + "/"
}

// rulesOf is what the ARNs of a listener's rules begin with.
func rulesOf(listenerARN string) string {
	return strings.Replace(listenerARN, ":listener/", ":listener-rule/", 1) + "/"
}

// balancerOf is the ARN of the load balancer that a listener's or rule's ARN is of.
func balancerOf(arn string) string {
	front, rest, _ := strings.Cut(arn, ":listener")
	rest = strings.TrimPrefix(rest, "-rule")
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/") // app, name, ID, …
	return front + ":loadbalancer/" + strings.Join(parts[:min(3, len(parts))], "/")
}

// users maps the ARN of each target group that is used to the load balancers
// that use it, in the order of ARNs.
func users(tx *store.Tx, scope store.Scope) (map[string][]string, error) {
	found := map[string][]string{}
	err := rules.Walk(tx, scope, "", func(arn string, r rule) error {
		balancer := balancerOf(arn)
		for _, group := range groupsOf(r.Actions) {
			if list := found[group]; len(list) == 0 || list[len(list)-1] != balancer {
				found[group] = append(list, balancer)
			}
		}
		return nil
	})
	return found, err
}

// groupsOf are the target groups that actions forward to.
func groupsOf(actions []types.Action) []string {
	var found []string
	for _, action := range actions {
		if action.TargetGroupArn != nil {
			found = append(found, *action.TargetGroupArn)
		} else if action.ForwardConfig != nil {
			for _, tuple := range action.ForwardConfig.TargetGroups {
				found = append(found, aws.ToString(tuple.TargetGroupArn))
			}
		}
	}
	return found
}

// refusal gives the service's errors the codes of the resource contract.
func refusal(err error) error {
	answer, expected := wire.As(err)
	if err == nil || !expected {
		return err
	}
	code := resource.InvalidRequest
	switch {
	case strings.HasSuffix(answer.Code, "NotFound"):
		code = resource.NotFound
	case strings.HasPrefix(answer.Code, "Duplicate"), answer.Code == "PriorityInUse":
		code = resource.AlreadyExists
	case answer.Code == "ResourceInUse", answer.Code == "OperationNotPermitted":
		code = resource.ResourceConflict
	case strings.HasPrefix(answer.Code, "TooMany"):
		code = resource.ServiceLimitExceeded
	}
	return &resource.Error{Code: code, Message: answer.Message + " (Service: ElasticLoadBalancingV2, Error Code: " + answer.Code + ")"}
}
