package serde_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
)

type (
	tags  map[string]int
	inner struct{ Of map[int]string }
	deep  struct {
		Plain  map[string]string
		Flags  map[string]bool
		Any    map[string]any
		Tags   tags
		Nested map[string]map[int][]inner
		Point  *map[uint8]float64
		Open   any
		Keys   map[[2]int]bool
		inner
	}
)

// steady encodes a value over and over: Go goes through a map in another order each time.
func steady[T any](t *testing.T, s serde.Serde[T], v T) {
	t.Helper()
	first, err := s.Append(nil, v)
	require.NoError(t, err)
	for range 200 {
		again, err := s.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func numbered[K comparable, V any](key func(i int) K, value func(i int) V) map[K]V {
	m := map[K]V{}
	for i := range 12 {
		m[key(i)] = value(i)
	}
	return m
}

func number(i int) int  { return i - 5 }
func text(i int) string { return fmt.Sprint("text ", i) }

func TestMapsHaveOneOrder(t *testing.T) {
	ints := numbered(number, text)
	floats := numbered(func(i int) uint8 { return uint8(i) }, func(i int) float64 { return float64(i) })
	v := deep{
		Plain: numbered(text, text), Flags: numbered(text, func(i int) bool { return i > 3 }),
		Any:    numbered(text, func(i int) any { return numbered(number, text) }),
		Tags:   tags(numbered(text, number)),
		Nested: numbered(text, func(int) map[int][]inner { return map[int][]inner{1: {{ints}}, 2: {{ints}, {ints}}} }),
		Point:  &floats, Open: []any{numbered(number, number), map[any]any{1: "a", "b": 2, 2.5: ints}},
		inner: inner{Of: ints},
	}
	steady(t, serde.Msgpack[deep](), v)
	steady(t, serde.Msgpack[map[int]string](), ints)
	steady(t, serde.Msgpack[map[string]int](), numbered(text, number))
	steady(t, serde.Msgpack[[]map[bool]tags](), []map[bool]tags{{true: v.Tags, false: v.Tags}})
	steady(t, serde.Msgpack[any](), any(numbered(text, func(i int) map[int]string { return ints })))
	steady(t, serde.Msgpack[map[float64]int](), map[float64]int{math.NaN(): 1, math.Inf(1): 2, 0: 3, -1: 4})
	steady(t, serde.JSON[map[string]any](), v.Any2())
}

// Any2 is a map that JSON can write.
func (d deep) Any2() map[string]any {
	return map[string]any{"plain": d.Plain, "flags": d.Flags, "tags": d.Tags, "of": d.Of}
}

// The order of what is no map stays: bytes that were written before are still those of the same value.
func TestOnlyMapsAreSorted(t *testing.T) {
	type pair struct{ B, A int }
	b, err := serde.Msgpack[pair]().Append(nil, pair{B: 1, A: 2})
	require.NoError(t, err)
	require.Equal(t, "\x82\xa1B\x01\xa1A\x02", string(b))
	b, err = serde.Msgpack[map[int]string]().Append(nil, nil)
	require.NoError(t, err)
	require.Equal(t, "\xc0", string(b))
	b, err = serde.Msgpack[map[int]string]().Append(nil, map[int]string{2: "b", 1: "a"})
	require.NoError(t, err)
	require.Equal(t, "\x82\x01\xa1a\x02\xa1b", string(b))
}

// TestIntegersBehindInterfacesKeepTheirBytes: what is read from an interface is an integer of another type than what was
// written, and its bytes must be those of the value: rows of joins by foreign key are compared by them.
func TestIntegersBehindInterfacesKeepTheirBytes(t *testing.T) {
	type row struct {
		Count int64
		Of    map[string]any
	}
	s := serde.Msgpack[row]()
	for _, n := range []any{1, int64(-1), uint64(200), int32(70_000), uint16(3), []any{1, int64(1 << 40)}, map[string]any{"a": 5}} {
		written, err := s.Append(nil, row{Count: 7, Of: map[string]any{"n": n}})
		require.NoError(t, err)
		read, err := s.Decode(written)
		require.NoError(t, err)
		again, err := s.Append(nil, read)
		require.NoError(t, err)
		require.Equal(t, written, again, "%T %v", n, n)
	}
	long := []byte{0xd3, 0, 0, 0, 0, 0, 0, 0, 7}
	b, err := serde.Msgpack[int64]().Append(nil, 7)
	require.NoError(t, err)
	require.Equal(t, long, b, "without interfaces, bytes are as ever")
}
