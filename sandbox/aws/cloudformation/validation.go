package cloudformation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drawbridge-gitops/drawbridge/internal/template"
)

// The validations of a change set, as the events name them.
const (
	propertyCheck = "PROPERTY_VALIDATION"
	nameCheck     = "NAME_CONFLICT_VALIDATION"
)

// validations are their names in the reason of a change set that fails.
var validations = map[string]string{
	propertyCheck: "AWS::EarlyValidation::PropertyValidation", nameCheck: "AWS::EarlyValidation::ResourceExistenceCheck",
}

// lateMistakes are the properties that do not fit the schemas of their types.
func lateMistakes(t *template.Template) []mistake {
	var found []mistake
	for _, e := range template.All(t.Validate()) {
		if e.Late {
			found = append(found, mistake{propertyCheck, e.Resource, t.Resources[e.Resource].Type, e.Path, e.Message})
		}
	}
	return found
}

// earlyValidation is the reason of a change set that its validation failed. The
// findings stand in DescribeEvents; CloudFormation does not repeat them here, as
// is done for those who only read the reason.
func earlyValidation(found []mistake) string {
	var checks, messages []string
	for _, m := range found {
		if name := validations[m.Check]; !slices.Contains(checks, name) {
			checks = append(checks, name)
		}
		messages = append(messages, m.Message)
	}
	return fmt.Sprintf("The following hook(s)/validation failed: [%s]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information. %s",
		strings.Join(checks, ", "), strings.Join(messages, "; "))
}
