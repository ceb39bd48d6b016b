package serde_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
)

// TestJavaBytes pins the bytes of Kafka's Java serializers.
func TestJavaBytes(t *testing.T) {
	check(t, serde.String, "aliçe", "616c69c3a765")
	check(t, serde.String, "", "")
	check(t, serde.Bytes, []byte{1, 0, 255}, "0100ff")
	check(t, serde.Int64, 42, "000000000000002a")
	check(t, serde.Int64, -1, "ffffffffffffffff")
	check(t, serde.Int32, -2, "fffffffe")
	check(t, serde.Int16, -300, "fed4")
	check(t, serde.Float32, -1.5, "bfc00000")
	check(t, serde.Float64, 1.5, "3ff8000000000000")
	check(t, serde.Float64, math.Inf(-1), "fff0000000000000")
	check(t, serde.Bool, true, "01")
	check(t, serde.Bool, false, "00")
}

func check[T any](t *testing.T, s serde.Serde[T], v T, want string) {
	b, err := s.Append([]byte("before"), v)
	require.NoError(t, err)
	require.Equal(t, "before", string(b[:6]), "what dst held stays")
	require.Equal(t, want, fmt.Sprintf("%x", b[6:]))
	got, err := s.Decode(b[6:])
	require.NoError(t, err)
	require.Equal(t, v, got)
}

func TestWrongSizes(t *testing.T) {
	_, err := serde.Int64.Decode([]byte("abc"))
	require.EqualError(t, err, "serde: int64 needs 8 bytes, got 3")
	_, err = serde.Int32.Decode(nil)
	require.EqualError(t, err, "serde: int32 needs 4 bytes, got 0")
	_, err = serde.Float64.Decode(make([]byte, 9))
	require.EqualError(t, err, "serde: float64 needs 8 bytes, got 9")
	for _, bad := range [][]byte{nil, {2}, {0, 0}} {
		_, err = serde.Bool.Decode(bad)
		require.Error(t, err)
	}
}

type thing struct {
	Name  string            `json:"name" msgpack:"name"`
	Count int64             `json:"count" msgpack:"count"`
	Tags  []string          `json:"tags,omitempty" msgpack:"tags,omitempty"`
	More  map[string]uint32 `json:"more,omitempty" msgpack:"more,omitempty"`
	Next  *thing            `json:"next,omitempty" msgpack:"next,omitempty"`
}

func TestRoundTrips(t *testing.T) {
	things := rapid.Custom(func(t *rapid.T) thing {
		v := thing{Name: rapid.String().Draw(t, "name"), Count: rapid.Int64().Draw(t, "count")}
		if rapid.Bool().Draw(t, "more") {
			v.Tags = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "tags")
			v.More = map[string]uint32{"a": rapid.Uint32().Draw(t, "a")}
			v.Next = &thing{Name: "next"}
		}
		return v
	})
	for name, s := range map[string]serde.Serde[thing]{"json": serde.JSON[thing](), "msgpack": serde.Msgpack[thing]()} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			v := things.Draw(t, "v")
			b, err := s.Append([]byte("x"), v)
			require.NoError(t, err)
			input := append([]byte(nil), b[1:]...)
			got, err := s.Decode(input)
			require.NoError(t, err)
			for i := range input {
				input[i] = 0xff // a decoded value keeps nothing of its input
			}
			require.Equal(t, v, got)
		}))
	}
}

func TestNotEncodable(t *testing.T) {
	_, err := serde.JSON[func()]().Append(nil, func() {})
	require.ErrorContains(t, err, "serde: json")
	_, err = serde.Msgpack[chan int]().Append(nil, make(chan int))
	require.ErrorContains(t, err, "serde: msgpack")
}

func TestNew(t *testing.T) {
	refuse := errors.New("refused")
	s := serde.New("mine", func(dst []byte, v int) ([]byte, error) { return append(dst, byte(v)), nil },
		func([]byte) (int, error) { return 0, refuse })
	require.Equal(t, "mine", serde.FormatOf(s))
	b, err := s.Append(nil, 7)
	require.NoError(t, err)
	require.Equal(t, []byte{7}, b)
	_, err = s.Decode(b)
	require.ErrorIs(t, err, refuse)
}

func TestPrimitivesDoNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		b, _ := serde.Int64.Append(buf, 42)
		serde.Int64.Decode(b)
		serde.String.Append(buf, "text")
		serde.Bytes.Decode(b)
	}))
}

// FuzzDecode finds inputs that panic, or that do not come back as they were.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"a","count":1}`))
	f.Add([]byte("\x81\xa4name\xa1a"))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 42})
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, serde.JSON[thing](), b)
		again(t, serde.Msgpack[thing](), b)
		again(t, serde.Int64, b)
		again(t, serde.Int32, b)
		again(t, serde.Int16, b)
		again(t, serde.Bool, b)
		again(t, serde.String, b)
	})
}

// again: what decodes also encodes, to something that decodes to the same.
func again[T any](t *testing.T, s serde.Serde[T], b []byte) {
	v, err := s.Decode(b)
	if err != nil {
		return
	}
	encoded, err := s.Append(nil, v)
	require.NoError(t, err)
	got, err := s.Decode(encoded)
	require.NoError(t, err)
	twice, err := s.Append(nil, got)
	require.NoError(t, err)
	require.Equal(t, encoded, twice)
}

func ExampleJSON() {
	type order struct {
		Cents int `json:"cents"`
	}
	s := serde.JSON[order]()
	b, _ := s.Append(nil, order{Cents: 1250})
	fmt.Println(string(b))
	// Output: {"cents":1250}
}

// bytesOfText needs nothing of what it points to; prefixed does.
type (
	bytesOfText struct{ _ int }
	prefixed    struct{ prefix string }
)

func (*bytesOfText) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }
func (*bytesOfText) Decode(src []byte) (string, error)           { return string(src), nil }

func (p *prefixed) Append(dst []byte, v string) ([]byte, error) {
	return append(dst, p.prefix+v...), nil
}
func (p *prefixed) Decode(src []byte) (string, error) { return string(src), nil }

// TestAPointerToNothingThatWorks is a serde like any other; one whose methods would panic is none.
func TestAPointerToNothingThatWorks(t *testing.T) {
	require.NoError(t, serde.ErrOf((*bytesOfText)(nil)))
	require.NoError(t, serde.ErrOf(serde.List[string]((*bytesOfText)(nil))))
	require.EqualError(t, serde.ErrOf((*prefixed)(nil)), "serde: it is nil")
	require.EqualError(t, serde.ErrOf((*int)(nil)), "serde: it is nil")
}
