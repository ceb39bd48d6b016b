package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	lib "github.com/twmb/avro"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/protobuf"
	"github.com/millstream-go/millstream/serde/registry"
)

// tenFields is a record of the size that most have.
type tenFields struct {
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

func aRecord() tenFields {
	note := "leave it at the door"
	return tenFields{
		ID: "o-000017", Customer: 4711, Cents: 1999, Weight: 1.25, Factor: 0.5, Paid: true, Note: &note,
		At: time.UnixMilli(1_777_777_777_777).UTC(), Raw: []byte{1, 2, 3, 4}, Items: []string{"cup", "plate"},
	}
}

func aMessage() *shop.Order {
	return &shop.Order{
		Id: "o-000017", Customer: 4711, Cents: 1999, Weight: 1.25, Factor: 0.5, Paid: true,
		Note: proto.String("leave it at the door"), At: timestamppb.New(time.UnixMilli(1_777_777_777_777)),
		Raw: []byte{1, 2, 3, 4}, Items: []*shop.Order_Item{{Name: "cup"}, {Name: "plate"}},
	}
}

// compare runs the library by itself and a serde on it.
func compare(b *testing.B, library, serde func() error) {
	for name, call := range map[string]func() error{"library": library, "serde": serde} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAvro(b *testing.B) {
	_, r := newFake(b, 0)
	codec := avro.Of[tenFields]("shop")
	s := started(b, registry.Of(r, codec))
	bytes, err := s.Append(nil, aRecord())
	require.NoError(b, err)
	schema := lib.MustParse(codec.Schema().Text)
	compare(b, func() error {
		var v tenFields
		_, err := schema.Decode(bytes[5:], &v)
		return err
	}, func() error {
		_, err := s.Decode(bytes)
		return err
	})
}

func BenchmarkProtobuf(b *testing.B) {
	_, r := newFake(b, 0)
	s := started(b, registry.Of(r, protobuf.Of[*shop.Order]()))
	bytes, err := s.Append(nil, aMessage())
	require.NoError(b, err)
	body := bytes[headerOfOrder:]
	compare(b, func() error {
		return proto.Unmarshal(body, &shop.Order{})
	}, func() error {
		_, err := s.Decode(bytes)
		return err
	})
}

const headerOfOrder = 7 // 0, the id, one index, 1

// TestNoAllocationOfOurs: a header costs nothing on the heap.
func TestNoAllocationOfOurs(t *testing.T) {
	_, r := newFake(t, 0)
	noMore(t, avro.Of[tenFields]("shop"), r, aRecord())
	noMore(t, protobuf.Of[*shop.Order](), r, aMessage())
}

func noMore[T any](t *testing.T, codec registry.Codec[T], r *registry.Registry, v T) {
	s := started(t, registry.Of(r, codec, registry.By(registry.RecordName)))
	room := make([]byte, 0, 300)
	plain, err := codec.Append(nil, v)
	require.NoError(t, err)
	bytes, err := s.Append(nil, v)
	require.NoError(t, err)
	bare := testing.AllocsPerRun(1000, func() { _, err = codec.Decode(plain) })
	require.NoError(t, err)
	require.Equal(t, bare, testing.AllocsPerRun(1000, func() { _, err = s.Decode(bytes) }))
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, err = s.Append(room, v) }))
	require.NoError(t, err)
}

func FuzzDecode(f *testing.F) {
	_, r := newFake(f, 0)
	a := started(f, registry.Of(r, avro.Of[tenFields]("shop"), registry.By(registry.RecordName)))
	p := started(f, registry.Of(r, protobuf.Of[*shop.Order](), registry.By(registry.RecordName)))
	one, err := a.Append(nil, aRecord())
	require.NoError(f, err)
	two, err := p.Append(nil, aMessage())
	require.NoError(f, err)
	f.Add(one)
	f.Add(two)
	f.Add([]byte{0, 0, 0, 0, 1, 0x80})
	f.Fuzz(func(t *testing.T, src []byte) {
		if v, err := a.Decode(src); err == nil {
			rewritten(t, serde.Serde[tenFields](a), v)
		}
		if v, err := p.Decode(src); err == nil {
			rewritten(t, serde.Serde[*shop.Order](p), v)
		}
	})
}

func rewritten[T any](t *testing.T, s serde.Serde[T], v T) {
	_, err := s.Append(nil, v)
	require.NoError(t, err)
}
