package windows

import (
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
)

// Time describes tumbling and hopping windows: spans of one size that begin at the multiples of their advance since the
// epoch. Make one with Tumbling or Hopping.
type Time struct {
	size, advance, grace time.Duration
}

// Tumbling windows lie side by side: each record is in one.
func Tumbling(size time.Duration) Time { return Time{size: size, advance: size} }

// Hopping windows begin at every advance and overlap: each record is in size/advance of them. The advance is not above
// the size.
func Hopping(size, advance time.Duration) Time { return Time{size: size, advance: advance} }

// Grace is the same windows, closing only when stream time has passed their end by d. Default 0: a window closes when
// stream time reaches its end.
func (w Time) Grace(d time.Duration) Time {
	w.grace = d
	return w
}

// WithGrace is Grace, for windows of any kind.
func (w Time) WithGrace(d time.Duration) Windows { return w.Grace(d) }

// Err is what is wrong with the description, nil if nothing.
func (w Time) Err() error {
	switch {
	case w.size < time.Millisecond:
		return fmt.Errorf("window size %v: must be a millisecond or more", w.size)
	case w.advance < time.Millisecond || w.advance > w.size:
		return fmt.Errorf("window advance %v: must be from a millisecond to the size, %v", w.advance, w.size)
	case w.grace < 0:
		return fmt.Errorf("window grace %v: must not be negative", w.grace)
	case w.size%time.Millisecond != 0 || w.advance%time.Millisecond != 0 || w.grace%time.Millisecond != 0:
		return errors.New("window size, advance and grace must be whole milliseconds")
	}
	return nil
}

// Size is the length of a window in milliseconds.
func (w Time) Size() int64 { return w.size.Milliseconds() }

// Advance is the time from the start of one window to that of the next, in milliseconds.
func (w Time) Advance() int64 { return w.advance.Milliseconds() }

// GracePeriod is the time from the end of a window to its close, in milliseconds.
func (w Time) GracePeriod() int64 { return w.grace.Milliseconds() }

// Retention is how long a store must keep a window, from its start, in milliseconds.
func (w Time) Retention() int64 { return w.Size() + w.GracePeriod() }

// Starts are the first and last start of the windows that hold a time; those between are an advance apart. No window
// starts before 0.
func (w Time) Starts(ts int64) (first, last int64) {
	advance := w.Advance()
	last = ts - ts%advance
	if ts < w.Size() {
		return 0, last
	}
	first = ts - w.Size() + 1
	if over := first % advance; over != 0 {
		first += advance - over
	}
	return first, last
}

// Window is the window that begins at start.
func (w Time) Window(start int64) Window {
	return Window{Start: start, End: eventtime.Add(start, w.Size())}
}

// CloseTime is the stream time at which the window that begins at start is closed: from then on its records are late.
func (w Time) CloseTime(start int64) int64 { return eventtime.Add(start, w.Retention()) }

// Closed is the lowest start of a window that is still open at a stream time: those below are closed.
func (w Time) Closed(streamTime int64) int64 { return max(0, streamTime-w.Retention()+1) }

// StartsBetween is true if a window starts at or after from and before to.
func (w Time) StartsBetween(from, to int64) bool {
	first := max(0, from)
	if over := first % w.Advance(); over != 0 {
		first = eventtime.Add(first, w.Advance()-over)
	}
	return first < to
}

// String tells kind, size, advance and grace.
func (w Time) String() string {
	if w.size == w.advance {
		return fmt.Sprintf("tumbling(%v, grace %v)", w.size, w.grace)
	}
	return fmt.Sprintf("hopping(%v, %v, grace %v)", w.size, w.advance, w.grace)
}
