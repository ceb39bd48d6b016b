package windows

import "time"

// Windows describes windows that a start identifies: what a windowed aggregation and its store need of them. Time,
// SlidingTime, Calendar and Endless are such.
type Windows interface {
	Defined
	// WithGrace is the same windows, closing later.
	WithGrace(d time.Duration) Windows
	// Window is the window that begins at start.
	Window(start int64) Window
	// CloseTime is the stream time at which the window that begins at start is closed; the highest int64 if that lies
	// beyond.
	CloseTime(start int64) int64
	// Closed is the lowest start of a window that may still be open at a stream time: those below are closed, their
	// records are late.
	Closed(streamTime int64) int64
	// StartsBetween is true if a window may start at or after from and before to.
	StartsBetween(from, to int64) bool
	// Retention is how long a store must keep a window, from its start, in milliseconds.
	Retention() int64
	// Err is what is wrong with the description, nil if nothing.
	Err() error
	// String tells the kind and its settings.
	String() string
}

// Aligned describes windows that lie where the clock says, whatever the records: those that hold a record follow from
// its time alone.
type Aligned interface {
	Windows
	// Starts are the first and last start of the windows that hold a time; those between are an advance apart. No
	// window starts before 0. Where no window holds the time, first is above last.
	Starts(ts int64) (first, last int64)
	// Advance is the time from one start to the next, in milliseconds, where a record may be in several windows.
	Advance() int64
}
