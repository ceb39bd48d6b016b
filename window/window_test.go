package window_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/window"
)

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

var described = rapid.Custom(func(t *rapid.T) window.Time {
	size := rapid.Int64Range(1, 50).Draw(t, "size")
	return window.Hopping(ms(size), ms(rapid.Int64Range(1, size).Draw(t, "advance"))).Grace(ms(rapid.Int64Range(0, 30).Draw(t, "grace")))
})

// starts is the slow twin of Starts: it tries every window.
func starts(w window.Time, ts int64) (out []int64) {
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
	w := window.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)
	require.Equal(t, int64(15), w.CloseTime(0), "accepted at 14, late at 15")
	first, last := w.Starts(9)
	require.Equal(t, []int64{0, 0}, []int64{first, last})
	first, last = w.Starts(10)
	require.Equal(t, []int64{10, 10}, []int64{first, last})
	require.Equal(t, "[10,20)", w.Window(10).String())
}

func TestEndOfTime(t *testing.T) {
	w := window.Tumbling(time.Minute).Grace(time.Hour)
	_, last := w.Starts(math.MaxInt64)
	require.Equal(t, int64(math.MaxInt64), w.Window(last).End)
	require.Equal(t, int64(math.MaxInt64), w.CloseTime(last))
}

func TestMistakes(t *testing.T) {
	for want, w := range map[string]window.Time{
		"window size 0s":      window.Tumbling(0),
		"window size 999µs":   window.Tumbling(999 * time.Microsecond),
		"window advance 2s":   window.Hopping(time.Second, 2*time.Second),
		"window advance 0s":   window.Hopping(time.Second, 0),
		"window grace -1s":    window.Tumbling(time.Second).Grace(-time.Second),
		"whole milliseconds":  window.Tumbling(time.Second + time.Microsecond),
		"window size -1m0s":   window.Tumbling(-time.Minute),
		"window advance -1ms": window.Hopping(time.Second, -time.Millisecond),
	} {
		require.ErrorContains(t, w.Err(), want)
	}
	require.NoError(t, window.Hopping(time.Minute, time.Second).Grace(time.Hour).Err())
}

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

func ExampleTime_Starts() {
	w := window.Hopping(10*time.Millisecond, 4*time.Millisecond)
	for start, last := w.Starts(13); start <= last; start += w.Advance() {
		fmt.Println(w.Window(start))
	}
	// Output:
	// [4,14)
	// [8,18)
	// [12,22)
}
