package serde_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
)

var anID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0}

const anIDHex = "31323365343536372d653839622d313264332d613435362d343236363134313734303030"

// TestListsOfJava: the bytes are those that Serdes.ListSerde of kafka-clients 4.3.1 wrote.
func TestListsOfJava(t *testing.T) {
	check(t, serde.List(serde.Int64), []int64{1, -1}, "0000000000"+"00000002"+"0000000000000001"+"ffffffffffffffff")
	check(t, serde.List(serde.Int64), []int64{}, "0000000000"+"00000000")
	check(t, serde.List(serde.Int32), []int32{7}, "0000000000"+"00000001"+"00000007")
	check(t, serde.List(serde.Int16), []int16{-300}, "0000000000"+"00000001"+"fed4")
	check(t, serde.List(serde.Float32), []float32{1.5}, "0000000000"+"00000001"+"3fc00000")
	check(t, serde.List(serde.Float64), []float64{1.5}, "0000000000"+"00000001"+"3ff8000000000000")
	check(t, serde.List(serde.UUID[[16]byte]()), [][16]byte{anID}, "0000000000"+"00000001"+anIDHex)
	check(t, serde.List(serde.String), []string{"a", "", "xyz"}, "01"+"00000003"+"0000000161"+"00000000"+"0000000378797a")
	check(t, serde.List(serde.String), []string{}, "01"+"00000000")
	check(t, serde.List(serde.Bool), []bool{true, false}, "01"+"00000002"+"0000000101"+"0000000100")
	check(t, serde.List(serde.Bytes), [][]byte{{1, 2}, {}}, "01"+"00000002"+"000000020102"+"00000000")
	check(t, serde.List(serde.List(serde.Int32)), [][]int32{{5}, {}},
		"01"+"00000002"+"0000000d"+"000000000000000001"+"00000005"+"00000009"+"000000000000000000")
}

func TestListsThatDoNotDecode(t *testing.T) {
	for _, c := range []struct{ hex, err string }{
		{"", "serde: list: needs 1 bytes more, got 0"},
		{"01000000020000000161ffffffff", "serde: list: an item is null, which a slice cannot hold"},
		{"01000000020000000161", "serde: list: needs 4 bytes more, got 0"},
		{"01ffffffff", "serde: list: needs 4 bytes more, got 0"},
		{"010000000180000000", "serde: list: needs -2147483648 bytes more, got 0"},
		{"010000000000", "serde: list: 1 bytes left over behind the last item"},
		{"000000000000000000", "serde: list: kind 0 does not fit items of format string"},
		{"0200000000", "serde: list: kind 2 does not fit items of format string"},
	} {
		src, err := hex.DecodeString(c.hex)
		require.NoError(t, err)
		_, err = serde.List(serde.String).Decode(src)
		require.EqualError(t, err, c.err, c.hex)
	}
	src, err := hex.DecodeString("000000000200000001000000030000000400000000000000010000000000000003")
	require.NoError(t, err)
	_, err = serde.List(serde.Int64).Decode(src)
	require.EqualError(t, err, "serde: list: an item is null, which a slice cannot hold")
	_, err = serde.List(serde.Bool).Decode([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 7})
	require.EqualError(t, err, "serde: list: item 0: serde: bool needs one byte, 0 or 1, got 07")
}

func TestListIsMadeOfItsItems(t *testing.T) {
	require.Equal(t, "list(list(int64))", serde.FormatOf(serde.List(serde.List(serde.Int64))))
	require.EqualError(t, serde.ErrOf(serde.List[string](nil)), "serde: it is nil")
	require.Equal(t, []serde.Shape{{Type: "int64"}}, serde.ShapesOf(serde.List(serde.Int64)))
}

// TestListKeepsNothing: what a store keeps does not change with the bytes that it was read from.
func TestListKeepsNothing(t *testing.T) {
	src := []byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 'a'}
	s := serde.List(serde.Bytes)
	v, err := s.Decode(src)
	require.NoError(t, err)
	kept := s.(interface{ Clone([][]byte) [][]byte }).Clone(v)
	src[9] = 'b'
	require.Equal(t, [][]byte{[]byte("a")}, kept)
}

func FuzzList(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7})
	f.Add([]byte{1, 0, 0, 0, 1, 0, 0, 0, 1, 'a'})
	f.Add([]byte{1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		decodesOrNot(t, serde.List(serde.Int32), src)
		decodesOrNot(t, serde.List(serde.List(serde.String)), src)
		decodesOrNot(t, serde.UUID[[16]byte](), src)
		decodesOrNot(t, serde.Decimal(3), src)
		decodesOrNot(t, serde.Timestamp, src)
		decodesOrNot(t, serde.Date, src)
	})
}

// decodesOrNot: what decodes is a value that has bytes.
func decodesOrNot[T any](t *testing.T, s serde.Serde[T], src []byte) {
	v, err := s.Decode(src)
	if err != nil {
		return
	}
	b, err := s.Append(nil, v)
	require.NoError(t, err)
	again, err := s.Decode(b)
	require.NoError(t, err)
	require.Equal(t, v, again)
}

func TestListRoundTrips(t *testing.T) {
	s := serde.List(serde.List(serde.String))
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.SliceOf(rapid.String())).Draw(t, "v")
		b, err := s.Append(nil, v)
		require.NoError(t, err)
		got, err := s.Decode(b)
		require.NoError(t, err)
		require.Equal(t, v, got)
	})
}
