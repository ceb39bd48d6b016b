package windows_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/windows"
)

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

var described = rapid.Custom(func(t *rapid.T) windows.Time {
	size := rapid.Int64Range(1, 50).Draw(t, "size")
	return windows.Hopping(ms(size), ms(rapid.Int64Range(1, size).Draw(t, "advance"))).Grace(ms(rapid.Int64Range(0, 30).Draw(t, "grace")))
})

// starts is the slow twin of Starts: it tries every window.
func starts(w windows.Time, ts int64) (out []int64) {
	for start := int64(0); start <= ts; start += w.Advance() {
		if start <= ts && ts < start+w.Size() {
			out = append(out, start)
		}
	}
	return out
}

func TestStarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, ts := described.Draw(t, "w"), rapid.Int64Range(0, 300).Draw(t, "ts")
		var got []int64
		for first, last := w.Starts(ts); first <= last; first += w.Advance() {
			got = append(got, first)
		}
		require.Equal(t, starts(w, ts), got)
	})
}

// TestClosed: Closed, CloseTime and StartsBetween tell the same.
func TestClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, now := described.Draw(t, "w"), rapid.Int64Range(-1, 300).Draw(t, "now")
		later := now + rapid.Int64Range(0, 100).Draw(t, "later")
		newly := false
		for start := int64(0); start < 400; start += w.Advance() {
			require.Equal(t, now >= w.CloseTime(start), start < w.Closed(now))
			newly = newly || start >= w.Closed(now) && start < w.Closed(later)
		}
		require.Equal(t, newly, w.StartsBetween(w.Closed(now), w.Closed(later)))
	})
}

func TestEdges(t *testing.T) {
	w := windows.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)
	require.Equal(t, int64(15), w.CloseTime(0), "accepted at 14, late at 15")
	first, last := w.Starts(9)
	require.Equal(t, []int64{0, 0}, []int64{first, last})
	first, last = w.Starts(10)
	require.Equal(t, []int64{10, 10}, []int64{first, last})
	require.Equal(t, "[10,20)", w.Window(10).String())
}

func TestEndOfTime(t *testing.T) {
	w := windows.Tumbling(time.Minute).Grace(time.Hour)
	_, last := w.Starts(math.MaxInt64)
	require.Equal(t, int64(math.MaxInt64), w.Window(last).End)
	require.Equal(t, int64(math.MaxInt64), w.CloseTime(last))
}

func TestMistakes(t *testing.T) {
	for want, w := range map[string]windows.Time{
		"window size 0s":      windows.Tumbling(0),
		"window size 999µs":   windows.Tumbling(999 * time.Microsecond),
		"window advance 2s":   windows.Hopping(time.Second, 2*time.Second),
		"window advance 0s":   windows.Hopping(time.Second, 0),
		"window grace -1s":    windows.Tumbling(time.Second).Grace(-time.Second),
		"whole milliseconds":  windows.Tumbling(time.Second + time.Microsecond),
		"window size -1m0s":   windows.Tumbling(-time.Minute),
		"window advance -1ms": windows.Hopping(time.Second, -time.Millisecond),
	} {
		require.ErrorContains(t, w.Err(), want)
	}
	require.NoError(t, windows.Hopping(time.Minute, time.Second).Grace(time.Hour).Err())
}

func ExampleTime_Starts() {
	w := windows.Hopping(10*time.Millisecond, 4*time.Millisecond)
	for start, last := w.Starts(13); start <= last; start += w.Advance() {
		fmt.Println(w.Window(start))
	}
	// Output:
	// [4,14)
	// [8,18)
	// [12,22)
}
