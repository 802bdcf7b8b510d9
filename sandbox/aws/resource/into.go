package resource

import (
	"fmt"
	"reflect"
	"slices"
)

// Into fills the structure that into points to, such as an input of an official
// client, from the properties of its fields' names, as deep as they go. Texts,
// numbers and booleans are read as templates write them. A property that the
// structure has no field for is an error, besides those in except, which are left.
func (p Props) Into(into any, except ...string) error {
	return structure(p, reflect.ValueOf(into).Elem(), "", except)
}

func structure(p Props, into reflect.Value, path string, except []string) error {
	for name, value := range p {
		if value == nil || slices.Contains(except, name) {
			continue
		}
		field := into.FieldByName(name)
		if !field.IsValid() || !field.CanSet() {
			return Invalid("property %s%s is not one that the sandbox has", path, name)
		}
		if err := assign(value, field, path+name); err != nil {
			return err
		}
	}
	return nil
}

func assign(value any, into reflect.Value, path string) error {
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return assign(value, into.Elem(), path)
	case reflect.Struct:
		object, ok := value.(map[string]any)
		if !ok {
			return Props{}.wrong(path, "an object")
		}
		return structure(object, into, path+".", nil)
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			return Props{}.wrong(path, "a list")
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for i, element := range list {
			if err := assign(element, into.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	one := Props{path: value}
	switch into.Kind() {
	case reflect.String:
		text, err := one.String(path)
		into.SetString(text)
		return err
	case reflect.Bool:
		flag, err := one.Bool(path)
		into.SetBool(flag)
		return err
	case reflect.Int32, reflect.Int64:
		number, err := one.Int(path)
		if err == nil && into.OverflowInt(int64(number)) {
			err = one.wrong(path, "a smaller number")
		}
		into.SetInt(int64(number))
		return err
	}
	return fmt.Errorf("property %s: a %s can't be read", path, into.Type())
}
