package jsonschema_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/jsonschema"
)

const orderSchema = `{"title":"Order","type":"object","required":["id","cents"],"properties":{
	"id":{"type":"string","minLength":1},"cents":{"type":"integer","minimum":0},"to":{"$ref":"address.json"}}}`

var address = serde.Reference{Name: "address.json", Subject: "address", Schema: serde.Schema{
	Type: serde.JSONSchema, Text: `{"type":"object","properties":{"city":{"$ref":"https://a.example/city.json"}}}`,
	References: []serde.Reference{{Name: "https://a.example/city.json", Subject: "city", Schema: serde.Schema{
		Type: serde.JSONSchema, Text: `{"type":"string","maxLength":10}`,
	}}},
}}

type order struct {
	ID    string            `json:"id"`
	Cents int64             `json:"cents"`
	To    map[string]string `json:"to,omitempty"`
}

func orders() *jsonschema.Serde[order] { return jsonschema.With[order](orderSchema, address) }

func TestRoundTrip(t *testing.T) {
	s := orders()
	require.NoError(t, serde.ErrOf(s))
	require.Equal(t, "json(Order)", serde.FormatOf(s))
	require.Equal(t, []string{"id string", "cents int64", "to map[string]string,omitempty"}, serde.ShapesOf(s)[0].Fields)
	require.Equal(t, serde.Schema{
		Type: serde.JSONSchema, Text: orderSchema, Name: "Order", References: []serde.Reference{address},
	}, s.Schema())
	v := order{ID: "a", Cents: 5, To: map[string]string{"city": "Rome", "by": "sea"}}
	b, err := s.Append([]byte("x"), v)
	require.NoError(t, err)
	require.Equal(t, `x{"id":"a","cents":5,"to":{"by":"sea","city":"Rome"}}`, string(b))
	got, err := s.Decode(b[1:])
	require.NoError(t, err)
	require.Equal(t, v, got)
}

// TestWhatTheSchemaForbids is neither written nor read, and the place in the document is told.
func TestWhatTheSchemaForbids(t *testing.T) {
	s := orders()
	for _, c := range []struct {
		v    order
		at   []string
		text string
	}{
		{order{Cents: 1}, []string{"id"}, "at '/id': minLength: got 0, want 1"},
		{order{ID: "a", Cents: -1}, []string{"cents"}, "at '/cents': minimum: got -1, want 0"},
		{order{ID: "a", To: map[string]string{"city": "Rome on the Tiber"}}, []string{"to", "city"},
			"at '/to/city': maxLength: got 17, want 10"},
	} {
		_, err := s.Append(nil, c.v)
		requireInvalid(t, err, c.at, c.text)
		b, err := json.Marshal(c.v)
		require.NoError(t, err)
		_, err = s.Decode(b)
		requireInvalid(t, err, c.at, c.text)
	}
	_, err := s.Decode([]byte(`{"id":"a"}`))
	require.ErrorContains(t, err, "missing property 'cents'")
	for _, src := range []string{"", "{", `{"id":"a","cents":1}x`, "null"} {
		_, err := s.Decode([]byte(src))
		require.ErrorContains(t, err, "serde: jsonschema: Order: ", src)
	}
	_, err = jsonschema.With[func()](`{}`).Append(nil, nil)
	require.ErrorContains(t, err, "serde: jsonschema: json: unsupported type: func()")
	_, err = jsonschema.With[int](`{}`).Decode([]byte(`"a"`))
	require.ErrorContains(t, err, "cannot unmarshal string")
}

func requireInvalid(t *testing.T, err error, at []string, text string) {
	var invalid *jsonschema.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.ErrorContains(t, err, text)
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	require.Equal(t, at, invalid.InstanceLocation)
}

func TestSchemasThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                                   "unexpected end of JSON input",
		`{"type":"strnig"}`:                   "jsonschema validation failed",
		`{"$ref":"other.json"}`:               "no schema schema:///other.json among the references",
		`{"$ref":"file:///etc/hostname"}`:     "no schema file:///etc/hostname among the references",
		`{"$ref":"https://a.example/x.json"}`: "no schema https://a.example/x.json among the references",
	} {
		s := jsonschema.With[order](text)
		require.ErrorContains(t, serde.ErrOf(s), want, text)
		_, err := s.Decode([]byte(`{}`))
		require.ErrorIs(t, err, s.Err())
		_, err = s.Append(nil, order{})
		require.ErrorIs(t, err, s.Err())
		_, err = s.Resolve(serde.Schema{Type: serde.JSONSchema})
		require.ErrorIs(t, err, s.Err())
	}
}

// TestReadingHoldsAgainstTheReader: a writer that allows more may write what the reader forbids.
func TestReadingHoldsAgainstTheReader(t *testing.T) {
	decode, err := orders().Resolve(serde.Schema{Type: serde.JSONSchema, Text: `{}`})
	require.NoError(t, err)
	got, err := decode([]byte(`{"id":"a","cents":1,"more":true}`))
	require.NoError(t, err)
	require.Equal(t, order{ID: "a", Cents: 1}, got)
	_, err = decode([]byte(`{"id":"a","cents":"1"}`))
	require.ErrorContains(t, err, "got string, want integer")
	_, err = orders().Resolve(serde.Schema{Type: serde.AvroSchema})
	require.EqualError(t, err, "serde: jsonschema: the writer's schema is of type AVRO")
}

func TestGenericOnlyReads(t *testing.T) {
	s := jsonschema.Generic()
	require.NoError(t, serde.ErrOf(s))
	got, err := s.Decode([]byte(`{"a":[12345678901234567890]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{json.Number("12345678901234567890")}}, got)
	_, err = s.Append(nil, got)
	require.EqualError(t, err, "serde: jsonschema: Generic has no schema: it only reads")
}

func FuzzDecode(f *testing.F) {
	s := orders()
	f.Add([]byte(`{"id":"a","cents":5,"to":{"by":"sea","city":"Rome"}}`))
	f.Add([]byte(`{"id":"a","cents":5e400}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := s.Decode(src)
		if err != nil {
			return
		}
		b, err := s.Append(nil, v)
		require.NoError(t, err)
		again, err := s.Decode(b)
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}
