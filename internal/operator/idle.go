package operator

import (
	"time"

	"github.com/millstream-go/millstream/topology"
)

// idleClock moves the time of an aggregation on while no record does: once nothing has come for so long by the wall
// clock, stream time is what it was when the last record came plus the time since. Windows so close although their
// partition is silent; records for them that come after all are late.
type idleClock struct {
	after int64 // milliseconds; 0: never
	since int64 // wall clock when the last record came
	base  int64 // stream time then
	seen  int64 // stream time when last looked at
}

// startIdle looks at the clock now and then. streamTime tells the store's time, move is to make it another.
func startIdle[K, V any](
	c *idleClock, ctx *topology.Context[K, V], streamTime func() (int64, bool), move func(streamTime int64) error,
) {
	if c.after == 0 {
		return
	}
	c.since = ctx.WallClock()
	c.seen, _ = streamTime()
	c.base = c.seen
	every := time.Duration(max(c.after/4, 1)) * time.Millisecond
	ctx.Schedule(every, topology.WallClockTime, func(now int64) error {
		at, _ := streamTime()
		if at != c.seen { // a record has come, perhaps through another step that shares the store
			c.seen, c.base = at, at
			c.since = max(c.since, now-every.Milliseconds())
		}
		idle := now - c.since
		if at < 0 || idle < c.after || c.base+idle <= at {
			return nil
		}
		c.seen = c.base + idle
		return move(c.seen)
	})
}

// active tells that a record has come.
func (c *idleClock) active(now int64) { c.since = now }
