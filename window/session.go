package window

import (
	"time"

	"github.com/millstream-go/millstream/internal/windows"
)

// Session are windows of activity: records of a key that follow each other by no more than the gap are in one session,
// which reaches from the first of them to the last, both included (Kafka's SessionWindows). Make some with [Sessions].
type Session windows.Session

// Sessions have a gap of inactivity between them.
func Sessions(gap time.Duration) Session { return Session(windows.Sessions(gap)) }

// Grace is the same sessions, closing only when stream time has passed their end and gap by more than d. Default 0.
func (w Session) Grace(d time.Duration) Session { return Session(windows.Session(w).Grace(d)) }

// String tells gap and grace.
func (w Session) String() string { return windows.Session(w).String() }
