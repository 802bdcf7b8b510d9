package wire

import (
	"math/big"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
)

// memberTables caches what membersOf finds: reflect.Type to map[string]string.
var memberTables sync.Map

// membersOf maps the fields of an official client's structure to the names of its
// members on the wire: "RepositoryName" to "repositoryName". The client's own
// schema tells; a structure that has none calls its members what the fields are
// called.
func membersOf(t reflect.Type) map[string]string {
	if known, ok := memberTables.Load(t); ok {
		return known.(map[string]string)
	}
	byName := map[string]string{} // without regard to case
	if schema := schemaOf(t); schema != nil {
		for member := range schema.Members() {
			byName[strings.ToLower(member)] = member
		}
	}
	members := map[string]string{}
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		name, ok := byName[strings.ToLower(field.Name)]
		if !ok {
			name = field.Name
		}
		members[field.Name] = name
	}
	memberTables.Store(t, members)
	return members
}

// schemaOf is the schema of an official client's structure, nil where it has none.
func schemaOf(t reflect.Type) *smithy.Schema {
	var seen schemaSeen
	if shape, ok := reflect.New(t).Interface().(smithy.Serializable); ok {
		shape.Serialize(&seen)
	}
	return seen.schema
}

// schemaSeen is a serializer that writes nothing: it keeps the schema of the first
// structure that it is to write.
type schemaSeen struct{ schema *smithy.Schema }

func (s *schemaSeen) WriteStruct(schema *smithy.Schema) {
	if s.schema == nil {
		s.schema = schema
	}
}

func (*schemaSeen) CloseStruct()                                 {}
func (*schemaSeen) Bytes() []byte                                { return nil }
func (*schemaSeen) WriteInt8(*smithy.Schema, int8)               {}
func (*schemaSeen) WriteInt16(*smithy.Schema, int16)             {}
func (*schemaSeen) WriteInt32(*smithy.Schema, int32)             {}
func (*schemaSeen) WriteInt64(*smithy.Schema, int64)             {}
func (*schemaSeen) WriteFloat32(*smithy.Schema, float32)         {}
func (*schemaSeen) WriteFloat64(*smithy.Schema, float64)         {}
func (*schemaSeen) WriteBool(*smithy.Schema, bool)               {}
func (*schemaSeen) WriteString(*smithy.Schema, string)           {}
func (*schemaSeen) WriteBigInt(*smithy.Schema, *big.Int)         {}
func (*schemaSeen) WriteBigFloat(*smithy.Schema, *big.Float)     {}
func (*schemaSeen) WriteBlob(*smithy.Schema, []byte)             {}
func (*schemaSeen) WriteTime(*smithy.Schema, time.Time)          {}
func (*schemaSeen) WriteUnion(_, _ *smithy.Schema)               {}
func (*schemaSeen) CloseUnion()                                  {}
func (*schemaSeen) WriteDocument(*smithy.Schema, document.Value) {}
func (*schemaSeen) WriteNil(*smithy.Schema)                      {}
func (*schemaSeen) WriteList(*smithy.Schema)                     {}
func (*schemaSeen) CloseList()                                   {}
func (*schemaSeen) WriteMap(*smithy.Schema)                      {}
func (*schemaSeen) WriteKey(*smithy.Schema, string)              {}
func (*schemaSeen) CloseMap()                                    {}
