// Package schema knows the resource types of CloudFormation: their properties,
// attributes and identifiers, and what changing a property does to a resource.
//
// The facts are generated (see generate/) from the npm package
// @aws-cdk/aws-service-spec, whose version and licence stand in NOTICE, reduced
// to what parsing, comparing and simulating templates need, and embedded. They
// are decoded once, when first asked for, and then type by type; a look-up after
// that costs a map access.
//
// What the source lacks, and so this package too: validations (patterns,
// lengths, enumerations), write-only properties, and private types. Three kinds
// of type that it does not list are known here all the same: AWS::CDK::Metadata,
// AWS::CloudFormation::CustomResource and Custom::*, the last two with open
// properties and open attributes. It can disagree with AWS's own registry in
// details; a Conditionally is then the safe reading.
//
// All functions are safe for concurrent use. What they return is shared: do not
// change it.
package schema

//go:generate go run ./generate -out schemas.json.gz
