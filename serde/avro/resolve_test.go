package avro_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
)

func written(t *testing.T, schema string, v any, references ...serde.Reference) (serde.Schema, []byte) {
	w := avro.With[any](schema, references...)
	require.NoError(t, w.Err())
	b, err := w.Append(nil, v)
	require.NoError(t, err)
	return w.Schema(), b
}

// TestReadingResolves: what the reader's type says wins, and what the writer lacks has the reader's default.
func TestReadingResolves(t *testing.T) {
	type address struct {
		City string `avro:"city"`
		Zip  string `avro:"zip,default=0000"`
	}
	type customer struct {
		Name    string   `avro:"name,alias=full_name"`
		Age     int64    `avro:"age"`
		Score   float64  `avro:"score"`
		Email   *string  `avro:"email"`
		Level   int32    `avro:"level,default=7"`
		Address *address `avro:"address"`
		Nick    *string  `avro:"nick"`
		Tags    []string `avro:"tags"`
	}
	schema, b := written(t, `{"type":"record","name":"customer","fields":[
		{"name":"gone","type":{"type":"map","values":"long"}},
		{"name":"score","type":"int"},
		{"name":"full_name","type":"string"},
		{"name":"age","type":"int"},
		{"name":"address","type":["null",{"type":"record","name":"address","fields":[{"name":"city","type":"string"}]}]},
		{"name":"nick","type":"string"},
		{"name":"tags","type":{"type":"array","items":"bytes"}}]}`,
		map[string]any{
			"gone": map[string]any{"a": 1, "b": 2}, "score": 3, "full_name": "Ann", "age": 40,
			"address": map[string]any{"city": "Rome"}, "nick": "A", "tags": []any{[]byte("t")},
		})
	decode, err := avro.Of[customer]("").Resolve(schema)
	require.NoError(t, err)
	got, err := decode(b)
	require.NoError(t, err)
	nick := "A"
	require.Equal(t, customer{
		Name: "Ann", Age: 40, Score: 3, Level: 7, Address: &address{"Rome", "0000"}, Nick: &nick, Tags: []string{"t"},
	}, got)
	_, err = decode(b[:len(b)-1])
	require.Error(t, err)
}

func TestUnionsResolve(t *testing.T) {
	reader := avro.With[any](`["null","string","double"]`)
	for _, c := range []struct {
		schema string
		v      any
		want   any
	}{
		{`"string"`, "a", "a"},
		{`"int"`, 3, 3.0},
		{`["int","string","null"]`, "b", "b"},
		{`["int","string","null"]`, int32(4), 4.0},
		{`["int","string","null"]`, nil, nil},
	} {
		schema, b := written(t, c.schema, c.v)
		decode, err := reader.Resolve(schema)
		require.NoError(t, err)
		got, err := decode(b)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.schema)
	}
}

// TestWhatDoesNotResolve names the field and both types.
func TestWhatDoesNotResolve(t *testing.T) {
	type order struct {
		ID    string `avro:"id"`
		Cents int64  `avro:"cents"`
	}
	s := avro.Of[order]("shop")
	for schema, want := range map[string]avro.ResolveError{
		`{"type":"record","name":"order","namespace":"shop","fields":[
			{"name":"id","type":"string"},{"name":"cents","type":"string"}]}`: {
			Path: "cents", ReaderType: "long", WriterType: "string"},
		`{"type":"record","name":"order","namespace":"shop","fields":[{"name":"id","type":"string"}]}`: {
			Path: "cents", ReaderType: "long", WriterType: ""},
		`"string"`: {Path: "(root)", ReaderType: "record", WriterType: "string"},
	} {
		_, err := s.Resolve(serde.Schema{Type: serde.AvroSchema, Text: schema})
		var got *avro.ResolveError
		require.ErrorAs(t, err, &got)
		t.Log(err)
		got.Detail = ""
		require.Equal(t, want, *got)
	}
	_, err := s.Resolve(serde.Schema{Type: serde.JSONSchema, Text: `{}`})
	require.EqualError(t, err, "serde: avro: the writer's schema is of type JSON")
	_, err = s.Resolve(serde.Schema{Type: serde.AvroSchema, Text: `{`})
	require.ErrorContains(t, err, "serde: avro: schema: ")
}

// TestReferences: a named type that another schema defines, and one that needs the same by another way.
func TestReferences(t *testing.T) {
	city := serde.Reference{Name: "t.City", Subject: "city", Schema: serde.Schema{
		Type: serde.AvroSchema, Text: `{"type":"record","name":"City","namespace":"t","fields":[{"name":"n","type":"string"}]}`,
	}}
	shop := serde.Reference{Name: "t.Shop", Subject: "shop", Schema: serde.Schema{
		Type: serde.AvroSchema, References: []serde.Reference{city},
		Text: `{"type":"record","name":"Shop","namespace":"t","fields":[{"name":"at","type":"t.City"}]}`,
	}}
	text := `{"type":"record","name":"Order","namespace":"t","fields":[
		{"name":"shop","type":"Shop"},{"name":"to","type":"t.City"}]}`
	v := map[string]any{
		"shop": map[string]any{"at": map[string]any{"n": "Rome"}}, "to": map[string]any{"n": "Oslo"},
	}
	schema, b := written(t, text, v, shop, city)
	require.Equal(t, []serde.Reference{shop, city}, schema.References)
	decode, err := avro.Generic().Resolve(schema)
	require.NoError(t, err)
	got, err := decode(b)
	require.NoError(t, err)
	require.Equal(t, v, got)
	require.ErrorContains(t, serde.ErrOf(avro.With[any](text)), "Shop")
}
