package resource

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Props reads the properties of a resource. Templates write numbers and booleans
// as they like, so each reader takes the value and its text form. A value of
// another kind is an [*Error] with code InvalidRequest that names the property.
// An absent property reads as the zero value.
type Props map[string]any

// Has reports whether the property is there.
func (p Props) Has(name string) bool { return p[name] != nil }

// String reads a text; numbers and booleans are written out.
func (p Props) String(name string) (string, error) {
	switch v := p[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case json.Number:
		return v.String(), nil
	}
	return "", p.wrong(name, "a string")
}

// Int reads a whole number.
func (p Props) Int(name string) (int, error) {
	switch v := p[name].(type) {
	case nil:
		return 0, nil
	case int:
		return v, nil
	case int64:
		return int(v), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), nil
		}
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return 0, p.wrong(name, "a whole number")
}

// Bool reads true or false.
func (p Props) Bool(name string) (bool, error) {
	switch v := p[name].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b, nil
		}
	}
	return false, p.wrong(name, "true or false")
}

// Strings reads a list of texts.
func (p Props) Strings(name string) ([]string, error) {
	switch v := p[name].(type) {
	case nil:
		return nil, nil
	case []string:
		return v, nil
	case []any:
		out := make([]string, len(v))
		for i, element := range v {
			s, err := (Props{name: element}).String(name)
			if err != nil || element == nil {
				return nil, p.wrong(fmt.Sprintf("%s[%d]", name, i), "a string")
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, p.wrong(name, "a list of strings")
}

// Object reads a nested object; absent, it is nil.
func (p Props) Object(name string) (Props, error) {
	switch v := p[name].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v, nil
	}
	return nil, p.wrong(name, "an object")
}

// Objects reads a list of nested objects.
func (p Props) Objects(name string) ([]Props, error) {
	if p[name] == nil {
		return nil, nil
	}
	list, ok := p[name].([]any)
	if !ok {
		return nil, p.wrong(name, "a list of objects")
	}
	out := make([]Props, len(list))
	for i, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			return nil, p.wrong(fmt.Sprintf("%s[%d]", name, i), "an object")
		}
		out[i] = object
	}
	return out, nil
}

// JSON reads a document that may be given as an object or as its text, such as a
// policy, and returns it as text. Absent, it is "".
func (p Props) JSON(name string) (string, error) {
	switch v := p[name].(type) {
	case nil:
		return "", nil
	case string:
		if json.Valid([]byte(v)) {
			return v, nil
		}
		return "", p.wrong(name, "a JSON document")
	}
	text, err := json.Marshal(p[name])
	if err != nil {
		return "", p.wrong(name, "a JSON document")
	}
	return string(text), nil
}

// Tags reads the Tags property, given as a list of Key and Value or as a map,
// and lays it over base, which it leaves as it is.
func (p Props) Tags(name string, base map[string]string) (map[string]string, error) {
	tags := make(map[string]string, len(base))
	for k, v := range base {
		tags[k] = v
	}
	if object, ok := p[name].(map[string]any); ok {
		for k := range object {
			v, err := Props(object).String(k)
			if err != nil {
				return nil, err
			}
			tags[k] = v
		}
		return tags, nil
	}
	list, err := p.Objects(name)
	if err != nil {
		return nil, err
	}
	for _, tag := range list {
		key, err := tag.Required("Key")
		if err != nil {
			return nil, err
		}
		if tags[key], err = tag.String("Value"); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// TagList is a resource's tags as a Tags property that is a list of Key and
// Value, in order; nil when there are none but CloudFormation's own.
func TagList(tags map[string]string) []any {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !strings.HasPrefix(key, "aws:") {
			list = append(list, map[string]any{"Key": key, "Value": tags[key]})
		}
	}
	return list
}

// Set gives a property a value, unless that is empty: "", nil, or a list or an
// object of nothing.
func (p Props) Set(name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	case map[string]any:
		if len(v) == 0 {
			return
		}
	}
	p[name] = value
}

// Required reads a text that must be there and not empty.
func (p Props) Required(name string) (string, error) {
	s, err := p.String(name)
	if err == nil && s == "" {
		err = Invalid("property %s is missing or empty", name)
	}
	return s, err
}

// wrong never repeats the value: it may be a secret.
func (p Props) wrong(name, expected string) error {
	return Invalid("property %s must be %s", name, expected)
}

// Invalid returns an InvalidRequest error.
func Invalid(format string, args ...any) *Error {
	return &Error{Code: InvalidRequest, Message: fmt.Sprintf(format, args...)}
}
