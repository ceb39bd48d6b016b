package windows

import (
	"fmt"
	"time"
)

// Session describes windows of activity: records of a key that follow each other by no more than the gap are in one
// session, which reaches from the first of them to the last, both included (Kafka's SessionWindows).
type Session struct {
	gap, grace time.Duration
}

// Sessions describes sessions with a gap of inactivity between them.
func Sessions(gap time.Duration) Session { return Session{gap: gap} }

// Grace is the same sessions, closing only when stream time has passed their end and gap by more than d. Default 0.
func (w Session) Grace(d time.Duration) Session {
	w.grace = d
	return w
}

// Err is what is wrong with the description, nil if nothing.
func (w Session) Err() error { return check("session gap", w.gap, w.grace) }

// Gap is the longest time between two records of a session, in milliseconds.
func (w Session) Gap() int64 { return w.gap.Milliseconds() }

// Retention is how long a store must keep a session, from its end, in milliseconds.
func (w Session) Retention() int64 { return w.Gap() + w.grace.Milliseconds() }

// Window is the session from start to end.
func (w Session) Window(start, end int64) Window {
	return Window{Start: start, End: end, EndIncluded: true}
}

// Closed is the lowest end of a session that is still open at a stream time: those that end before it are closed, never
// change again and merge with nothing.
func (w Session) Closed(streamTime int64) int64 { return max(0, streamTime-w.Retention()) }

// String tells kind, gap and grace.
func (w Session) String() string { return fmt.Sprintf("session(gap %v, grace %v)", w.gap, w.grace) }
