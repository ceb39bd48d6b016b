package windows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/windows"
)

// FuzzAligned: the windows that Starts names hold the time, and close after it.
func FuzzAligned(f *testing.F) {
	f.Add(int64(10), int64(4), int64(5), int64(13))
	f.Add(int64(60_000), int64(60_000), int64(0), int64(1_700_000_000_000))
	f.Add(int64(1), int64(1), int64(1<<40), int64(1<<62))
	f.Fuzz(func(t *testing.T, size, advance, grace, ts int64) {
		const long = 1 << 40
		w := windows.Hopping(time.Duration(size%long)*time.Millisecond, time.Duration(advance%long)*time.Millisecond).
			Grace(time.Duration(grace%long) * time.Millisecond)
		if w.Err() != nil || ts < 0 {
			return
		}
		for _, w := range []windows.Aligned{w, windows.Days(time.UTC), windows.Months(time.UTC)} {
			first, last := w.Starts(ts)
			require.LessOrEqual(t, first, last)
			for _, start := range []int64{first, last} {
				got := w.Window(start)
				require.LessOrEqual(t, got.Start, ts)
				if got.End != 1<<63-1 {
					require.Greater(t, got.End, ts)
				}
				require.GreaterOrEqual(t, w.CloseTime(start), got.End)
				require.GreaterOrEqual(t, start, w.Closed(ts-1), "a window that holds a time is open just before it")
			}
		}
	})
}

// FuzzJoin: both sides of a join window agree on who meets whom, and a record that can still meet one is not closed.
func FuzzJoin(f *testing.F) {
	f.Add(int64(10), int64(0), int64(5), int64(100), int64(95))
	f.Add(int64(-5), int64(60), int64(0), int64(1), int64(7))
	f.Fuzz(func(t *testing.T, before, after, grace, left, right int64) {
		const long = 1 << 40
		w := windows.Between(time.Duration(before%long)*time.Millisecond, time.Duration(after%long)*time.Millisecond).
			Grace(time.Duration(grace%long) * time.Millisecond)
		if w.Err() != nil || left < 0 || right < 0 || left > long || right > long {
			return
		}
		from, to := w.Right(left)
		meets := from <= right && right <= to
		from, to = w.Left(right)
		require.Equal(t, meets, from <= left && left <= to)
		if meets {
			require.GreaterOrEqual(t, left, w.Closed(right, true))
			require.GreaterOrEqual(t, right, w.Closed(left, false))
			require.LessOrEqual(t, max(left, right)-min(left, right), w.Retention())
		}
	})
}
