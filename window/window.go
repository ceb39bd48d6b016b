package window

import "fmt"

// Window is a span of event time from Start, included, to End: excluded for windows that the clock makes, included for
// sliding windows and sessions, which records make.
type Window struct {
	Start, End  int64
	EndIncluded bool
}

// String is [start,end) or [start,end].
func (w Window) String() string {
	if w.EndIncluded {
		return fmt.Sprintf("[%d,%d]", w.Start, w.End)
	}
	return fmt.Sprintf("[%d,%d)", w.Start, w.End)
}

// Windowed is a key within a window: the key of a windowed aggregation's result.
type Windowed[K any] struct {
	Key    K
	Window Window
}
