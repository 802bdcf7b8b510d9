// Package template reads CloudFormation templates: it parses them with the
// position of every value, finds their mistakes, evaluates them and says what
// changing a stack from one to another would do. It does no I/O; whatever lies
// outside the template (parameters, the state of resources, exports, secrets)
// comes in through an [Environment].
//
// The steps, each usable without the next:
//
//	t, err := template.Parse(body, "database.yaml") // text → sections and nodes
//	err = t.Validate()                              // everything that needs no values
//	b, err := t.Bind(env)                           // parameters, rules, conditions
//	s, err := b.State()                             // desired properties of each resource
//	cs, err := template.Compare(before, b)          // what a change set would say
//
// # What is understood
//
// JSON and YAML; the intrinsic functions in their long and short forms;
// parameters with all constraints; mappings, conditions, rules, outputs,
// exports; dynamic references ([Dynamic]). Of transforms only
// AWS::LanguageExtensions, for Fn::Length, Fn::ToJsonString and the default
// value of Fn::FindInMap; every other transform, Fn::Transform and Fn::ForEach
// are refused by Validate, since only AWS can expand them. Hooks and modules are
// refused too.
//
// # Values
//
// Evaluated values are string, bool, int64, float64, []any and map[string]any,
// given the kind that the property's schema asks for, so that "20" and 20 are the
// same value of the same property. AWS::NoValue leaves no trace. What can't be
// known before a resource exists is an [Unknown]. Dynamic references stay in
// the values as they are written: secrets are never in an evaluated template;
// [ResolveDynamic] puts them in at the last moment.
//
// # Errors
//
// Mistakes of the template's author are [Errors], each with file and line and,
// where it is known, CloudFormation's own wording. No error repeats the value of
// a parameter.
//
// A Template, a Bound and what they return are immutable after they are made
// and safe for concurrent use; an Environment's functions must be too.
//
// Sources: the CloudFormation User Guide (template anatomy, intrinsic function
// reference, change sets); package schema for resource types.
package template
