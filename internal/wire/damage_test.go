package wire_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
)

// refuses: the bytes, in hex, are an error that says what is wrong, and no value.
func refuses[T any](t *testing.T, s serde.Serde[T], from, want string) {
	t.Helper()
	var none T
	v, err := s.Decode(bytesOf(t, from))
	require.EqualError(t, err, want)
	require.Equal(t, none, v)
}

func TestDamagedChange(t *testing.T) {
	texts, longs := wire.Change(serde.String), wire.Change(serde.Int64)
	refuses(t, texts, "", "wire: change: no bytes")
	refuses(t, texts, "41 06", "wire: change: unknown kind 6")
	refuses(t, texts, "04", "wire: change: kind 4 without a latest flag")
	refuses(t, texts, "41 02 03", "wire: change: kind 3 without a latest flag")
	refuses(t, texts, "02", "wire: change: the length of the new value is damaged")
	refuses(t, texts, "80 02", "wire: change: the length of the new value is damaged")
	refuses(t, texts, "8200 41 02", "wire: change: the length of the new value is damaged")
	refuses(t, texts, "01 02", "wire: change: new value of -1 bytes in 0")
	refuses(t, texts, "06 4142 02", "wire: change: new value of 3 bytes in 2")
	refuses(t, longs, "41 01", "wire: change: new value: serde: int64 needs 8 bytes, got 1")
	refuses(t, longs, "41 00", "wire: change: old value: serde: int64 needs 8 bytes, got 1")
	refuses(t, longs, "10 000000000000002a 41 02", "wire: change: old value: serde: int64 needs 8 bytes, got 1")
}

func TestUnwritableChange(t *testing.T) {
	_, err := wire.Change(serde.String).Append(nil, graph.Change[string]{})
	require.EqualError(t, err, "wire: change has neither an old nor a new value")

	refused := errors.New("refused")
	picky := wire.Change(serde.New("picky", func(dst []byte, v string) ([]byte, error) {
		if v == "bad" {
			return nil, refused
		}
		return append(dst, v...), nil
	}, serde.String.Decode))
	for _, c := range []graph.Change[string]{
		added("bad"), removed("bad"), changed("bad", "good"), changed("good", "bad"),
	} {
		_, err := picky.Append(nil, c)
		require.ErrorIs(t, err, refused)
	}
}

func TestDamagedForeignKeyJoin(t *testing.T) {
	s, r, c := wire.SubscriptionSerde, wire.ResponseSerde, wire.CombinedSerde
	refuses(t, s, "", "wire: subscription: length 1 at byte 0 of 0")
	refuses(t, s, "81", "wire: subscription: length 1 at byte 1 of 1")
	refuses(t, s, "02 00 00000000000000000000000000000000", "wire: subscription: unknown version 2")
	refuses(t, s, "80 04 41", "wire: subscription: unknown instruction 4")
	refuses(t, s, "01 00 41", "wire: subscription: length 16 at byte 2 of 3")
	refuses(t, s, "81 00 000003", "wire: subscription: length -1 at byte 2 of 5")
	refuses(t, s, "81 00 ffffffff", "wire: subscription: partition -1")
	refuses(t, r, "", "wire: response: length 1 at byte 0 of 0")
	refuses(t, r, "81", "wire: response: unknown version 1")
	refuses(t, r, "00 41", "wire: response: length 16 at byte 1 of 2")
	refuses(t, c, "000000", "wire: combined key: length 4 at byte 0 of 3")
	refuses(t, c, "00000002 41", "wire: combined key: length 2 at byte 4 of 5")
	refuses(t, c, "ffffffff 41", "wire: combined key: length -1 at byte 4 of 5")

	_, err := s.Append(nil, wire.Subscription{Instruction: 4})
	require.EqualError(t, err, "wire: subscription: unknown instruction 4")
}

func TestDamagedList(t *testing.T) {
	l, s := wire.ListSerde, wire.SidedSerde
	refuses(t, l, "", "wire: list: length 1 at byte 0 of 0")
	refuses(t, l, "00 00000000 00000000", "wire: list: strategy 0, not 1")
	refuses(t, l, "01 7fffffff 00000000", "wire: list: 2147483647 entries in 4 bytes")
	refuses(t, l, "01 ffffffff", "wire: list: -1 entries in 0 bytes")
	refuses(t, l, "01 00000001 00000002 41", "wire: list: length 2 at byte 9 of 10")
	refuses(t, l, "01 00000001 fffffffe", "wire: list: length -2 at byte 9 of 9")
	refuses(t, l, "01 00000000 41", "wire: list: 1 bytes too many")
	refuses(t, s, "01 00000001 00000000", "wire: sided list: 1 entries in 4 bytes")
	refuses(t, s, "01 00000001 00000000 01", "wire: sided list: length -1 at byte 10 of 10")
	refuses(t, s, "01 00000001 00000001 02", "wire: sided list: byte 9 is 2, not 0 or 1")
	refuses(t, s, "01 00000001 ffffffff 01", "wire: sided list: length -2 at byte 10 of 10")
}

func TestDamagedBufferValue(t *testing.T) {
	const head = "000000000000ee48 0000000000000007 00000001 74 00000003 "
	s := wire.BufferSerde
	refuses(t, s, "00", "wire: buffer value: length 8 at byte 0 of 1")
	refuses(t, s, "000000000000ee48 0000000000000007 ffffffff 00000000",
		"wire: buffer value: length -1 at byte 20 of 24")
	refuses(t, s, head+"00000002 00000000 00000000", "wire: buffer value: 2 entries in 8 bytes")
	refuses(t, s, head+"fffffffe", "wire: buffer value: -2 entries in 0 bytes")
	refuses(t, s, head+"00000000 fffffffe ffffffff ffffffff 0000000000000001",
		"wire: buffer value: length -2 at byte 33 of 49")
	refuses(t, s, head+"00000000 ffffffff ffffffff ffffffff 00000001", "wire: buffer value: length 8 at byte 41 of 45")
	refuses(t, s, head+"00000000 ffffffff ffffffff ffffffff 0000000000000001 00",
		"wire: buffer value: 1 bytes too many")
}

func TestDamagedWaitingRecord(t *testing.T) {
	const head = "000000000000ee48 0000000000000007 00000001 74 00000003 00000000 "
	refuses(t, waiting, "00", "wire: waiting record: length 8 at byte 0 of 1")
	refuses(t, waiting, head+"fffffffe ffffffff", "wire: waiting record: length -2 at byte 33 of 37")
	refuses(t, waiting, head+"ffffffff ffffffff 00", "wire: waiting record: 1 bytes too many")
}

func TestDamagedKeys(t *testing.T) {
	_, _, _, err := wire.SplitSharedKey(make([]byte, 8))
	require.EqualError(t, err, "wire: shared key: length 1 at byte 8 of 8")
	_, _, _, err = wire.SplitSharedKey(bytesOf(t, "000000000000ee48 02"))
	require.EqualError(t, err, "wire: shared key: byte 8 is 2, not 0 or 1")
	_, _, _, err = wire.SplitSessionKey(make([]byte, 15))
	require.EqualError(t, err, "wire: session key: length -1 at byte 0 of 15")
	_, _, _, err = wire.SplitChangelogKey(make([]byte, 11))
	require.EqualError(t, err, "wire: changelog key: length -1 at byte 0 of 11")
}
