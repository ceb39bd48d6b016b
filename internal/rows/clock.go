package rows

// Clock is the stream time that a store has seen.
type Clock struct {
	time     int64 // -1 before the first record
	markTime int64

	silence Silence
}

// Silence is the time without records.
type Silence struct {
	Since int64 // wall clock when the last record came, milliseconds
	Time  int64 // stream time then; -1 until somebody has looked at it
	// Due is a stream time to which steps bring the store as they start, up to which windows have closed whose
	// results are not out; 0: none. Those who emit on close do so, then the task moves the store's time there.
	Due int64
}

// NewClock is a clock that has seen nothing.
func NewClock() Clock { return Clock{time: -1, markTime: -1} }

// Silence is for processors that move the time on while no record comes.
func (c *Clock) Silence() *Silence { return &c.silence }

// Observe moves the store's stream time on; an earlier time changes nothing.
func (c *Clock) Observe(streamTime int64) { c.time = max(c.time, streamTime) }

// Time is the highest time that the store has seen, -1 if none.
func (c *Clock) Time() int64 { return c.time }

// Mark makes the present time the one that Undo returns to.
func (c *Clock) Mark() { c.markTime = c.time }

// Undo returns to the time of Mark.
func (c *Clock) Undo() { c.time = c.markTime }

// SetTime gives the store the time that was committed.
func (c *Clock) SetTime(streamTime int64) { c.time, c.markTime = streamTime, streamTime }
