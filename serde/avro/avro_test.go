package avro_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
)

type order struct {
	ID       string    `avro:"id"`
	Customer int64     `avro:"customer"`
	Cents    int32     `avro:"cents"`
	Weight   float64   `avro:"weight"`
	Factor   float32   `avro:"factor"`
	Paid     bool      `avro:"paid"`
	Note     *string   `avro:"note"`
	At       time.Time `avro:"at"`
	Raw      []byte    `avro:"raw"`
	Items    []string  `avro:"items"`
}

var orders = rapid.Custom(func(t *rapid.T) order {
	o := order{
		ID: rapid.String().Draw(t, "id"), Customer: rapid.Int64().Draw(t, "customer"), Cents: rapid.Int32().Draw(t, "cents"),
		Weight: rapid.Float64().Draw(t, "weight"), Paid: rapid.Bool().Draw(t, "paid"), Factor: 0.5,
		At: time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "at")).UTC(),
	}
	if rapid.Bool().Draw(t, "more") {
		note := rapid.String().Draw(t, "note")
		o.Note, o.Raw = &note, rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "raw")
		o.Items = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "items")
	}
	return o
})

func TestRoundTrips(t *testing.T) {
	s := avro.Of[order]("shop")
	require.NoError(t, s.Err())
	pointers := avro.With[*order](s.Schema().Text)
	rapid.Check(t, func(t *rapid.T) {
		v := orders.Draw(t, "v")
		b, err := s.Append([]byte("x"), v)
		require.NoError(t, err)
		input := append([]byte(nil), b[1:]...)
		got, err := s.Decode(input)
		require.NoError(t, err)
		pointer, err := pointers.Decode(input)
		require.NoError(t, err)
		again, err := pointers.Append(nil, pointer)
		require.NoError(t, err)
		require.Equal(t, input, again)
		for i := range input {
			input[i] = 0xff
		}
		requireSame(t, v, got) // it keeps nothing of its input
		requireSame(t, v, *pointer)
	})
}

// requireSame takes no slice for an empty one: Avro knows no difference.
func requireSame(t require.TestingT, want, got order) {
	if len(want.Raw) == 0 {
		want.Raw, got.Raw = nil, got.Raw[:len(got.Raw):len(got.Raw)]
		require.Empty(t, got.Raw)
		got.Raw = nil
	}
	if len(want.Items) == 0 {
		require.Empty(t, got.Items)
		want.Items, got.Items = nil, nil
	}
	require.Equal(t, want, got)
}

func TestSchemaOfType(t *testing.T) {
	s := avro.Of[order]("shop")
	require.Equal(t, serde.AvroSchema, s.Schema().Type)
	require.Equal(t, "shop.order", s.Schema().Name)
	require.JSONEq(t, `{"type":"record","name":"order","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"customer","type":"long"},{"name":"cents","type":"int"},
		{"name":"weight","type":"double"},{"name":"factor","type":"float"},{"name":"paid","type":"boolean"},
		{"name":"note","type":["null","string"],"default":null},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"raw","type":"bytes"},
		{"name":"items","type":{"type":"array","items":"string"}}]}`, s.Schema().Text)
	require.ErrorContains(t, serde.ErrOf(avro.Of[func()]("")), "serde: avro: schema of func(): ")
	require.ErrorContains(t, serde.ErrOf(avro.With[order](`{"type":"nothing"}`)), "serde: avro: schema: ")
}

// TestFormatIsOfTheBytes: a schema that has other bytes, or means another thing by them, is another format.
func TestFormatIsOfTheBytes(t *testing.T) {
	format := func(text string) string { return serde.FormatOf(avro.With[any](text)) }
	two := `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`
	require.Equal(t, format(`"long"`), format(`{"type": "long", "doc": "a number"}`))
	require.NotEqual(t, format(`"long"`), format(`"int"`))
	require.NotEqual(t, format(two), format(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}`))
	require.Regexp(t, `^avro\(long,[0-9a-f]{16}\)$`, format(`"long"`))
	require.Empty(t, serde.ShapesOf(avro.With[any](two)))
}

func TestLogicalTypes(t *testing.T) {
	type bill struct {
		Total *big.Rat  `avro:"total,decimal(10,2)"`
		Day   time.Time `avro:"day,date"`
		ID    [16]byte  `avro:"id,uuid"`
	}
	s := avro.Of[bill]("")
	v := bill{big.NewRat(-1999, 100), time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), [16]byte{1, 2, 3}}
	b, err := s.Append(nil, v)
	require.NoError(t, err)
	require.Equal(t, []byte{2, 4, 0xf8, 0x31}, b[:4], "not null, and the unscaled value of -19.99 as Java writes it")
	got, err := s.Decode(b)
	require.NoError(t, err)
	require.Equal(t, v, got)
}

// TestMapsHaveOneOrder: whatever lies around them, and within them.
func TestMapsHaveOneOrder(t *testing.T) {
	type node struct {
		Name  string                      `avro:"name"`
		Kind  [2]byte                     `avro:"kind"`
		Deep  map[string]map[string]int64 `avro:"deep"`
		Next  *node                       `avro:"next"`
		Parts []map[string]float32        `avro:"parts"`
		Flag  bool                        `avro:"flag"`
		Ratio float64                     `avro:"ratio"`
	}
	many := map[string]map[string]int64{}
	for i := range 20 {
		many[fmt.Sprint("k", i)] = map[string]int64{"a": 1, "b": int64(i), "c": -300, "d": 1 << 40}
	}
	v := node{Name: "out", Deep: many, Parts: []map[string]float32{{"x": 1, "y": 2}, {}, {"z": 3}}}
	v.Next = &node{Name: "in", Deep: many, Parts: v.Parts}
	s := avro.Of[node]("n")
	first, err := s.Append([]byte("before"), v)
	require.NoError(t, err)
	for range 50 {
		b, err := s.Append([]byte("before"), v)
		require.NoError(t, err)
		require.Equal(t, first, b)
	}
	got, err := s.Decode(first[len("before"):])
	require.NoError(t, err)
	again, err := s.Append([]byte("before"), got)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, many, got.Next.Deep)
}

func TestGenericMapsHaveOneOrder(t *testing.T) {
	s := avro.With[any](`{"type":"record","name":"A","namespace":"x.y","fields":[
		{"name":"e","type":{"type":"enum","name":"E","symbols":["U","V"]}},
		{"name":"m","type":{"type":"map","values":["null","E","x.y.E","A","long"]}}]}`)
	s2 := avro.With[any](`{"type":"record","name":"A","namespace":"x.y","fields":[
		{"name":"e","type":{"type":"enum","name":"E","symbols":["U","V"]}},
		{"name":"m","type":{"type":"map","values":["null","E","A","long"]}}]}`)
	require.Error(t, s.Err(), "a union has a type once")
	inner := map[string]any{"e": "U", "m": map[string]any{}}
	v := map[string]any{"e": "V", "m": map[string]any{"a": nil, "b": inner, "c": int64(3), "d": nil, "f": int64(0)}}
	first, err := s2.Append(nil, v)
	require.NoError(t, err)
	for range 50 {
		b, err := s2.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, first, b)
	}
	got, err := s2.Decode(first)
	require.NoError(t, err)
	require.Equal(t, v, got)
}

func TestBytesThatDoNotDecode(t *testing.T) {
	s := avro.Of[order]("shop")
	whole, err := s.Append(nil, order{ID: "a", Items: []string{"b"}, At: time.UnixMilli(0)})
	require.NoError(t, err)
	for n := range whole {
		_, err := s.Decode(whole[:n])
		require.Error(t, err, "%d of %d bytes", n, len(whole))
	}
	var truncated *avro.TruncatedError
	_, err = s.Decode(whole[:6])
	require.ErrorAs(t, err, &truncated)
	require.ErrorContains(t, err, "serde: avro: shop.order: ")
	_, err = s.Decode(append(whole, 0))
	require.EqualError(t, err, "serde: avro: shop.order: 1 bytes left over behind the value")
	_, err = s.Decode(nil)
	require.Error(t, err)
}

func TestGenericOnlyReads(t *testing.T) {
	s := avro.Generic()
	require.NoError(t, serde.ErrOf(s))
	require.Equal(t, serde.Schema{Type: serde.AvroSchema}, s.Schema())
	_, err := s.Append(nil, 1)
	require.EqualError(t, err, "serde: avro: Generic has no schema: it only reads, by a registry")
	_, err = s.Decode(nil)
	require.Error(t, err)
	decode, err := s.Resolve(avro.Of[order]("shop").Schema())
	require.NoError(t, err)
	b, err := avro.Of[order]("shop").Append(nil, order{ID: "a", At: time.UnixMilli(5)})
	require.NoError(t, err)
	got, err := decode(b)
	require.NoError(t, err)
	require.Equal(t, "a", got.(map[string]any)["id"])
}

func FuzzDecode(f *testing.F) {
	s := avro.Of[order]("shop")
	generic := avro.With[any](`{"type":"record","name":"A","fields":[{"name":"m","type":
		{"type":"map","values":["null","A","string",{"type":"array","items":"double"}]}}]}`)
	note := "n"
	whole, err := s.Append(nil, order{ID: "a", Note: &note, Raw: []byte{1}, Items: []string{"b"}, At: time.UnixMilli(1)})
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte{2, 2, 'a', 0, 0})
	f.Add([]byte{1, 8, 2, 'a', 0, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		if v, err := s.Decode(src); err == nil {
			_, err = s.Append(nil, v)
			require.NoError(t, err)
		}
		if v, err := generic.Decode(src); err == nil {
			b, err := generic.Append(nil, v)
			require.NoError(t, err)
			got, err := generic.Decode(b)
			require.NoError(t, err)
			_, _ = v, got // NaNs differ from themselves
		}
	})
}
