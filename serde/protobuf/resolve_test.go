package protobuf_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/protobuf"
)

func TestSchemaIsTheFile(t *testing.T) {
	s := protobuf.Of[*shop.Order_Item]().Schema()
	require.Equal(t, serde.ProtobufSchema, s.Type)
	require.Equal(t, "shop.Order.Item", s.Name)
	require.Equal(t, []int{1, 0}, s.Message, "the entries of the map do not count")
	require.Empty(t, s.References)
	require.Equal(t, `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
message Customer {
  string name = 1;
}
message Order {
  string id = 1;
  int64 customer = 2;
  int32 cents = 3;
  double weight = 4;
  float factor = 5;
  bool paid = 6;
  optional string note = 7;
  .google.protobuf.Timestamp at = 8;
  bytes raw = 9;
  repeated .shop.Order.Item items = 10;
  map<string, int64> counts = 11;
  message Item {
    string name = 1;
    .shop.Order.Kind kind = 2;
  }
  enum Kind {
    UNKNOWN = 0;
    CUP = 1;
    PLATE = 2;
  }
}
`, s.Text)
}

// TestSchemasCompileAgain: what a schema says of a message is what the message is, as text and as a descriptor.
func TestSchemasCompileAgain(t *testing.T) {
	compiles(t, protobuf.Of[*shop.Order](), anOrder())
	compiles(t, protobuf.Of[*shop.Order_Item](), &shop.Order_Item{Name: "a", Kind: shop.Order_PLATE})
	compiles(t, protobuf.Of[*structpb.Struct](), &structpb.Struct{Fields: map[string]*structpb.Value{
		"a": structpb.NewNumberValue(1), "b": structpb.NewListValue(&structpb.ListValue{}), "c": structpb.NewNullValue(),
	}})
	of := protobuf.Of[*descriptorpb.DescriptorProto]() // has extension ranges: no text
	require.NotContains(t, of.Schema().Text, "message")
	compiles(t, of, &descriptorpb.DescriptorProto{})
}

func asJSON(t *testing.T, m proto.Message) string {
	b, err := protojson.Marshal(m)
	require.NoError(t, err)
	return string(b)
}

func compiles[T proto.Message](t *testing.T, s *protobuf.Serde[T], v T) {
	require.NoError(t, s.Err())
	b, err := s.Append(nil, v)
	require.NoError(t, err)
	generic, err := protobuf.Generic().Resolve(s.Schema())
	require.NoError(t, err)
	got, err := generic(b)
	require.NoError(t, err)
	require.Equal(t, s.Schema().Name, string(got.ProtoReflect().Descriptor().FullName()))
	decode, err := s.Resolve(s.Schema())
	require.NoError(t, err)
	again, err := decode(b)
	require.NoError(t, err)
	requireEqual(t, v, again)
}

func writer(text string, message ...int) serde.Schema {
	return serde.Schema{Type: serde.ProtobufSchema, Text: text, Message: message}
}

// TestReadingGoesByNumbers: names, new fields and those that are gone do not matter.
func TestReadingGoesByNumbers(t *testing.T) {
	schema := writer(`syntax = "proto3"; package shop; message Other {} message Order {
		string key = 1; uint32 customer = 2; bool cents = 3; bytes note = 7; sint64 later = 99;
		repeated Thing items = 10; message Thing { bytes name = 1; int32 kind = 2; } }`, 1)
	decode, err := protobuf.Of[*shop.Order]().Resolve(schema)
	require.NoError(t, err)
	got, err := decode([]byte{0x0a, 1, 'a', 0x10, 5, 0x18, 1, 0x98, 0x06, 3})
	require.NoError(t, err)
	require.Equal(t, "a", got.GetId())
	require.EqualValues(t, 5, got.GetCustomer())
	require.EqualValues(t, 1, got.GetCents())
	_, err = decode([]byte{0x0a})
	require.Error(t, err)
}

// TestWhatDoesNotResolve names the field and both types.
func TestWhatDoesNotResolve(t *testing.T) {
	s := protobuf.Of[*shop.Order]("old.Order")
	for text, want := range map[string]protobuf.ResolveError{
		`message Order { int64 id = 1; }`: {Field: "id", Number: 1, Writer: "int64", Reader: "string"},
		`message Order { repeated Item items = 10; message Item { Kind kind = 1; } enum Kind { A = 0; } }`: {
			Field: "items.name", Number: 1, Writer: "enum shop.Order.Kind", Reader: "string"},
		`message Order { repeated string counts = 11; }`: {
			Field: "counts", Number: 11, Writer: "string", Reader: "map<string, int64>"},
		`message Order { map<string, string> counts = 11; }`: {
			Field: "counts.value", Number: 2, Writer: "string", Reader: "int64"},
		`message Customer { string name = 1; }`: {Writer: "shop.Customer", Reader: "shop.Order"},
	} {
		_, err := s.Resolve(writer(`syntax = "proto3"; package shop; `+text, 0))
		var got *protobuf.ResolveError
		require.ErrorAs(t, err, &got, text)
		require.Equal(t, want, *got)
		t.Log(err)
	}
	_, err := s.Resolve(writer(`syntax = "proto3"; package old; message Order { }`, 0))
	require.NoError(t, err)
	for schema, want := range map[string]string{
		`syntax = "proto3"; import "a.proto"; message A {}`: "no schema a.proto among the references",
		`syntax = "proto3"; message {`:                      "serde: protobuf: schema: ",
		`AAAA`:                                              "serde: protobuf: schema: file descriptor: ",
		`syntax = "proto3";`:                                "serde: protobuf: the writer's schema has no message at [0]",
	} {
		_, err := s.Resolve(writer(schema, 0))
		require.ErrorContains(t, err, want)
	}
	_, err = s.Resolve(serde.Schema{Type: serde.AvroSchema, Text: `"string"`})
	require.EqualError(t, err, "serde: protobuf: the writer's schema is of type AVRO")
}

// TestReferences: files that another one imports, one of them twice.
func TestReferences(t *testing.T) {
	city := serde.Reference{Name: "t/city.proto", Subject: "city", Schema: writer(
		`syntax = "proto3"; package t; message City { string name = 1; }`)}
	at := serde.Reference{Name: "t/at.proto", Subject: "at", Schema: writer(
		`syntax = "proto3"; package t; import "t/city.proto"; message At { City city = 1; }`)}
	at.Schema.References = []serde.Reference{city}
	s := writer(`syntax = "proto3"; package t; import "t/city.proto"; import "t/at.proto";
		message Order { At at = 1; City to = 2; }`, 0)
	s.References = []serde.Reference{at, city}
	decode, err := protobuf.Generic().Resolve(s)
	require.NoError(t, err)
	got, err := decode([]byte{0x12, 3, 0x0a, 1, 'R'})
	require.NoError(t, err)
	require.JSONEq(t, `{"to":{"name":"R"}}`, asJSON(t, got))
}

func TestGenericOnlyReads(t *testing.T) {
	s := protobuf.Generic()
	require.NoError(t, serde.ErrOf(s))
	require.Equal(t, serde.Schema{Type: serde.ProtobufSchema}, s.Schema())
	require.Equal(t, []serde.Shape{{Type: "protobuf"}}, serde.ShapesOf(s))
	_, err := s.Append(nil, nil)
	require.EqualError(t, err, "serde: protobuf: Generic has no schema: it only reads, by a registry")
	_, err = s.Decode(nil)
	require.Error(t, err)
}
