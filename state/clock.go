package state

// clock is the stream time that a store has seen.
type clock struct {
	time     int64 // -1 before the first record
	markTime int64
}

func newClock() clock { return clock{-1, -1} }

// Observe moves the store's stream time on; an earlier time changes nothing.
func (c *clock) Observe(streamTime int64) { c.time = max(c.time, streamTime) }

// Time is the highest time the store has seen, -1 if none.
func (c *clock) Time() (int64, bool) { return c.time, true }

// SetTime gives the store the time that was committed.
func (c *clock) SetTime(streamTime int64) { *c = clock{streamTime, streamTime} }
