package template

import "fmt"

// malformed says, in CloudFormation's words, what is wrong with the form of a
// call's argument; "" when nothing is. Names are not looked at.
func malformed(x *Node) string {
	arg, f := x.Argument, x.Function
	list := func(least, most int) bool {
		return arg.Kind == List && len(arg.Items) >= least && len(arg.Items) <= most
	}
	switch f {
	case "Ref":
		if s, ok := arg.Text(); !ok || s == "" {
			return "Template format error: All Ref intrinsic functions must be a single, non-empty string"
		}
	case "Condition", "Fn::RefAll":
		if s, ok := arg.Text(); !ok || s == "" {
			return fmt.Sprintf("Template error: every %s object requires one String parameter.", f)
		}
	case "Fn::GetAtt":
		if _, _, err := attributeOf(arg); err != nil {
			return err.Error()
		}
	case "Fn::Sub":
		if _, err := substitution(arg); err != nil {
			return err.Error()
		}
	case "Fn::Join":
		if !list(2, 2) || !textual(arg.Items[0]) || !listLike(arg.Items[1]) {
			return "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
		}
	case "Fn::Select":
		if !list(2, 2) || !listLike(arg.Items[1]) {
			return "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
		}
	case "Fn::Split":
		if !list(2, 2) || !textual(arg.Items[0]) {
			return "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split."
		}
	case "Fn::If":
		if !list(3, 3) || !isText(arg.Items[0]) {
			return "Template error: Fn::If requires a list argument with three elements"
		}
	case "Fn::Equals":
		if !list(2, 2) {
			return "Template error: every Fn::Equals object requires a list of 2 string parameters."
		}
	case "Fn::Not":
		if !list(1, 1) {
			return "Template error: Fn::Not requires a list argument with one element"
		}
	case "Fn::And", "Fn::Or":
		if !list(2, 10) {
			return fmt.Sprintf("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", f)
		}
	case "Fn::FindInMap":
		if !list(3, 4) {
			return "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"
		}
		if len(arg.Items) == 4 && arg.Items[3].Get("DefaultValue") == nil {
			return "Template error: the fourth parameter of Fn::FindInMap must be an object with DefaultValue"
		}
	case "Fn::Cidr":
		if !list(2, 3) {
			return "Template error: Fn::Cidr requires an ipBlock, the count of subnets and, if wanted, the number of cidrBits"
		}
	case "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::ValueOf", "Fn::ValueOfAll":
		if !list(2, 2) {
			return fmt.Sprintf("Template error: every %s object requires a list of two parameters.", f)
		}
	case "Fn::Base64", "Fn::GetAZs", "Fn::ImportValue":
		if arg.Kind == List || arg.Kind == Map {
			return fmt.Sprintf("Template error: every %s object must have a String-typed value.", f)
		}
	case "Fn::Length":
		if !listLike(arg) {
			return "Template error: Fn::Length requires a list or a function that returns a list"
		}
	case "Fn::ToJsonString":
		if arg.Kind == Scalar {
			return "Template error: Fn::ToJsonString requires an object or a list"
		}
	}
	return ""
}

func isText(n *Node) bool {
	_, ok := n.Text()
	return ok
}

func textual(n *Node) bool  { return n.Kind == Call || isText(n) }
func listLike(n *Node) bool { return n.Kind == Call || n.Kind == List }
