// Package cloudformation is the sandbox's CloudFormation: the stack engine and
// its API.
//
// # The engine
//
// An operation (create, update, delete, and the rollbacks that follow) runs in
// the background, as wide as the graph of resources allows. It knows no resource
// types: templates, schemas and comparisons are package template's, and the
// resources are driven through a resource.Registry.
//
//   - An update replaces a resource where the schema says so, or where the
//     provider refuses to update what the schema leaves to it (NotUpdatable). The
//     new one is created first, references move to it, and the old one is deleted
//     in the cleanup, as are resources that left the template.
//   - When a resource fails, work on the others is cancelled and everything is
//     rolled back, in the order and to the statuses of CloudFormation.
//   - Deletion and replacement policies are kept. A Snapshot policy needs a
//     provider that can make one.
//   - A nested stack is a stack with an operation of its own, for which its parent's
//     waits. An update of it is held when it is applied, until the parent's cleanup
//     or rollback says whether it stays.
//   - Dynamic references are resolved for each call to a provider and never kept.
//     Values of NoEcho parameters are kept, since later updates may use them, and
//     are shown as ****.
//
// # Durability
//
// Every step is written to the store before it is acted on, and calls to
// providers carry a token that stays the same when they are repeated. After a
// crash [CloudFormation.Resume] takes up each operation where it stood.
//
// A stack is a row for itself, one for its operation and one for each resource. One
// that is being worked on is kept in memory as well, and what its resources write
// at the same time is written together, so that the work on a stack grows with its
// resources and not with their square.
//
// # What differs from AWS
//
// A change set is complete when CreateChangeSet returns; it fails there when
// properties do not fit the schema, or when a resource has the name of another.
// IAM is not consulted: role ARNs and notification ARNs are kept and shown only,
// as are rollback triggers, which nothing watches. DescribeEvents knows no
// hooks, as there are none. Stacks nest ten deep at most. DescribeAccountLimits
// shows AWS's quotas, and the number of stacks is not held to them.
//
// A resource of a type that no service of the sandbox drives is made from its
// schema, does nothing, and is called generic in the event that it is begun
// with. Custom resources, macros and transforms but AWS::LanguageExtensions are
// refused before anything is made: there are no functions to call.
//
// What can be imported, and what drift is found of, is what has a
// [resource.Reader], and of it the properties that the reader can read. An
// import leaves the resource as it is, and gives it no tags. Drift detection
// leaves out properties with NoEcho parameters and dynamic references. Of a
// stack's detections the last one is kept.
//
// A nested stack that an update without rollback had completed is brought back
// by RollbackStack with the template that its URL has by then. Signals come
// through SignalResource only; a wait condition without a creation policy has a
// URL to signal to, and is refused.
//
// EXPRESS deployments, stack sets, cost estimates and the registry of types are
// not there; each says so when it is asked for.
//
// A CloudFormation is safe for concurrent use.
//
// Sources: the CloudFormation User Guide and API reference.
package cloudformation
