package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"time"
)

// encodeXML writes the answer of an operation in one of the XML protocols.
func (s *Service) encodeXML(operation, requestID string, out any) ([]byte, error) {
	e := &xmlEncoder{names: namesOf(s.Name, s.Protocol)}
	e.buffer.WriteString(xml.Header)
	fmt.Fprintf(&e.buffer, `<%sResponse xmlns="%s">`, operation, s.Namespace)
	switch s.Protocol {
	case EC2Query:
		e.leaf("requestId", requestID)
		if err := e.fields(reflect.ValueOf(out).Elem(), true); err != nil {
			return nil, err
		}
	case RestXML:
		if err := e.fields(reflect.ValueOf(out).Elem(), true); err != nil {
			return nil, err
		}
	default:
		e.open(operation + "Result")
		if err := e.fields(reflect.ValueOf(out).Elem(), true); err != nil {
			return nil, err
		}
		e.close(operation + "Result")
		e.open("ResponseMetadata")
		e.leaf("RequestId", requestID)
		e.close("ResponseMetadata")
	}
	e.close(operation + "Response")
	return e.buffer.Bytes(), nil
}

type xmlEncoder struct {
	names  *names
	buffer bytes.Buffer
}

func (e *xmlEncoder) open(name string)  { e.buffer.WriteString("<" + name + ">") }
func (e *xmlEncoder) close(name string) { e.buffer.WriteString("</" + name + ">") }

func (e *xmlEncoder) leaf(name, text string) {
	e.open(name)
	_ = xml.EscapeText(&e.buffer, []byte(text)) // a buffer takes everything
	e.close(name)
}

// fields writes the fields of a structure. At the top of an answer an absent
// list is written as an empty one.
func (e *xmlEncoder) fields(value reflect.Value, top bool) error {
	t := value.Type()
	for i := range t.NumField() {
		field, v := t.Field(i), value.Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		if _, isHeader := e.names.headers[t.Name()+"."+field.Name]; isHeader {
			continue
		}
		name, item := e.names.response(t.Name(), field.Name)
		if absent(v) && !(top && v.Kind() == reflect.Slice) {
			continue
		}
		if err := e.value(name, item, v); err != nil {
			return fmt.Errorf("%s.%s: %w", t.Name(), field.Name, err)
		}
	}
	return nil
}

func (e *xmlEncoder) value(name, item string, v reflect.Value) error {
	if v.Type() == timeType {
		e.leaf(name, v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.000Z"))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return e.value(name, item, v.Elem())
	case reflect.Struct:
		e.open(name)
		err := e.fields(v, false)
		e.close(name)
		return err
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			e.leaf(name, base64.StdEncoding.EncodeToString(v.Bytes()))
			return nil
		}
		e.open(name)
		for i := range v.Len() {
			if err := e.value(item, item, v.Index(i)); err != nil {
				return err
			}
		}
		e.close(name)
		return nil
	case reflect.Map:
		e.open(name)
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, key := range keys {
			e.open("entry")
			e.leaf("key", key.String())
			if err := e.value("value", item, v.MapIndex(key)); err != nil {
				return err
			}
			e.close("entry")
		}
		e.close(name)
		return nil
	case reflect.String:
		e.leaf(name, v.String())
	case reflect.Bool:
		e.leaf(name, strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int32, reflect.Int64:
		e.leaf(name, strconv.FormatInt(v.Int(), 10))
	case reflect.Float32, reflect.Float64:
		e.leaf(name, strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits()))
	default:
		return fmt.Errorf("a value of kind %s has no form in XML", v.Kind())
	}
	return nil
}

// absent reports whether a field holds nothing. Numbers and booleans that are no
// pointers are always there: their zero means zero.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String: // enumerations
		return v.Len() == 0
	}
	return false
}
