package resource

import "reflect"

// From is the way back of Into: what a structure of an official client has, in the
// form that templates give it, without what is not set.
func From(value any) Props {
	object, _ := plain(reflect.ValueOf(value)).(map[string]any)
	return object
}

// plain returns nil for what is not set.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		if v.Elem().Kind() == reflect.String && v.Elem().Len() == 0 {
			return "" // that it is empty was said
		}
		return plain(v.Elem())
	case reflect.Struct:
		object := map[string]any{}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				if value := plain(v.Field(i)); value != nil {
					object[field.Name] = value
				}
			}
		}
		return object
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int32, reflect.Int64:
		return v.Int()
	}
	return nil
}
