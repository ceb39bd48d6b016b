package window

import (
	"time"

	"github.com/millstream-go/millstream/internal/windows"
)

// Windows are windows that a start identifies: tumbling, hopping, sliding, those of a calendar, or an unlimited one.
// Make some with [Tumbling], [Hopping], [Sliding], [Days], [Weeks], [Months] or [Unlimited]. A mistake in a size or a
// place is an error of streams.Builder.Build.
type Windows windows.Sealed

func seal(w windows.Windows) Windows { return Windows(windows.Seal(w)) }

func (w Windows) open() windows.Windows { return windows.Of(windows.Sealed(w)) }

// Tumbling windows lie side by side: each record is in one.
func Tumbling(size time.Duration) Windows { return seal(windows.Tumbling(size)) }

// Hopping windows begin at every advance and overlap: each record is in size/advance of them. The advance is not above
// the size.
func Hopping(size, advance time.Duration) Windows { return seal(windows.Hopping(size, advance)) }

// Sliding windows follow the records of a key: two records are in a window together if their times differ by no more
// than the difference. A window includes both its start and its end; it exists if it ends at a record, or begins right
// after one, and holds at least one record. Windows that would begin before 0 are all the one that begins at 0 (Kafka's
// SlidingWindows).
func Sliding(difference time.Duration) Windows { return seal(windows.Sliding(difference)) }

// Days are windows from midnight to midnight of a place: each record is in one.
//
// A window of a calendar begins at the first instant at which the local date is in the day, week or month, or past it,
// and lasts until the next one begins. So each instant is in one window, whatever the clocks do:
//   - Days have 23 or 25 hours when the clocks change, and begin at one o'clock if that is what follows 23:59.
//   - Where the clocks go back over midnight, the new day has begun: it holds the rest of the old one, lived again.
//   - A date that a place left out has no window.
//
// The first window begins at time 0, though its day, week or month began earlier.
func Days(loc *time.Location) Windows { return seal(windows.Days(loc)) }

// Weeks are windows of seven days that begin with a weekday: time.Monday for weeks as ISO 8601 has them. [Days] tells
// what happens when the clocks change.
func Weeks(loc *time.Location, first time.Weekday) Windows { return seal(windows.Weeks(loc, first)) }

// Months are windows from the first of a month to that of the next. [Days] tells what happens when the clocks change.
func Months(loc *time.Location) Windows { return seal(windows.Months(loc)) }

// Unlimited is one window for each key, from start to the end of time (Kafka's UnlimitedWindows). Records before start
// are in no window. It is never closed, so no record is late, its result is never final, and it has no Grace.
func Unlimited(start time.Time) Windows { return seal(windows.Unlimited(start)) }

// Grace is the same windows, closing only when stream time has passed their end by d: sliding ones, whose end is in
// them, by more than d. Default 0.
func (w Windows) Grace(d time.Duration) Windows {
	if w.open() == nil {
		return w
	}
	return seal(w.open().WithGrace(d))
}

// Window is the window that begins at start, in milliseconds since the epoch.
func (w Windows) Window(start int64) Window {
	if w.open() == nil {
		return Window{Start: start, End: start}
	}
	return w.open().Window(start)
}

// String tells the kind and its settings.
func (w Windows) String() string {
	if w.open() == nil {
		return "no windows"
	}
	return w.open().String()
}
