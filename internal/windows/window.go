package windows

import (
	"fmt"
	"time"
)

// Window is a span of event time from Start, included, to End: excluded for windows that the clock makes, included for
// sliding windows and sessions, which records make. Both are milliseconds since the epoch, as the timestamps of records
// are; StartTime and EndTime give them as times.
type Window struct {
	Start, End  int64
	EndIncluded bool
}

// StartTime is the start as a time.
func (w Window) StartTime() time.Time { return time.UnixMilli(w.Start) }

// EndTime is the end as a time. A window without an end has one some 292 million years from now.
func (w Window) EndTime() time.Time { return time.UnixMilli(w.End) }

// String is [start,end) or [start,end].
func (w Window) String() string {
	if w.EndIncluded {
		return fmt.Sprintf("[%d,%d]", w.Start, w.End)
	}
	return fmt.Sprintf("[%d,%d)", w.Start, w.End)
}
