package windows_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/windows"
)

func TestUnlimited(t *testing.T) {
	w := windows.Unlimited(time.UnixMilli(100))
	require.NoError(t, w.Err())
	for _, ts := range []int64{100, 101, math.MaxInt64} {
		first, last := w.Starts(ts)
		require.Equal(t, []int64{100, 100}, []int64{first, last}, ts)
	}
	for _, ts := range []int64{-1, 0, 99} {
		first, last := w.Starts(ts)
		require.Greater(t, first, last, ts)
	}
	require.Equal(t, windows.Window{Start: 100, End: math.MaxInt64}, w.Window(100))
	require.Positive(t, w.Advance())
	require.Equal(t, "unlimited(from 1970-01-01T00:00:00.1Z)", w.String())
}

func TestUnlimitedNeverCloses(t *testing.T) {
	w := windows.Unlimited(time.UnixMilli(100))
	require.Equal(t, int64(math.MaxInt64), w.CloseTime(100))
	for _, now := range []int64{-1, 0, 100, math.MaxInt64} {
		require.Zero(t, w.Closed(now))
	}
	require.False(t, w.StartsBetween(0, math.MaxInt64))
	retention := time.Duration(w.Retention()) * time.Millisecond
	require.Less(t, math.MaxInt64-retention, time.Millisecond, "as long as a Duration can be, without wrapping around")
	require.Positive(t, retention)
}

func TestUnlimitedMistakes(t *testing.T) {
	for want, start := range map[string]time.Time{
		"window start 0001-01-01": {},
		"window start 1969-12-31": time.UnixMilli(-1).UTC(),
		"window start 292278994":  time.UnixMilli(math.MaxInt64).UTC(),
		"a whole millisecond":     time.Unix(5, 1),
	} {
		require.ErrorContains(t, windows.Unlimited(start).Err(), want)
	}
	require.NoError(t, windows.Unlimited(time.UnixMilli(0)).Err())
}
