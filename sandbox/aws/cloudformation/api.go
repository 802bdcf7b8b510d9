package cloudformation

import "github.com/drawbridge-gitops/drawbridge/sandbox/aws/wire"

// Service returns the API. What is not registered here answers CloudFormation's
// InvalidAction.
func (c *CloudFormation) Service() *wire.Service {
	s := &wire.Service{Name: "cloudformation", Protocol: wire.Query, Differences: differsFromAWS, Namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/", Log: c.Log}
	wire.Register(s, "CreateStack", c.createStack)
	wire.Register(s, "UpdateStack", c.updateStack)
	wire.Register(s, "DeleteStack", c.deleteStack)
	wire.Register(s, "RollbackStack", c.rollbackStack)
	wire.Register(s, "SignalResource", c.signalResource)
	wire.Register(s, "SetStackPolicy", c.setStackPolicy)
	wire.Register(s, "GetStackPolicy", c.getStackPolicy)
	wire.Register(s, "DescribeAccountLimits", c.describeAccountLimits)
	wire.Register(s, "CancelUpdateStack", c.cancelUpdateStack)
	wire.Register(s, "ContinueUpdateRollback", c.continueUpdateRollback)
	wire.Register(s, "UpdateTerminationProtection", c.updateTerminationProtection)

	wire.Register(s, "CreateChangeSet", c.createChangeSet)
	wire.Register(s, "DescribeChangeSet", c.describeChangeSet)
	wire.Register(s, "ExecuteChangeSet", c.executeChangeSet)
	wire.Register(s, "DeleteChangeSet", c.deleteChangeSet)
	wire.Register(s, "ListChangeSets", c.listChangeSets)

	wire.Register(s, "DescribeStacks", c.describeStacks)
	wire.Register(s, "ListStacks", c.listStacks)
	wire.Register(s, "DescribeStackEvents", c.describeStackEvents)
	wire.Register(s, "DescribeEvents", c.describeEvents)
	wire.Register(s, "ListHookResults", c.listHookResults)
	wire.Register(s, "DescribeStackResource", c.describeStackResource)
	wire.Register(s, "DescribeStackResources", c.describeStackResources)
	wire.Register(s, "ListStackResources", c.listStackResources)
	wire.Register(s, "ListExports", c.listExports)
	wire.Register(s, "ListImports", c.listImports)

	wire.Register(s, "DetectStackDrift", c.detectStackDrift)
	wire.Register(s, "DetectStackResourceDrift", c.detectStackResourceDrift)
	wire.Register(s, "DescribeStackDriftDetectionStatus", c.describeStackDriftDetectionStatus)
	wire.Register(s, "DescribeStackResourceDrifts", c.describeStackResourceDrifts)

	wire.Register(s, "GetTemplate", c.getTemplate)
	wire.Register(s, "GetTemplateSummary", c.getTemplateSummary)
	wire.Register(s, "ValidateTemplate", c.validateTemplate)
	return s
}
