package windows

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
)

// Endless describes a single window that never closes, as Kafka's UnlimitedWindows. Make one with Unlimited.
type Endless struct {
	start time.Time
	grace time.Duration
}

// Unlimited is one window for each key, from start to the end of time. Records before start are in no window. It is
// never closed, so no record is late and its result is never final.
func Unlimited(start time.Time) Endless { return Endless{start: start} }

// WithGrace is a mistake, which Err tells: there is nothing to wait for.
func (w Endless) WithGrace(d time.Duration) Windows {
	w.grace = d
	return w
}

// Err is what is wrong with the description, nil if nothing.
func (w Endless) Err() error {
	switch {
	case w.start.Before(time.UnixMilli(0)) || !w.start.Before(time.UnixMilli(math.MaxInt64)):
		return fmt.Errorf("window start %v: must be in milliseconds since the epoch, 0 or more", w.start)
	case w.start.Nanosecond()%int(time.Millisecond) != 0:
		return fmt.Errorf("window start %v: must be a whole millisecond", w.start)
	case w.grace != 0:
		return errors.New("window grace: a window without an end has none")
	}
	return nil
}

// Starts are both the start of the window; first is above last for a time before it.
func (w Endless) Starts(ts int64) (first, last int64) {
	start := w.start.UnixMilli()
	if ts < start {
		return start, start - 1
	}
	return start, start
}

// Advance is a millisecond. It means nothing: there is no second window.
func (w Endless) Advance() int64 { return 1 }

// Window is the window that begins at start.
func (w Endless) Window(start int64) Window { return Window{Start: start, End: math.MaxInt64} }

// CloseTime is the end of time.
func (w Endless) CloseTime(int64) int64 { return math.MaxInt64 }

// Closed is 0: no window is ever closed.
func (w Endless) Closed(int64) int64 { return 0 }

// StartsBetween is false, also around the start: it is asked for windows that close, and none does.
func (w Endless) StartsBetween(_, _ int64) bool { return false }

// Retention is for ever: as many milliseconds as a time.Duration can tell.
func (w Endless) Retention() int64 { return eventtime.Longest }

// String tells kind and start, in UTC.
func (w Endless) String() string {
	return fmt.Sprintf("unlimited(from %s)", w.start.UTC().Format(time.RFC3339Nano))
}
