package streams

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/worker"
)

// event is one call of a function of Events.
type event interface {
	tell(to *Events)
	// with is this event and a later one of its kind as one; ok is false if they cannot be added.
	with(later event) (sum event, ok bool)
}

// mostWaiting is how many events wait for the functions of Config.Events.
const mostWaiting = 1000

// listening keeps events until the functions of Config.Events were told of them.
type listening struct {
	events Events
	log    *slog.Logger
	wanted bool          // there is a function
	come   chan struct{} // holds one element if there is something new
	ended  chan struct{} // closed when all has been told
	mu     struct {
		sync.Mutex
		waiting []event
		lost    int // events that found no room
		over    bool
	}
}

func newListening(events Events, log *slog.Logger) *listening {
	return &listening{
		events: events, log: log, wanted: events.any(), come: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// any is true if there is a function.
func (e *Events) any() bool {
	return e.StateChanged != nil || e.Assigned != nil || e.Revoked != nil || e.RestoreBegun != nil ||
		e.RestoreProgressed != nil || e.RestoreEnded != nil || e.Committed != nil || e.Dropped != nil || e.Late != nil ||
		e.SessionEnded != nil
}

// begin starts to tell events.
func (l *listening) begin() {
	if l.wanted {
		go l.run() // ends when end was called and all has been told; owns nothing
	}
}

// end waits until all events have been told, for some time at most.
func (l *listening) end(most time.Duration) {
	if !l.wanted {
		return
	}
	l.mu.Lock()
	l.mu.over = true
	l.mu.Unlock()
	l.wake()
	select {
	case <-l.ended:
	case <-time.After(most):
		l.log.Warn("a function of Config.Events does not return: events are not told to the end")
	}
}

func (l *listening) wake() {
	select {
	case l.come <- struct{}{}:
	default:
	}
}

// add leaves an event to be told. It does not wait.
func (l *listening) add(e event) {
	if !l.wanted {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.over {
		return // of a worker that was given up
	}
	if len(l.mu.waiting) >= mostWaiting {
		if l.addUp(e) {
			return
		}
		if _, sums := e.with(e); !sums {
			l.mu.lost++
			return
		}
		// The first of its kind: those that come after it are added to it, so that these are few.
	}
	l.mu.waiting = append(l.mu.waiting, e)
	l.wake()
}

// addUp adds an event to the last one that waits and can take it.
func (l *listening) addUp(e event) bool {
	for i, waiting := range slices.Backward(l.mu.waiting) {
		if sum, ok := waiting.with(e); ok {
			l.mu.waiting[i] = sum
			return true
		}
	}
	return false
}

// take is what waits, and how much was lost before.
func (l *listening) take() (events []event, lost int, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events, lost = l.mu.waiting, l.mu.lost
	l.mu.waiting, l.mu.lost = nil, 0
	return events, lost, l.mu.over
}

func (l *listening) run() {
	defer close(l.ended)
	for over := false; !over; {
		<-l.come
		var events []event
		var lost int
		events, lost, over = l.take()
		if lost > 0 {
			l.log.Warn("events were lost: a function of Config.Events is too slow", "events", lost)
		}
		for _, e := range events {
			e.tell(&l.events)
		}
	}
}

// call calls a function, if there is one.
func call[E any](f func(E), e E) {
	if f != nil {
		f(e)
	}
}

// alone is for events that cannot be added up.
type alone struct{}

func (alone) with(event) (event, bool) { return nil, false }

type (
	stateChange struct{ was, is State }
	assigned    struct {
		alone
		Tasks
	}
	revoked struct {
		alone
		Tasks
	}
	restored struct {
		phase worker.RestorePhase
		Restore
	}
	committed    struct{ Commit }
	drops        struct{ Drops }
	sessionEnded struct {
		alone
		SessionEnd
	}
)

func (e stateChange) tell(to *Events) {
	if to.StateChanged != nil {
		to.StateChanged(e.was, e.is)
	}
}

func (e stateChange) with(later event) (event, bool) {
	next, ok := later.(stateChange)
	return stateChange{e.was, next.is}, ok
}

func (e assigned) tell(to *Events)     { call(to.Assigned, e.Tasks) }
func (e revoked) tell(to *Events)      { call(to.Revoked, e.Tasks) }
func (e sessionEnded) tell(to *Events) { call(to.SessionEnded, e.SessionEnd) }

func (e restored) tell(to *Events) {
	call([]func(Restore){to.RestoreBegun, to.RestoreProgressed, to.RestoreEnded}[e.phase], e.Restore)
}

// with takes a later progress in place of this one.
func (e restored) with(later event) (event, bool) {
	next, ok := later.(restored)
	return next, ok && e.phase == worker.RestoreGoesOn && next.phase == worker.RestoreGoesOn &&
		next.Task == e.Task && next.Store == e.Store
}

func (e committed) tell(to *Events) { call(to.Committed, e.Commit) }

func (e committed) with(later event) (event, bool) {
	next, ok := later.(committed)
	return committed{e.plus(next.Commit)}, ok && next.Worker == e.Worker
}

// plus is two commits as one.
func (c Commit) plus(more Commit) Commit {
	c.Commits += more.Commits
	c.Records += more.Records
	c.Produced += more.Produced
	c.Bytes += more.Bytes
	c.Encode += more.Encode
	c.Flush += more.Flush
	c.Offsets += more.Offsets
	c.Transaction += more.Transaction
	c.Local += more.Local
	return c
}

func (e drops) tell(to *Events) {
	if e.Reason == graph.DropLate {
		call(to.Late, e.Drops)
		return
	}
	call(to.Dropped, e.Drops)
}

func (e drops) with(later event) (event, bool) {
	next, ok := later.(drops)
	sum := e.Drops
	sum.Records += next.Records
	sum.MaxLateness = max(sum.MaxLateness, next.MaxLateness)
	return drops{sum}, ok && next.Step == e.Step && next.Reason == e.Reason
}
