package operator

import (
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
)

// idleClock moves the time of an aggregation on while no record does: once nothing has come for so long by the wall
// clock, stream time is what it was when the last record came plus the time since. Windows so close although their
// partition is silent; records for them that come after all are late.
type idleClock struct {
	after   int64         // milliseconds; 0: never
	silence *rows.Silence // of the store, so that the groups of a cogroup hear of each other's records
}

// start looks at the clock now and then. streamTime tells the store's time, move is to make it another.
func (c *idleClock) start(
	ctx graph.AnyContext, silence *rows.Silence, streamTime func() (int64, bool), move func(streamTime int64) error,
) {
	if c.after == 0 {
		return
	}
	c.silence = silence
	c.end(ctx.WallClock())
	every := time.Duration(max(c.after/4, 1)) * time.Millisecond
	ctx.Schedule(every, graph.WallClockTime, func(now int64) error {
		at, _ := streamTime()
		if silence.Time < 0 {
			silence.Time = at
		}
		idle := now - silence.Since
		moved := eventtime.Add(silence.Time, idle)
		if at < 0 || idle < c.after || moved <= at {
			return nil
		}
		return move(moved)
	})
}

// end tells that a record has come. How far it moves the time is seen later: it may yet fail.
func (c *idleClock) end(now int64) {
	if c.after > 0 {
		c.silence.Since, c.silence.Time = now, -1
	}
}
