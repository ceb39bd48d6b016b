package state

// clock is the stream time that a store has seen.
type clock struct {
	time     int64 // -1 before the first record
	markTime int64

	silence Silence
}

// Silence is the time without records.
type Silence struct {
	Since int64 // wall clock when the last record came, milliseconds
	Time  int64 // stream time then; -1 until somebody has looked at it
}

func newClock() clock { return clock{time: -1, markTime: -1} }

// Silence is for processors that move the time on while no record comes.
func (c *clock) Silence() *Silence { return &c.silence }

// Observe moves the store's stream time on; an earlier time changes nothing.
func (c *clock) Observe(streamTime int64) { c.time = max(c.time, streamTime) }

// Time is the highest time the store has seen, -1 if none.
func (c *clock) Time() (int64, bool) { return c.time, true }

// SetTime gives the store the time that was committed.
func (c *clock) SetTime(streamTime int64) { c.time, c.markTime = streamTime, streamTime }
