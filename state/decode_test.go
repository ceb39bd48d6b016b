package state

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
)

// fuzzDecode reads anything. What decodes is written, and read again as the same.
func fuzzDecode[V any](f *testing.F, values serde.Serde[V]) {
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := values.Decode(src)
		if err != nil {
			return
		}
		b, err := values.Append(nil, v)
		require.NoError(t, err)
		again, err := values.Decode(b)
		require.NoError(t, err, "%x", b)
		require.Equal(t, v, again)
	})
}

func FuzzSides(f *testing.F)    { fuzzDecode(f, sides[string, int64]{serde.String, serde.Int64}) }
func FuzzVersions(f *testing.F) { fuzzDecode(f, versions[[]byte]{serde.Bytes}) }

// TestSidesOfOneRow: a row has the records of one side, each behind a side that is known.
func TestSidesOfOneRow(t *testing.T) {
	values := sides[string, string]{serde.String, serde.String}
	row := side[string, string]{isLeft: true, left: []string{"a", ""}}
	b, err := values.Append(nil, row)
	require.NoError(t, err)
	require.Equal(t, "\x01\x00\x00\x00\x02\x00\x00\x00\x02\x01a\x00\x00\x00\x01\x01", string(b))
	for at, n := range map[int]byte{9: 2, 15: 0, 0: 0, 4: 3, 8: 3} {
		damaged := append([]byte(nil), b...)
		damaged[at] = n
		_, err := values.Decode(damaged)
		require.ErrorIs(t, err, errSides, "%d at %d", n, at)
	}
	_, err = values.Decode([]byte("\x01\x00\x00\x00\x01\x00\x00\x00\x02\x02a"))
	require.ErrorIs(t, err, errSides, "side 2")
}
