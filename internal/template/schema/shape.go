package schema

import (
	"fmt"
	"strings"
)

// Kind is the kind of a Shape.
type Kind string

// The kinds.
const (
	String  Kind = "string"
	Integer Kind = "integer"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	JSON    Kind = "json" // anything
	Tag     Kind = "tag"  // an object with Key and Value
	List    Kind = "list"
	Map     Kind = "map"
	Object  Kind = "object"
	Union   Kind = "union"
)

// Shape is the type of a property or attribute. Its text form, which the
// embedded data uses, is "string", "integer", "number", "boolean", "json",
// "tag", "[T]" for a list, "{T}" for a map, "#Name" for a definition of the
// resource type, and "T|U" for either.
type Shape struct {
	Kind         Kind
	Element      *Shape  // of a list or map
	Name         string  // of the definition of an object
	Alternatives []Shape // of a union, at least two, none of them a union
}

// String returns the text form.
func (s Shape) String() string {
	switch s.Kind {
	case List:
		return "[" + s.Element.String() + "]"
	case Map:
		return "{" + s.Element.String() + "}"
	case Object:
		return "#" + s.Name
	case Union:
		parts := make([]string, len(s.Alternatives))
		for i, a := range s.Alternatives {
			parts[i] = a.String()
		}
		return strings.Join(parts, "|")
	}
	return string(s.Kind)
}

// MarshalText is String.
func (s Shape) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the text form.
func (s *Shape) UnmarshalText(text []byte) error {
	rest, err := s.parse(string(text))
	if err == nil && rest != "" {
		err = fmt.Errorf("%q is left over", rest)
	}
	if err != nil {
		return fmt.Errorf("shape %q: %w", text, err)
	}
	return nil
}

func (s *Shape) parse(in string) (rest string, err error) {
	var alternatives []Shape
	for {
		var one Shape
		if in, err = one.parseOne(in); err != nil {
			return "", err
		}
		alternatives = append(alternatives, one)
		if !strings.HasPrefix(in, "|") {
			break
		}
		in = in[1:]
	}
	if len(alternatives) == 1 {
		*s = alternatives[0]
	} else {
		*s = Shape{Kind: Union, Alternatives: alternatives}
	}
	return in, nil
}

func (s *Shape) parseOne(in string) (rest string, err error) {
	if in == "" {
		return "", fmt.Errorf("it ends too early")
	}
	if open := in[0]; open == '[' || open == '{' {
		s.Kind, s.Element = List, new(Shape)
		end := "]"
		if open == '{' {
			s.Kind, end = Map, "}"
		}
		if in, err = s.Element.parse(in[1:]); err != nil {
			return "", err
		}
		if !strings.HasPrefix(in, end) {
			return "", fmt.Errorf("%q is missing", end)
		}
		return in[1:], nil
	}
	word := in
	if i := strings.IndexAny(in, "|]}"); i >= 0 {
		word = in[:i]
	}
	rest = in[len(word):]
	if name, ok := strings.CutPrefix(word, "#"); ok {
		s.Kind, s.Name = Object, name
		return rest, nil
	}
	switch k := Kind(word); k {
	case String, Integer, Number, Boolean, JSON, Tag:
		s.Kind = k
		return rest, nil
	}
	return "", fmt.Errorf("%q is not a kind", word)
}
