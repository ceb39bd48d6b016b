package worker

import (
	"time"

	"github.com/millstream-go/millstream/internal/sim"
)

// clock tells the time by the wall clock, and when that was set.
type clock struct {
	source       func() (wall int64, steady time.Duration)
	wall, steady int64 // of the last look, milliseconds
}

// set is by how much the wall clock must have gone astray between two looks to have been set, in milliseconds. What
// keeps machines in time moves it by less.
const set = 50

func newClock() *clock {
	began := time.Now()
	c := &clock{source: func() (int64, time.Duration) {
		t := time.Now()
		return t.UnixMilli() + sim.WallSet(), t.Sub(began)
	}}
	c.read()
	return c
}

// read is the wall-clock time in milliseconds, and by how much it was set since the last look.
func (c *clock) read() (now, by int64) {
	wall, steady := c.source()
	if by = wall - c.wall - (steady.Milliseconds() - c.steady); -set < by && by < set || c.wall == 0 {
		by = 0
	}
	c.wall, c.steady = wall, steady.Milliseconds()
	return wall, by
}

// now is the wall-clock time in milliseconds. Commits and punctuations go on as they would have when it is set.
func (s *session) now() int64 {
	now, by := s.worker.clock.read()
	if by != 0 {
		s.config.Logger.Info("the wall clock was set", "by", (time.Duration(by) * time.Millisecond).String())
		s.set.Adjust(by)
	}
	return now
}

// now is the wall-clock time in milliseconds, for whoever waits for nothing.
func now() int64 { return time.Now().UnixMilli() + sim.WallSet() }
