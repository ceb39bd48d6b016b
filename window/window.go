package window

import "fmt"

// Window is a span of event time: from Start, included, to End, excluded.
type Window struct {
	Start, End int64
}

// String is [start,end).
func (w Window) String() string { return fmt.Sprintf("[%d,%d)", w.Start, w.End) }

// Windowed is a key within a window: the key of a windowed aggregation's result.
type Windowed[K any] struct {
	Key    K
	Window Window
}
