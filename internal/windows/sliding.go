package windows

import (
	"fmt"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
)

// SlidingTime describes windows that follow the records of a key: two records are in a window together if their times
// differ by no more than the difference. A window includes both its start and its end; it exists if it ends at a
// record, or begins right after one, and holds at least one record. Windows that would begin before 0 are all the one
// that begins at 0 (Kafka's SlidingWindows).
type SlidingTime struct {
	difference, grace time.Duration
}

// Sliding describes sliding windows of a difference.
func Sliding(difference time.Duration) SlidingTime { return SlidingTime{difference: difference} }

// Grace is the same windows, closing only when stream time has passed their end by more than d. Default 0.
func (w SlidingTime) Grace(d time.Duration) SlidingTime {
	w.grace = d
	return w
}

// WithGrace is Grace, for windows of any kind.
func (w SlidingTime) WithGrace(d time.Duration) Windows { return w.Grace(d) }

// Err is what is wrong with the description, nil if nothing.
func (w SlidingTime) Err() error { return check("window difference", w.difference, w.grace) }

// Difference is the length of a window in milliseconds: its end less its start.
func (w SlidingTime) Difference() int64 { return w.difference.Milliseconds() }

// Window is the window that begins at start.
func (w SlidingTime) Window(start int64) Window {
	return Window{Start: start, End: eventtime.Add(start, w.Difference()), EndIncluded: true}
}

// CloseTime is the stream time at which the window that begins at start is closed.
func (w SlidingTime) CloseTime(start int64) int64 {
	return eventtime.Add(start, w.Difference()+w.grace.Milliseconds()+1)
}

// Closed is the lowest start of a window that may still be open at a stream time.
func (w SlidingTime) Closed(streamTime int64) int64 {
	return max(0, streamTime-w.Difference()-w.grace.Milliseconds())
}

// StartsBetween is true if from is before to: a window may start at any time.
func (w SlidingTime) StartsBetween(from, to int64) bool { return from < to }

// Retention is how long a store must keep a window, from its start. It is longer than until the window closes: a late
// record's windows are made from those before, down to two differences before it.
func (w SlidingTime) Retention() int64 { return 3*w.Difference() + w.grace.Milliseconds() + 1 }

// String tells kind, difference and grace.
func (w SlidingTime) String() string {
	return fmt.Sprintf("sliding(%v, grace %v)", w.difference, w.grace)
}

// check is what is wrong with a length and a grace period.
func check(what string, length, grace time.Duration) error {
	switch {
	case length < time.Millisecond:
		return fmt.Errorf("%s %v: must be a millisecond or more", what, length)
	case length > math.MaxInt64/4:
		return fmt.Errorf("%s %v: must be below 73 years", what, length)
	case grace < 0:
		return fmt.Errorf("window grace %v: must not be negative", grace)
	case length%time.Millisecond != 0 || grace%time.Millisecond != 0:
		return fmt.Errorf("%s and grace must be whole milliseconds", what)
	}
	return nil
}
