package schema

import "slices"

// inPlace are properties that the registry's schema lists as conditionally
// create-only, so that a change set says Replacement "Conditional", while the
// service itself changes them in place.
//
// AWS::RDS::DBInstance: each is a parameter of ModifyDBInstance, whose reference
// (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html)
// says for MultiAZ that changing it "doesn't result in an outage", and for the
// others when the change is applied to the instance.
var inPlace = map[string][]string{
	"AWS::RDS::DBInstance": {"AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ"},
}

// InPlace tells whether changing the property is known to leave the resource
// where it is, although the schema says that it may be replaced. Another
// property changed at the same time may still replace it.
func InPlace(resourceType, property string) bool {
	return slices.Contains(inPlace[resourceType], property)
}
