package serde_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
)

func TestUUIDsOfJava(t *testing.T) {
	type id [16]byte
	check(t, serde.UUID[id](), id(anID), anIDHex)
	got, err := serde.UUID[id]().Decode([]byte("123E4567-E89B-12D3-A456-426614174000"))
	require.NoError(t, err)
	require.Equal(t, id(anID), got)
	for bad, want := range map[string]string{
		"1-1-1-1-1":                            "serde: uuid needs 36 characters, got 9",
		"123e4567e-89b-12d3-a456-426614174000": `serde: uuid "123e4567e-89b-12d3-a456-426614174000": no dash at 8`,
		"123e4567-e89b-12d3-a456-42661417400g": `serde: uuid "123e4567-e89b-12d3-a456-42661417400g": ` +
			`encoding/hex: invalid byte: U+0067 'g'`,
	} {
		_, err := serde.UUID[id]().Decode([]byte(bad))
		require.EqualError(t, err, want)
	}
}

// TestDecimalsOfJava: the bytes are those of BigDecimal.unscaledValue().toByteArray(), which Connect's Decimal is.
func TestDecimalsOfJava(t *testing.T) {
	for text, want := range map[string]string{
		"0": "00", "1.27": "7f", "-1.28": "80", "1.28": "0080", "-0.01": "ff", "327.67": "7fff", "-327.68": "8000",
		"123456789012345678901234567890.12": "009bd30a3c645943dd1690a03a14",
	} {
		v, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		check(t, serde.Decimal(2), v, want)
	}
	_, err := serde.Decimal(2).Append(nil, big.NewRat(1, 3))
	require.EqualError(t, err, "serde: decimal: 1/3 needs more than 2 digits behind the point")
	_, err = serde.Decimal(2).Append(nil, nil)
	require.EqualError(t, err, "serde: decimal: the value is nil")
	_, err = serde.Decimal(2).Decode(nil)
	require.EqualError(t, err, "serde: decimal: no bytes")
	require.Error(t, serde.ErrOf(serde.Decimal(-1)))
	require.NoError(t, serde.ErrOf(serde.Decimal(0)))
	require.Equal(t, "decimal(4)", serde.FormatOf(serde.Decimal(4)))
}

func TestTimesOfConnect(t *testing.T) {
	check(t, serde.Timestamp, time.Date(2026, 5, 4, 3, 2, 1, 7e6, time.UTC), "0000019df0ef802f")
	check(t, serde.Timestamp, time.UnixMilli(-1).UTC(), "ffffffffffffffff")
	check(t, serde.Date, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), "00005061")
	check(t, serde.Date, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), "ffffffff")
	b, err := serde.Timestamp.Append(nil, time.Unix(1, 1_999_999).In(time.FixedZone("", 3600)))
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 3, 0xe9}, b)
	for _, no := range []time.Time{time.Unix(1, 0), time.Unix(0, 1), time.Unix(1<<40*daySeconds, 0)} {
		_, err := serde.Date.Append(nil, no)
		require.Error(t, err)
	}
}

const daySeconds = 24 * 60 * 60
