package window_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/window"
)

// TestKeyBytes are those of Kafka's TimeWindowedSerializer.
func TestKeyBytes(t *testing.T) {
	s := window.TimeKey(serde.String, window.Tumbling(time.Minute))
	key := window.Windowed[string]{Key: "alice", Window: window.Window{Start: 60000, End: 120000}}
	b, err := s.Append(nil, key)
	require.NoError(t, err)
	require.Equal(t, "616c696365000000000000ea60", fmt.Sprintf("%x", b))
	got, err := s.Decode(b)
	require.NoError(t, err)
	require.Equal(t, key, got)
	require.Equal(t, "windowed(string,60000)", serde.FormatOf(s))
	_, err = s.Decode([]byte("short"))
	require.EqualError(t, err, "window: key needs 8 bytes or more, got 5")
}

// TestKeysOfOtherWindows are refused: whoever reads the bytes would take an hour for a minute.
func TestKeysOfOtherWindows(t *testing.T) {
	for _, c := range []struct {
		of    window.Windows
		other window.Window
	}{
		{window.Tumbling(time.Minute), window.Window{Start: 0, End: time.Hour.Milliseconds()}},
		{window.Hopping(time.Hour, time.Minute), window.Window{Start: 0, End: time.Minute.Milliseconds()}},
		{window.Tumbling(time.Minute), window.Window{Start: 0, End: time.Minute.Milliseconds(), EndIncluded: true}},
		{window.Months(time.UTC), window.Window{Start: 0, End: time.Hour.Milliseconds()}},
	} {
		s := window.TimeKey(serde.String, c.of)
		_, err := s.Append(nil, window.Windowed[string]{Key: "a", Window: c.other})
		require.ErrorContains(t, err, c.other.String()+" is none of the key's windows")
		require.ErrorContains(t, err, "give TimeKey the windows of the step")

		own := window.Windowed[string]{Key: "a", Window: c.of.Window(c.other.Start)}
		b, err := s.Append(nil, own)
		require.NoError(t, err)
		byStart, err := s.Append(nil, window.Windowed[string]{Key: "a", Window: window.Window{Start: own.Window.Start}})
		require.NoError(t, err)
		require.Equal(t, b, byStart)
	}
}

func FuzzKey(f *testing.F) {
	s := window.TimeKey(serde.String, window.Tumbling(time.Minute))
	f.Add([]byte("alice\x00\x00\x00\x00\x00\x00\xea\x60"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := s.Decode(b)
		if err != nil {
			return
		}
		again, err := s.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

// FuzzSessionKey: what decodes encodes to the same bytes.
func FuzzSessionKey(f *testing.F) {
	s := window.SessionKey(serde.String)
	f.Add([]byte("alice\x00\x00\x00\x00\x00\x01\x24\xf8\x00\x00\x00\x00\x00\x00\xea\x60"))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := s.Decode(b)
		if err != nil {
			return
		}
		again, err := s.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}
