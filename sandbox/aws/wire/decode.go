package wire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var timeType = reflect.TypeFor[time.Time]()

// decodeForm fills the input structure that into points to.
func decodeForm(root *form, table *names, into any) error {
	return formDecoder{table}.structure(root, reflect.ValueOf(into).Elem(), "")
}

type formDecoder struct{ names *names }

func (d formDecoder) structure(node *form, into reflect.Value, path string) error {
	t := into.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		name := d.names.request(t.Name(), field.Name)
		child := node.children[name]
		if child == nil {
			continue
		}
		if err := d.value(child, into.Field(i), path+name); err != nil {
			return err
		}
	}
	return nil
}

func (d formDecoder) value(node *form, into reflect.Value, path string) error {
	if into.Type() == timeType {
		at, err := parseTime(node.text)
		if err != nil {
			return Errorf("MalformedInput", "Parameter %s is no timestamp.", path)
		}
		into.Set(reflect.ValueOf(at))
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		value := reflect.New(into.Type().Elem())
		if err := d.value(node, value.Elem(), path); err != nil {
			return err
		}
		into.Set(value)
		return nil
	case reflect.Struct:
		return d.structure(node, into, path+".")
	case reflect.Slice:
		if into.Type().Elem().Kind() == reflect.Uint8 {
			raw, err := base64.StdEncoding.DecodeString(node.text)
			if err != nil {
				return Errorf("MalformedInput", "Parameter %s is not in base64.", path)
			}
			into.SetBytes(raw)
			return nil
		}
		nodes := node.elements()
		list := reflect.MakeSlice(into.Type(), len(nodes), len(nodes))
		for i, element := range nodes {
			if err := d.value(element, list.Index(i), path+"."+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
		into.Set(list)
		return nil
	case reflect.Map:
		return d.mapping(node, into, path)
	}
	return scalar(node.text, into, path)
}

// mapping reads "A.entry.1.key" and "A.entry.1.value".
func (d formDecoder) mapping(node *form, into reflect.Value, path string) error {
	result := reflect.MakeMap(into.Type())
	for i, entry := range node.elements() {
		key := reflect.New(into.Type().Key()).Elem()
		value := reflect.New(into.Type().Elem()).Elem()
		for name, child := range entry.children {
			part := value
			if strings.EqualFold(name, "key") {
				part = key
			}
			if err := d.value(child, part, path+"."+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
		result.SetMapIndex(key, value)
	}
	into.Set(result)
	return nil
}

func scalar(text string, into reflect.Value, path string) error {
	var err error
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		var v bool
		if v, err = strconv.ParseBool(text); err == nil {
			into.SetBool(v)
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		var v int64
		if v, err = strconv.ParseInt(text, 10, into.Type().Bits()); err == nil {
			into.SetInt(v)
		}
	case reflect.Float32, reflect.Float64:
		var v float64
		if v, err = strconv.ParseFloat(text, into.Type().Bits()); err == nil {
			into.SetFloat(v)
		}
	default: // documents and unions: no query service has them
		return Errorf("MalformedInput", "Parameter %s is of a kind that the sandbox does not read.", path)
	}
	if err != nil {
		return Errorf("MalformedInput", "Parameter %s must be of type %s.", path, into.Kind())
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
	}
	return time.Parse(time.RFC3339Nano, text)
}
