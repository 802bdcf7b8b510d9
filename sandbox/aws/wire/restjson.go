package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"
)

// RegisterREST adds an operation to a service of the protocol restJson1. The method
// and the path are in the operation's schema, which the official client has in its
// package schemas, and what of the input is in the path and in the query is in the
// input's. An input with members in headers is a mistake of the program and panics,
// as no service of the sandbox has one.
func RegisterREST[In, Out any](s *Service, operation *smithy.Schema, call func(context.Context, *In) (*Out, error)) {
	name := operation.ID().Name
	binding, ok := smithy.SchemaTrait[*traits.HTTP](operation)
	if !ok {
		panic(fmt.Sprintf("wire: %s %s has no HTTP binding", s.Name, name))
	}
	for _, member := range schemaOf(reflect.TypeFor[In]()).Members() {
		_, header := smithy.SchemaDirectTrait[*traits.HTTPHeader](member)
		_, headers := smithy.SchemaDirectTrait[*traits.HTTPPrefixHeaders](member)
		_, payload := smithy.SchemaDirectTrait[*traits.HTTPPayload](member)
		if header || headers || payload {
			panic(fmt.Sprintf("wire: %s %s has its member %s in a header or as the whole body", s.Name, name, member.MemberName()))
		}
	}
	s.routes = append(s.routes, newRoute(name, binding.Method, binding.URI))
	Register(s, name, call)
}

func (s *Service) readRESTJSON(r *http.Request) (string, func(any) error, error) {
	found, labels, ok := findRoute(r, s.routes)
	if !ok {
		return r.Method + " " + r.URL.Path, nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return found.operation, nil, err
	}
	query := r.URL.Query()
	return found.operation, func(into any) error {
		if err := decodeJSON(body, into); err != nil {
			return err
		}
		value := reflect.ValueOf(into).Elem()
		schema := schemaOf(value.Type())
		for field, name := range membersOf(value.Type()) {
			node := labels[name]
			member := schema.Member(name)
			if parameter, ok := smithy.SchemaDirectTrait[*traits.HTTPQuery](member); ok && query.Has(parameter.Name) {
				node = queryForm(query[parameter.Name])
			}
			if node == nil {
				continue
			}
			if err := (formDecoder{}).value(node, value.FieldByName(field), name); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// restStatus is the HTTP status of an error that the official client's schema gives
// one, as restJson1 errors have; else what As found.
func restStatus(err error, found int) int {
	var shape smithy.Serializable
	if !errors.As(err, &shape) {
		return found
	}
	schema := schemaOf(reflect.TypeOf(shape).Elem())
	if schema == nil {
		return found
	}
	if status, ok := smithy.SchemaTrait[*traits.HTTPError](schema); ok {
		return status.Code
	}
	return found
}
