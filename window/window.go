package window

import "github.com/millstream-go/millstream/internal/windows"

// Window is a span of event time from Start, included, to End: excluded for windows that the clock makes, included
// (EndIncluded) for sliding windows and sessions, which records make. Both are milliseconds since the epoch, as the
// timestamps of records are; StartTime and EndTime give them as times.
type Window = windows.Window

// Windowed is a key within a window: the key of a windowed aggregation's result.
type Windowed[K any] struct {
	Key    K
	Window Window
}
