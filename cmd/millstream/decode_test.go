package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/wire"
)

// TestWhatIsShownOfBytes: values as their serdes read them, and no control characters for the terminal.
func TestWhatIsShownOfBytes(t *testing.T) {
	for _, c := range []struct {
		format string
		bytes  string
		want   any
	}{
		{"string", "Zoë", "Zoë"},
		{"string", "\x1b[2J", "0x1b5b324a"},
		{"int64", "\x00\x00\x00\x00\x00\x00\x00\x2a", int64(42)},
		{"int64", "42", "42"},
		{"json", `{"a":1}`, map[string]any{"a": 1.0}},
		{"json", `{"a":`, `{"a":`},
		{"avro", "\xff\x00", "0xff00"},
	} {
		require.Equal(t, c.want, decode(c.format, []byte(c.bytes)), "%s of %q", c.format, c.bytes)
	}
}

// TestKeysOfChangelogs are taken apart as the kind of the store has them.
func TestKeysOfChangelogs(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
	const from, to = "2026-03-01T12:00:00.000Z", "2026-03-01T12:00:01.000Z"
	for format, c := range map[string]struct {
		key  []byte
		want rowChange
	}{
		"key-value(string,string)": {[]byte("k"), rowChange{Key: "k", Value: "v"}},
		"window(string,string)":    {wire.ChangelogKey(nil, []byte("k"), at, 0), rowChange{Key: "k", From: from, Value: "v"}},
		"session(string,string)": {
			wire.SessionKey(nil, []byte("k"), at+1000, at), rowChange{Key: "k", From: from, To: to, Value: "v"},
		},
		"unmatched(string,string)": {wire.SharedKey(nil, at, true, []byte("k")), rowChange{Key: "k", From: from, Value: "v"}},
	} {
		store, err := parseFormat(format)
		require.NoError(t, err)
		got, err := store.decode(&kgo.Record{Key: c.key, Value: []byte("v")})
		require.NoError(t, err)
		require.Equal(t, c.want, got, format)
	}
	store, err := parseFormat("window(string,string)")
	require.NoError(t, err)
	_, err = store.decode(&kgo.Record{Key: []byte("short")})
	require.Error(t, err)
}
