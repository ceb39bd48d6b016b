package inspect

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWindowsOfADefinition: ends and closes follow from the text that windows.Defined has.
func TestWindowsOfADefinition(t *testing.T) {
	minute := windows{"tumbling(1m0s)", 10 * time.Second}
	end, ok := minute.end(60_000)
	require.True(t, ok)
	require.Equal(t, int64(120_000), end)
	require.Equal(t, int64(130_000), minute.closes(end))
	for at, closes := range map[int64]int64{0: 70_000, 69_999: 70_000, 70_000: 130_000, 125_000: 130_000} {
		_, got, ok := minute.next(at)
		require.True(t, ok)
		require.Equal(t, closes, got, "at %d", at)
	}
	hopping := windows{"hopping(1m0s, advance 20s)", 0}
	for at, closes := range map[int64]int64{59_999: 60_000, 60_000: 80_000, 100_000: 120_000} {
		_, got, ok := hopping.next(at)
		require.True(t, ok)
		require.Equal(t, closes, got, "at %d", at)
	}
	require.Equal(t, int64(1000+20_000+1), windows{"session(gap 20s)", 0}.closes(1000))
	day := windows{"days(Europe/Berlin)", 0}
	start := time.Date(2025, 10, 25, 22, 0, 0, 0, time.UTC).UnixMilli() // clocks go back
	end, ok = day.end(start)
	require.True(t, ok)
	require.Equal(t, 25*time.Hour, time.Duration(end-start)*time.Millisecond)
	_, ok = windows{"join(before 1m0s, after 0s)", 0}.end(0)
	require.False(t, ok)
	_, _, ok = windows{}.next(0)
	require.False(t, ok)
}
