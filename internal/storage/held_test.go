package storage

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
)

// FuzzHeld reads anything. What decodes is written, and read again as the same.
func FuzzHeld(f *testing.F) {
	values := HeldSerde(serde.Bytes)
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
