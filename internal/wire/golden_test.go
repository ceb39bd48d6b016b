package wire_test

import (
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/murmur3"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/window"
)

// The bytes in this file were written by the classes of Kafka Streams 4.3.1, or are vectors of Kafka's own tests.

// bytesOf reads hex; spaces are for the eye.
func bytesOf(t testing.TB, text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return b
}

// golden: v has exactly these bytes, behind what dst held, and they are v.
func golden[T any](s serde.Serde[T], v T, want string) func(*testing.T) {
	return func(t *testing.T) {
		b, err := s.Append([]byte("before"), v)
		require.NoError(t, err)
		require.Equal(t, "before", string(b[:6]))
		require.Equal(t, strings.ReplaceAll(want, " ", ""), hex.EncodeToString(b[6:]))
		reads(s, v, want)(t)
	}
}

// reads: the bytes are v, though v may be written in another way.
func reads[T any](s serde.Serde[T], v T, from string) func(*testing.T) {
	return func(t *testing.T) {
		got, err := s.Decode(bytesOf(t, from))
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

func changed[V any](from, to V) graph.Change[V] {
	return graph.Change[V]{Old: graph.Some(from), New: graph.Some(to)}
}

func added[V any](v V) graph.Change[V]   { return graph.Change[V]{New: graph.Some(v)} }
func removed[V any](v V) graph.Change[V] { return graph.Change[V]{Old: graph.Some(v)} }

func TestGoldenChange(t *testing.T) {
	longs, texts := wire.Change(serde.Int64), wire.Change(serde.String)
	t.Run("new 42", golden(longs, added[int64](42), "000000000000002a 01"))
	t.Run("old 41", golden(longs, removed[int64](41), "0000000000000029 00"))
	t.Run("old 41 new 42", golden(longs, changed[int64](41, 42), "10 000000000000002a 0000000000000029 02"))
	t.Run("two bytes of length", golden(texts, changed("o", strings.Repeat("n", 100)),
		"c801"+strings.Repeat("6e", 100)+"6f 02"))
	t.Run("both empty", golden(texts, changed("", ""), "00 02"))
	t.Run("old, latest", reads(longs, removed[int64](41), "0000000000000029 01 03"))
	t.Run("new, not latest", reads(longs, added[int64](42), "000000000000002a 00 04"))
	t.Run("both, latest", reads(longs, changed[int64](41, 42), "10 000000000000002a 0000000000000029 01 05"))
}

func TestGoldenForeignKeyJoin(t *testing.T) {
	value, alice := wire.HashOf([]byte("value")), []byte("alice")
	const hash = "2e7425dec1f8bcdf 51e014f04aa41568"
	combined := wire.Combined{Foreign: []byte("ALB"), Primary: alice}
	t.Run("combined key ALB/alice", golden(wire.CombinedSerde, combined, "00000003 414c42 616c696365"))
	t.Run("combined prefix ALB", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "00000003 414c42"), wire.CombinedPrefix([]byte("ALB")))
	})
	s := wire.SubscriptionSerde
	t.Run("registration v1", golden(s, wire.Subscription{
		Instruction: wire.PropagateNullIfNoFK, Hash: value, PrimaryKey: alice, PrimaryPartition: 3,
	}, "01 02 "+hash+" 616c696365 00000003"))
	t.Run("registration v1, null hash", golden(s, wire.Subscription{
		Instruction: wire.DeleteAndPropagate, PrimaryKey: alice, PrimaryPartition: 3,
	}, "81 01 616c696365 00000003"))
	t.Run("registration v0", golden(s, wire.Subscription{
		Instruction: wire.PropagateOnlyIfFK, Hash: value, PrimaryKey: alice, PrimaryPartition: wire.UnknownPartition,
	}, "00 03 "+hash+" 616c696365"))
	t.Run("registration v0, null hash", golden(s, wire.Subscription{
		Instruction: wire.DeleteNoPropagate, PrimaryKey: alice, PrimaryPartition: wire.UnknownPartition,
	}, "80 00 616c696365"))
	r := wire.ResponseSerde
	t.Run("response FV", golden(r, wire.Response{Hash: value, Value: []byte("FV")}, "00 "+hash+" 4656"))
	t.Run("response null", golden(r, wire.Response{Hash: value}, "00 "+hash))
	t.Run("response FV, null hash", golden(r, wire.Response{Value: []byte("FV")}, "80 4656"))
	t.Run("response null, null hash", golden(r, wire.Response{}, "80"))
}

func TestGoldenOuterJoinStore(t *testing.T) {
	t.Run("key left", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "000000000000ee48 01 616c696365"), wire.SharedKey(nil, 61000, true, []byte("alice")))
	})
	t.Run("key right", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "000000000000ee48 00 616c696365"), wire.SharedKey(nil, 61000, false, []byte("alice")))
	})
	t.Run("values", golden(wire.SidedSerde, []wire.Sided{
		{Left: true, Value: []byte("L")}, {Value: bytesOf(t, "000000000000002a")},
	}, "01 00000002 00000002 01 4c 00000009 00 000000000000002a"))
}

func TestGoldenList(t *testing.T) {
	t.Run("ab, null, empty", golden(wire.ListSerde, [][]byte{[]byte("ab"), nil, {}},
		"01 00000003 00000002 6162 ffffffff 00000000"))
	t.Run("no entries", golden(wire.ListSerde, [][]byte{}, "01 00000000"))
}

func TestGoldenSuppress(t *testing.T) {
	const bare = "000000000000ee48 0000000000000007 00000006 6f7264657273 00000003 00000000 "
	const at = " 000000000000ea60"
	context := wire.RecordContext{Timestamp: 61000, Offset: 7, Topic: "orders", Partition: 3}
	s, v := wire.BufferSerde, func(prior, old, new []byte) wire.BufferValue {
		return wire.BufferValue{Context: context, Prior: prior, Old: old, New: new, BufferTime: 60000}
	}
	a, b, c, empty := []byte("40"), []byte("41"), []byte("42"), []byte{}
	t.Run("all", golden(s, v(a, b, c), bare+"00000002 3430 00000002 3431 00000002 3432"+at))
	t.Run("all null", golden(s, v(nil, nil, nil), bare+"ffffffff ffffffff ffffffff"+at))
	t.Run("all empty", golden(s, v(empty, empty, empty), bare+"00000000 fffffffe 00000000"+at))
	t.Run("prior null, old empty", golden(s, v(nil, empty, c), bare+"ffffffff 00000000 00000002 3432"+at))
	t.Run("old null", golden(s, v(b, nil, nil), bare+"00000002 3431 ffffffff ffffffff"+at))

	withHeaders := v(b, b, c)
	withHeaders.Context.Headers = []graph.Header{{Key: "h", Value: []byte("v")}, {Key: "n"}}
	t.Run("old same as prior, headers", golden(s, withHeaders,
		"000000000000ee48 0000000000000007 00000006 6f7264657273 00000003"+
			"00000002 00000001 68 00000001 76 00000001 6e ffffffff 00000002 3431 fffffffe 00000002 3432"+at))

	old := strings.Replace(bare, "00000003 00000000", "00000003 ffffffff", 1)
	t.Run("headers null", reads(s, v(nil, nil, c), old+"ffffffff ffffffff 00000002 3432"+at))
	t.Run("version header", func(t *testing.T) {
		require.Equal(t, graph.Header{Key: "v", Value: []byte{3}}, wire.BufferHeader)
	})
}

func TestGoldenWindowKeys(t *testing.T) {
	alice := []byte("alice")
	windowed := window.Windowed[string]{Key: "alice", Window: window.Window{Start: 60000, End: 120000}}
	t.Run("windowed topic key", golden(window.TimeKey(serde.String, window.Tumbling(60_000_000_000)), windowed,
		"616c696365 000000000000ea60"))
	session := window.Window{Start: 60000, End: 75000, EndIncluded: true}
	t.Run("session topic key", golden(window.SessionKey(serde.String),
		window.Windowed[string]{Key: "alice", Window: session}, "616c696365 00000000000124f8 000000000000ea60"))
	t.Run("window changelog key, seq 0", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "616c696365 000000000000ea60 00000000"), wire.ChangelogKey(nil, alice, 60000, 0))
	})
	t.Run("window changelog key, seq 7", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "616c696365 000000000000ea60 00000007"), wire.ChangelogKey(nil, alice, 60000, 7))
	})
	t.Run("session key", func(t *testing.T) {
		require.Equal(t, bytesOf(t, "616c696365 00000000000124f8 000000000000ea60"),
			wire.SessionKey(nil, alice, 75000, 60000))
	})
}

func TestGoldenHash(t *testing.T) {
	t.Run("value", func(t *testing.T) {
		require.Equal(t, response(t, "00 2e7425dec1f8bcdf 51e014f04aa41568").Hash, wire.HashOf([]byte("value")))
	})
	t.Run("empty", func(t *testing.T) {
		require.Equal(t, response(t, "00 9d2764a018e32942 8c3cf3b035938518").Hash, wire.HashOf([]byte{}))
		require.False(t, wire.HashOf([]byte{}).Null())
	})
	t.Run("null", func(t *testing.T) {
		require.Equal(t, response(t, "80").Hash, wire.HashOf(nil))
		require.True(t, wire.HashOf(nil).Null())
	})
	t.Run("of every length up to 39", func(t *testing.T) {
		lines, err := os.ReadFile("testdata/murmur3.txt")
		require.NoError(t, err)
		var value []byte
		for line := range strings.Lines(string(lines)) {
			require.Equal(t, response(t, "00"+strings.TrimSpace(line)).Hash, wire.HashOf(append([]byte{}, value...)))
			value = append(value, byte(200+7*len(value)))
		}
		require.Len(t, value, 40)
	})
	t.Run("murmur3 of 128 bits, seed 123", func(t *testing.T) {
		for text, want := range map[string][2]int64{
			"abc":    {1489494923063836066, -5440978547625122829},
			"foobar": {-351361463397418609, 8959716011862540668},
		} {
			h1, h2 := murmur3.SeedSum128(123, 123, []byte(text))
			require.Equal(t, want, [2]int64{int64(h1), int64(h2)}, text)
		}
	})
}

func response(t *testing.T, text string) wire.Response {
	v, err := wire.ResponseSerde.Decode(bytesOf(t, text))
	require.NoError(t, err)
	return v
}

func TestGoldenPartitioner(t *testing.T) {
	partition := func(key string, of int) int {
		r := &kgo.Record{}
		cluster.NewRecord(r, &graph.Output{Key: []byte(key), Partition: graph.ByKey})
		return cluster.Partitioner().ForTopic("").Partition(r, of)
	}
	t.Run("partition of 12", func(t *testing.T) {
		for key, want := range map[string]int{"alice": 9, "bob": 6, "21": 0, "foobar": 6} {
			require.Equal(t, want, partition(key, 12), key)
		}
	})
	t.Run("murmur2", func(t *testing.T) { // in 2^31 partitions, the partition is the hash without its sign
		for key, want := range map[string]int32{
			"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107,
		} {
			require.Equal(t, int(want&math.MaxInt32), partition(key, math.MaxInt32+1), key)
		}
	})
}

func TestGoldenPrimitives(t *testing.T) {
	t.Run("long 42", golden(serde.Int64, 42, "000000000000002a"))
	t.Run("offset metadata", func(t *testing.T) {
		require.Equal(t, "AgAAAAAAAO5I", graph.Metadata{PartitionTime: 61000}.Encode())
	})
}
