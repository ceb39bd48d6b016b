package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
)

// same: what decodes encodes to the bytes it came from.
func same[T any](t *testing.T, s serde.Serde[T], b []byte) {
	v, err := s.Decode(b)
	if err != nil {
		return
	}
	again, err := s.Append([]byte{}, v)
	require.NoError(t, err)
	require.Equal(t, b, again)
}

// equal: what decodes encodes to bytes that decode to the same, and are no longer.
func equal[T any](t *testing.T, s serde.Serde[T], b []byte) {
	v, err := s.Decode(b)
	if err != nil {
		return
	}
	again, err := s.Append(nil, v)
	require.NoError(t, err)
	require.LessOrEqual(t, len(again), len(b))
	got, err := s.Decode(again)
	require.NoError(t, err)
	require.Equal(t, v, got)
	same(t, s, again)
}

func FuzzChange(f *testing.F) {
	texts, longs := wire.Change(serde.String), wire.Change(serde.Int64)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[len(b)-1] < 3 { // the kinds that are written
			same(t, texts, b)
			same(t, longs, b)
		}
		equal(t, texts, b)
		equal(t, longs, b)
	})
}

func FuzzSubscription(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { same(t, wire.SubscriptionSerde, b) })
}

func FuzzResponse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { same(t, wire.ResponseSerde, b) })
}

func FuzzCombined(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { same(t, wire.CombinedSerde, b) })
}

func FuzzList(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { same(t, wire.ListSerde, b) })
}

func FuzzSided(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { same(t, wire.SidedSerde, b) })
}

// FuzzBufferValue: an old value may be spelled out though it is the prior one, and headers may be null.
func FuzzBufferValue(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { equal(t, wire.BufferSerde, b) })
}

// FuzzWaiting: headers may be null.
func FuzzWaiting(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) { equal(t, waiting, b) })
}

func FuzzKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if timestamp, left, key, err := wire.SplitSharedKey(b); err == nil {
			require.Equal(t, b, wire.SharedKey(nil, timestamp, left, key))
		}
		if key, end, start, err := wire.SplitSessionKey(b); err == nil {
			require.Equal(t, b, wire.SessionKey(nil, key, end, start))
		}
		if key, start, seq, err := wire.SplitChangelogKey(b); err == nil {
			require.Equal(t, b, wire.ChangelogKey(nil, key, start, seq))
		}
	})
}
