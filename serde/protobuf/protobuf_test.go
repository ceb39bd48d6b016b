package protobuf_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/protobuf"
)

func anOrder() *shop.Order {
	return &shop.Order{
		Id: "o-000017", Customer: 4711, Cents: 1999, Weight: 1.25, Factor: 0.5, Paid: true,
		Note: proto.String("leave it at the door"), At: timestamppb.New(time.UnixMilli(1_777_777_777_777)),
		Raw: []byte{1, 2, 3, 4}, Items: []*shop.Order_Item{{Name: "cup", Kind: shop.Order_CUP}, {Name: "plate"}},
	}
}

func requireEqual(t testing.TB, want, got proto.Message) {
	require.True(t, proto.Equal(want, got), "want %v, got %v", want, got)
}

func TestRoundTrip(t *testing.T) {
	s := protobuf.Of[*shop.Order]()
	require.NoError(t, serde.ErrOf(s))
	b, err := s.Append([]byte("before"), anOrder())
	require.NoError(t, err)
	require.Equal(t, "before", string(b[:6]))
	input := append([]byte(nil), b[6:]...)
	got, err := s.Decode(input)
	require.NoError(t, err)
	for i := range input {
		input[i] = 0xff
	}
	requireEqual(t, anOrder(), got)
	empty, err := s.Append([]byte{}, &shop.Order{})
	require.NoError(t, err)
	require.Equal(t, []byte{}, empty)
	got, err = s.Decode(nil)
	require.NoError(t, err)
	requireEqual(t, &shop.Order{}, got)
}

func TestNilIsNoMessage(t *testing.T) {
	for _, v := range []*shop.Order{nil} {
		_, err := protobuf.Of[*shop.Order]().Append(nil, v)
		require.EqualError(t, err, "serde: protobuf: the message is nil")
	}
}

// TestMapsHaveOneOrder: and what the generated code does not know stays.
func TestMapsHaveOneOrder(t *testing.T) {
	v := anOrder()
	v.Counts = map[string]int64{}
	for i := range 30 {
		v.Counts[fmt.Sprint("k", i)] = int64(i)
	}
	v.ProtoReflect().SetUnknown([]byte{0xa0, 0x06, 0x01})
	s := protobuf.Of[*shop.Order]()
	first, err := s.Append(nil, v)
	require.NoError(t, err)
	for range 50 {
		b, err := s.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, first, b)
	}
	got, err := s.Decode(first)
	require.NoError(t, err)
	requireEqual(t, v, got)
}

func TestNames(t *testing.T) {
	require.Equal(t, "protobuf(shop.Order)", serde.FormatOf(protobuf.Of[*shop.Order]()))
	require.Equal(t, []serde.Shape{{Type: "shop.Order.Item", Fields: []string{"1 bytes", "2 int64"}}},
		serde.ShapesOf(protobuf.Of[*shop.Order_Item]()))
	require.Equal(t, []serde.Shape{{Type: "google.protobuf.ListValue", Fields: []string{
		"1 message", "1.1 int64", "1.2 double", "1.3 bytes", "1.4 int64", "1.5 message", "1.5.1 message",
		"1.5.1.1 bytes", "1.5.1.2 message", "1.6 message",
	}}}, serde.ShapesOf(protobuf.Of[*structpb.ListValue]()))
	require.EqualError(t, serde.ErrOf(protobuf.Of[proto.Message]()),
		"serde: protobuf: protoreflect.ProtoMessage is not a generated type of messages")
}

func TestBytesThatDoNotDecode(t *testing.T) {
	s := protobuf.Of[*shop.Order]()
	for _, src := range [][]byte{{0x0a}, {0x0a, 5, 'a'}, {0xff}, {0x0a, 1, 0xff}} {
		_, err := s.Decode(src)
		require.ErrorContains(t, err, "serde: protobuf: shop.Order: ", "% x", src)
	}
}

func FuzzDecode(f *testing.F) {
	s := protobuf.Of[*shop.Order]()
	whole, err := s.Append(nil, anOrder())
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte{0x0a, 5, 'a'})
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := s.Decode(src)
		if err != nil {
			return
		}
		b, err := s.Append(nil, v)
		require.NoError(t, err)
		again, err := s.Decode(b)
		require.NoError(t, err)
		b2, err := s.Append(nil, again)
		require.NoError(t, err)
		require.Equal(t, b, b2)
	})
}

// BenchmarkDecode compares the serde with the library by itself.
func BenchmarkDecode(b *testing.B) {
	s := protobuf.Of[*shop.Order]()
	bytes, err := s.Append(nil, anOrder())
	require.NoError(b, err)
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(bytes, &shop.Order{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("serde", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(bytes); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestNoAllocationOfOurs: the library allocates the message, and we nothing.
func TestNoAllocationOfOurs(t *testing.T) {
	s := protobuf.Of[*shop.Order]()
	room := make([]byte, 0, 200)
	bytes, err := s.Append(room, anOrder())
	require.NoError(t, err)
	library := testing.AllocsPerRun(1000, func() { err = proto.Unmarshal(bytes, &shop.Order{}) })
	require.NoError(t, err)
	require.Equal(t, library, testing.AllocsPerRun(1000, func() { _, err = s.Decode(bytes) }))
	require.NoError(t, err)
	v := anOrder()
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, err = s.Append(room, v) }))
	require.NoError(t, err)
}
