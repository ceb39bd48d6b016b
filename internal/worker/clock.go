package worker

import (
	"time"

	"github.com/millstream-go/millstream/internal/sim"
)

// clock tells the time by the wall clock, and when that was set.
type clock struct {
	read         func() (wall int64, steady time.Duration)
	wall, steady int64 // of the last look, milliseconds
}

// set is by how much the wall clock must have gone astray between two looks to have been set, in milliseconds. What
// keeps machines in time moves it by less.
const set = 50

func newClock() *clock {
	began := time.Now()
	c := &clock{read: func() (int64, time.Duration) {
		t := time.Now()
		return t.UnixMilli() + sim.WallSet(), t.Sub(began)
	}}
	c.look()
	return c
}

// look is the wall-clock time in milliseconds, and by how much it was set since the last look.
func (c *clock) look() (now, by int64) {
	wall, steady := c.read()
	if by = wall - c.wall - (steady.Milliseconds() - c.steady); -set < by && by < set || c.wall == 0 {
		by = 0
	}
	c.wall, c.steady = wall, steady.Milliseconds()
	return wall, by
}

// now is the wall-clock time in milliseconds. Commits and punctuations go on as they would have when it is set.
func (w *Worker) now() int64 {
	now, by := w.clock.look()
	if by != 0 {
		w.config.Logger.Info("the wall clock was set", "by", (time.Duration(by) * time.Millisecond).String())
		w.set.Adjust(by)
	}
	return now
}

// now is the wall-clock time in milliseconds, for whoever waits for nothing.
func now() int64 { return time.Now().UnixMilli() + sim.WallSet() }
