package task

import (
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
)

// punctuation is a schedule with the time at which it fires next.
type punctuation struct {
	*graph.Punctuation
	start     int64 // wall-clock schedules count from here
	due       int64
	cancelled bool
}

// schedules are the punctuations of a task, in the order in which they were entered, which is that in which they fire.
type schedules struct {
	all       []*punctuation
	next      int64 // no schedule of the stream's time is due before
	cancelled int   // of all
	firing    bool
	last      *punctuation // that was fired when the pace ended a round; nil if it came to its end
}

// Schedule enters a punctuation. A stream-time one is due at the first record; a wall-clock one an interval from now.
//
// A task that has seen records in an earlier life enters its schedules anew. Their last firing was in the same interval
// as its stream time, or they would have fired since: so that tells when they are due, and a restart fires nothing.
func (t *Task) Schedule(p *graph.Punctuation) (cancel func()) {
	entry := &punctuation{Punctuation: p}
	s := &t.schedules
	switch {
	case p.Clock == graph.WallClockTime:
		entry.start, entry.due = t.set.now, t.set.now+p.Every
		t.set.nextWall = min(t.set.nextWall, entry.due)
	case !t.running && t.streamTime >= 0:
		entry.passTo(t.streamTime)
		s.next = min(s.next, entry.due)
	default:
		s.next = min(s.next, entry.due)
	}
	s.all = append(s.all, entry)
	return func() { s.cancel(entry) }
}

// cancel ends a schedule. Those that ended are removed when they are half of all, so that a timer for each key costs
// what the timers cost that run.
func (s *schedules) cancel(p *punctuation) {
	if p.cancelled {
		return
	}
	p.cancelled = true
	s.cancelled++
	s.compact()
}

func (s *schedules) compact() {
	if s.firing || s.cancelled*2 < len(s.all) {
		return
	}
	s.all = slices.DeleteFunc(s.all, func(p *punctuation) bool { return p.cancelled })
	s.cancelled = 0
}

// passTo makes a stream-time schedule due at the next multiple of its interval.
func (p *punctuation) passTo(streamTime int64) {
	if p.due = (streamTime/p.Every + 1) * p.Every; p.due < streamTime {
		p.due = never // there is no later multiple
	}
}

// each calls fn with the schedules of a clock that run, those left out that begin meanwhile. fn may begin and end
// schedules. It returns false to stop.
func (s *schedules) each(clock graph.PunctuationType, fn func(p *punctuation) (bool, error)) error {
	s.firing = true
	defer func() {
		s.firing = false
		s.compact()
	}()
	for _, p := range s.all {
		if p.Clock != clock || p.cancelled {
			continue
		}
		if more, err := fn(p); err != nil || !more {
			return err
		}
	}
	return nil
}

func (t *Task) punctuateStreamTime() error {
	s := &t.schedules
	if t.streamTime < s.next {
		return nil
	}
	s.next = never // those that begin meanwhile make it sooner
	return s.each(graph.StreamTime, func(p *punctuation) (bool, error) {
		if t.streamTime >= p.due && p.due != never {
			p.passTo(t.streamTime)
			if err := t.fire(p, t.streamTime); err != nil {
				return false, err
			}
		}
		s.next = min(s.next, p.due)
		return true, nil
	})
}

// punctuateWallClock fires what is due: each schedule once, however far the clock has moved. It returns false if the
// pace ended it; then the next call begins behind the schedule that was fired last.
func (t *Task) punctuateWallClock() (ended bool, err error) {
	s := &t.schedules
	if len(s.all) == 0 {
		return true, nil
	}
	last := s.last
	s.last = nil
	if last != nil {
		if ended, err = t.fireDue(last, true); err != nil || !ended {
			return ended, err
		}
	}
	return t.fireDue(last, false)
}

// fireDue fires the schedules that are due and lie behind one of them, or are not behind it; all, if that is nil.
func (t *Task) fireDue(last *punctuation, behind bool) (ended bool, err error) {
	s, now, passed := &t.schedules, t.set.now, false
	err = s.each(graph.WallClockTime, func(p *punctuation) (bool, error) {
		here := passed
		if passed = passed || p == last; last != nil && here != behind || now < p.due {
			return true, nil
		}
		p.due = p.start + ((now-p.start)/p.Every+1)*p.Every
		err := t.fire(p, now)
		if t.set.pace.Stop.Load() {
			s.last = p
		}
		return s.last == nil, err
	})
	t.weigh()
	return s.last == nil, err
}

// fire calls a punctuation. One that fails is taken back whole, and the error policy decides; there is no record to
// send to the dead-letter topic.
func (t *Task) fire(p *punctuation, now int64) error {
	t.set.pace.Working.Store(t)
	t.mark()
	if err := Shielded(func() error { return p.Call(now) }); err != nil {
		t.undo()
		failed := t.failure("punctuation", err)
		failed.Cause = Punctuation
		action, stops := t.config.decide(failed)
		if t.config.Failures.add(t.set.now, failed, action, nil, 0); stops != nil {
			return stops
		}
		t.lastError, t.errorAt = failed, t.set.now
		t.config.Drops.add(drop{step: failed.Node, reason: graph.DropProcess})
		t.log.Warn("punctuation left out", withStack(err, "node", failed.Node, "site", failed.Site, "error", err)...)
	}
	t.done()
	return nil
}

// nextWallClock is the time of the next wall-clock punctuation.
func (t *Task) nextWallClock() int64 {
	next := int64(never)
	for _, p := range t.schedules.all {
		if p.Clock == graph.WallClockTime && !p.cancelled {
			next = min(next, p.due)
		}
	}
	return next
}

// adjust follows the wall clock, which was set by so many milliseconds.
func (t *Task) adjust(by int64) {
	for _, p := range t.schedules.all {
		if p.Clock == graph.WallClockTime {
			p.start, p.due = p.start+by, p.due+by
		}
	}
	for _, in := range t.inputs {
		if in.idleSince >= 0 {
			in.idleSince += by
		}
	}
	for _, s := range t.stores {
		if s, ok := s.(interface{ Silence() *rows.Silence }); ok {
			s.Silence().Since += by
		}
	}
}
