package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"time"
)

func (s *Service) readJSON(r *http.Request) (string, func(any) error, error) {
	target := r.Header.Get("X-Amz-Target")
	prefix, operation, ok := strings.Cut(target, ".")
	if !ok || prefix != s.Target {
		return "", nil, Errorf("UnknownOperationException", "X-Amz-Target must be %s.OPERATION, not %.80q.", s.Target, target)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", nil, err
	}
	return operation, func(into any) error { return decodeJSON(body, into) }, nil
}

// decodeJSON fills the input structure that into points to.
func decodeJSON(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return Errorf("SerializationException", "The request's body is no JSON.")
	}
	return fromJSON(tree, reflect.ValueOf(into).Elem(), "")
}

func fromJSON(tree any, into reflect.Value, path string) error {
	wrong := func() error {
		return Errorf("SerializationException", "Member %q must be of type %s.", strings.TrimPrefix(path, "."), into.Kind())
	}
	if tree == nil {
		return nil
	}
	if into.Type() == timeType {
		seconds, ok := tree.(json.Number)
		f, err := seconds.Float64()
		if !ok || err != nil {
			return wrong()
		}
		into.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(f * 1000))).UTC()))
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return fromJSON(tree, into.Elem(), path)
	case reflect.Struct:
		object, ok := tree.(map[string]any)
		if !ok {
			return wrong()
		}
		for field, name := range membersOf(into.Type()) {
			if err := fromJSON(object[name], into.FieldByName(field), path+"."+name); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		if text, ok := tree.(string); ok && into.Type().Elem().Kind() == reflect.Uint8 {
			raw, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return wrong()
			}
			into.SetBytes(raw)
			return nil
		}
		list, ok := tree.([]any)
		if !ok {
			return wrong()
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for i, element := range list {
			if err := fromJSON(element, into.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		object, ok := tree.(map[string]any)
		if !ok {
			return wrong()
		}
		into.Set(reflect.MakeMapWithSize(into.Type(), len(object)))
		for key, element := range object {
			value := reflect.New(into.Type().Elem()).Elem()
			if err := fromJSON(element, value, path+"."+key); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), value)
		}
		return nil
	}
	return jsonScalar(tree, into, wrong)
}

func jsonScalar(tree any, into reflect.Value, wrong func() error) error {
	switch v := tree.(type) {
	case string:
		if into.Kind() == reflect.String {
			into.SetString(v)
			return nil
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(v)
			return nil
		}
	case json.Number:
		switch into.Kind() {
		case reflect.Int, reflect.Int32, reflect.Int64:
			if n, err := v.Int64(); err == nil && !into.OverflowInt(n) {
				into.SetInt(n)
				return nil
			}
		case reflect.Float32, reflect.Float64:
			if f, err := v.Float64(); err == nil {
				into.SetFloat(f)
				return nil
			}
		}
	}
	return wrong()
}

func encodeJSON(out any) ([]byte, error) {
	tree, err := toJSON(reflect.ValueOf(out).Elem(), true)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

func toJSON(v reflect.Value, top bool) (any, error) {
	if v.Type() == timeType {
		return float64(v.Interface().(time.Time).UnixMilli()) / 1000, nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return toJSON(v.Elem(), false)
	case reflect.Struct:
		object := map[string]any{}
		for field, name := range membersOf(v.Type()) {
			value := v.FieldByName(field)
			if absent(value) && !(top && value.Kind() == reflect.Slice && value.Type().Elem().Kind() != reflect.Uint8) {
				continue
			}
			tree, err := toJSON(value, false)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			object[name] = tree
		}
		return object, nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return base64.StdEncoding.EncodeToString(v.Bytes()), nil
		}
		list := make([]any, v.Len())
		for i := range list {
			var err error
			if list[i], err = toJSON(v.Index(i), false); err != nil {
				return nil, err
			}
		}
		return list, nil
	case reflect.Map:
		object := map[string]any{}
		for _, key := range v.MapKeys() {
			var err error
			if object[key.String()], err = toJSON(v.MapIndex(key), false); err != nil {
				return nil, err
			}
		}
		return object, nil
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		return v.Interface(), nil
	}
	return nil, fmt.Errorf("a value of kind %s has no form in JSON", v.Kind())
}
