package wire_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
)

// blobs are bytes that are there, maybe none; nullables may be nil.
var (
	blobs     = rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 200), func(b []byte) []byte { return append([]byte{}, b...) })
	nullables = rapid.OneOf(rapid.Just[[]byte](nil), blobs)
	hashes    = rapid.Map(nullables, wire.HashOf)
)

// roundTrips: whatever is drawn comes back, and keeps nothing of the bytes it came from, or its clone does not.
func roundTrips[T any](s serde.Serde[T], values *rapid.Generator[T]) func(*testing.T) {
	return rapid.MakeCheck(func(t *rapid.T) {
		v := values.Draw(t, "value")
		b, err := s.Append([]byte("x"), v)
		require.NoError(t, err)
		require.Equal(t, byte('x'), b[0])
		input := bytes.Clone(b[1:])
		got, err := s.Decode(input)
		require.NoError(t, err)
		require.Equal(t, b[1:], input, "a decoder changes nothing")
		if c, ok := s.(interface{ Clone(T) T }); ok {
			got = c.Clone(got)
		}
		for i := range input {
			input[i] ^= 0xff
		}
		require.Equal(t, v, got)
	})
}

func TestRoundTrips(t *testing.T) {
	t.Run("change", roundTrips(wire.Change(serde.String), rapid.Custom(drawChange)))
	t.Run("subscription", roundTrips(wire.SubscriptionSerde, rapid.Custom(func(t *rapid.T) wire.Subscription {
		return wire.Subscription{
			Instruction:      wire.Instruction(rapid.ByteMax(3).Draw(t, "instruction")),
			Hash:             hashes.Draw(t, "hash"),
			PrimaryKey:       blobs.Draw(t, "primary key"),
			PrimaryPartition: rapid.Int32Min(wire.UnknownPartition).Draw(t, "partition"),
		}
	})))
	t.Run("response", roundTrips(wire.ResponseSerde, rapid.Custom(func(t *rapid.T) wire.Response {
		v := wire.Response{Hash: hashes.Draw(t, "hash")}
		if value := blobs.Draw(t, "value"); len(value) > 0 {
			v.Value = value
		}
		return v
	})))
	t.Run("combined", roundTrips(wire.CombinedSerde, rapid.Custom(func(t *rapid.T) wire.Combined {
		return wire.Combined{Foreign: blobs.Draw(t, "foreign"), Primary: blobs.Draw(t, "primary")}
	})))
	t.Run("list", roundTrips(wire.ListSerde, rapid.SliceOf(nullables)))
	t.Run("sided", roundTrips(wire.SidedSerde, rapid.SliceOf(rapid.Custom(func(t *rapid.T) wire.Sided {
		return wire.Sided{Left: rapid.Bool().Draw(t, "left"), Value: blobs.Draw(t, "value")}
	}))))
	t.Run("buffer value", roundTrips(wire.BufferSerde, rapid.Custom(drawBufferValue)))
	t.Run("waiting", roundTrips(waiting, rapid.Custom(func(t *rapid.T) wire.Waiting {
		return wire.Waiting{
			Context: drawBufferValue(t).Context, Key: nullables.Draw(t, "key"), Value: nullables.Draw(t, "value"),
		}
	})))
}

var waiting = wire.WaitingSerde(serde.String, serde.Int64)

// TestWaitingRow has the bytes that docs/slowcalls.md tells.
func TestWaitingRow(t *testing.T) {
	require.Equal(t, "waiting(string,int64)", serde.FormatOf(waiting))
	const text = "000000000000ee48 0000000000000007 00000002 696e 00000003 00000001 00000001 68 ffffffff 00000001 6b ffffffff"
	v := wire.Waiting{Context: wire.RecordContext{
		Timestamp: 61000, Offset: 7, Topic: "in", Partition: 3, Headers: []graph.Header{{Key: "h"}},
	}, Key: []byte("k")}
	b, err := waiting.Append(nil, v)
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(text, " ", ""), hex.EncodeToString(b))
}

func drawChange(t *rapid.T) (c graph.Change[string]) {
	kind := rapid.IntRange(1, 3).Draw(t, "kind")
	if kind&1 != 0 {
		c.New = graph.Some(rapid.String().Draw(t, "new"))
	}
	if kind&2 != 0 {
		c.Old = graph.Some(rapid.String().Draw(t, "old"))
	}
	return c
}

func drawBufferValue(t *rapid.T) wire.BufferValue {
	headers := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) graph.Header {
		return graph.Header{Key: rapid.String().Draw(t, "key"), Value: nullables.Draw(t, "value")}
	}), 0, 3).Draw(t, "headers")
	v := wire.BufferValue{
		Context: wire.RecordContext{
			Timestamp: rapid.Int64().Draw(t, "timestamp"), Offset: rapid.Int64().Draw(t, "offset"),
			Topic: rapid.String().Draw(t, "topic"), Partition: rapid.Int32().Draw(t, "partition"),
		},
		Prior: nullables.Draw(t, "prior"), Old: nullables.Draw(t, "old"), New: nullables.Draw(t, "new"),
		BufferTime: rapid.Int64().Draw(t, "buffer time"),
	}
	if len(headers) > 0 {
		v.Context.Headers = headers
	}
	if rapid.Bool().Draw(t, "old is prior") {
		v.Old = v.Prior
	}
	return v
}

func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, a, b := blobs.Draw(t, "key"), rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		left, seq := rapid.Bool().Draw(t, "left"), rapid.Int32().Draw(t, "seq")

		timestamp, gotLeft, gotKey, err := wire.SplitSharedKey(wire.SharedKey([]byte("x"), a, left, key)[1:])
		require.NoError(t, err)
		require.Equal(t, []any{a, left, key}, []any{timestamp, gotLeft, gotKey})

		gotKey, end, start, err := wire.SplitSessionKey(wire.SessionKey([]byte("x"), key, a, b)[1:])
		require.NoError(t, err)
		require.Equal(t, []any{key, a, b}, []any{gotKey, end, start})

		gotKey, start, gotSeq, err := wire.SplitChangelogKey(wire.ChangelogKey([]byte("x"), key, a, seq)[1:])
		require.NoError(t, err)
		require.Equal(t, []any{key, a, seq}, []any{gotKey, start, gotSeq})
	})
}

// TestFormats: stores remember these names, so they do not change.
func TestFormats(t *testing.T) {
	require.Equal(t, []string{
		"change(int64)", "subscription", "response", "combined", "list(bytes)", "list(sided)", "buffer/3",
	}, []string{
		serde.FormatOf(wire.Change(serde.Int64)), serde.FormatOf(wire.SubscriptionSerde),
		serde.FormatOf(wire.ResponseSerde), serde.FormatOf(wire.CombinedSerde), serde.FormatOf(wire.ListSerde),
		serde.FormatOf(wire.SidedSerde), serde.FormatOf(wire.BufferSerde),
	})
}

// TestCombinedPrefix: a prefix finds the subscriptions of its own foreign key, and of no other.
func TestCombinedPrefix(t *testing.T) {
	short := rapid.SliceOfN(rapid.ByteMax(1), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		foreign, other, primary := short.Draw(t, "foreign"), short.Draw(t, "other"), short.Draw(t, "primary")
		b, err := wire.CombinedSerde.Append(nil, wire.Combined{Foreign: foreign, Primary: primary})
		require.NoError(t, err)
		require.Equal(t, bytes.Equal(foreign, other), bytes.HasPrefix(b, wire.CombinedPrefix(other)))
	})
}

// TestAppendDoesNotAllocate where dst has room.
func TestAppendDoesNotAllocate(t *testing.T) {
	dst, value := make([]byte, 0, 1024), []byte("value")
	changes := wire.Change(serde.Int64)
	buffered := wire.BufferValue{Prior: value, Old: []byte("value"), New: value}
	buffered.Context = wire.RecordContext{Topic: "orders", Headers: []graph.Header{{Key: "h"}}}
	list, sided := [][]byte{value, nil}, []wire.Sided{{Left: true, Value: value}}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		hash := wire.HashOf(value)
		changes.Append(dst, changed[int64](41, 42))
		wire.SubscriptionSerde.Append(dst, wire.Subscription{Hash: hash, PrimaryKey: value})
		wire.ResponseSerde.Append(dst, wire.Response{Hash: hash, Value: value})
		wire.CombinedSerde.Append(dst, wire.Combined{Foreign: value, Primary: value})
		wire.ListSerde.Append(dst, list)
		wire.SidedSerde.Append(dst, sided)
		wire.BufferSerde.Append(dst, buffered)
		wire.SharedKey(dst, 1, true, value)
		wire.SessionKey(dst, value, 2, 1)
		wire.ChangelogKey(dst, value, 1, 0)
	}))
}
