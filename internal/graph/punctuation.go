package graph

import "time"

// PunctuationType is the clock of a punctuation.
type PunctuationType int

const (
	// StreamTime punctuations are looked at after each record of the task. The first record fires them; after that they
	// fire once when stream time has reached the next multiple of the interval, restarts of the task or not.
	StreamTime PunctuationType = iota
	// WallClockTime punctuations fire when the wall clock has reached the next multiple of the interval after the last
	// firing: once, however far the clock has moved.
	WallClockTime
)

// Schedule calls fn every interval of the given clock, with that clock's time in milliseconds. fn may forward and use
// stores. The interval is whole milliseconds, one or more. The returned function ends it.
func (s *scope) Schedule(every time.Duration, clock PunctuationType, fn func(now int64) error) (cancel func()) {
	in, n := s.in, s.node
	switch {
	case every < time.Millisecond:
		panic("streams: step " + n.Name + " schedules a punctuation at an interval below a millisecond")
	case every%time.Millisecond != 0:
		panic("streams: step " + n.Name + " schedules a punctuation at an interval of parts of a millisecond")
	case clock != StreamTime && clock != WallClockTime:
		panic("streams: step " + n.Name + " schedules a punctuation by a clock that is neither StreamTime nor WallClockTime")
	case fn == nil:
		panic("streams: step " + n.Name + " schedules a punctuation of a nil function")
	}
	call := func(now int64) error {
		if err := in.enter(n, func() error { return fn(now) }); err != nil {
			return err
		}
		return in.settle()
	}
	return in.host.Schedule(&Punctuation{Node: n, Every: every.Milliseconds(), Clock: clock, Call: call})
}

// Punctuation is a scheduled call, for the task that keeps the schedule.
type Punctuation struct {
	Node  *Node
	Every int64 // milliseconds
	Clock PunctuationType
	Call  func(now int64) error
}
