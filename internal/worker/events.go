package worker

import (
	"context"
	"sync"
	"time"
)

// events carry what happens elsewhere to the worker's goroutine, in order: the callbacks of the group and the ends of
// restores. The worker handles them between records; one that waits for records is woken.
type events struct {
	mu struct {
		sync.Mutex
		queue   []event
		wake    context.CancelFunc // of the wait under way, nil if there is none
		nudged  bool               // there is something to do that is no event
		stopped bool
	}
	come func()        // called when there is one more; it must not block
	done chan struct{} // closed by stop: nobody waits for the worker any more
}

// event is a call that the worker's goroutine is to make.
type event struct {
	call func(ctx context.Context) error
	done chan struct{} // closed when it has been made; nil if nobody waits
}

func newEvents(come func()) *events { return &events{come: come, done: make(chan struct{})} }

// post leaves a call to the worker.
func (e *events) post(call func(ctx context.Context) error) { e.add(event{call: call}) }

// wait leaves a call to the worker and returns when it has been made, or the worker has stopped.
func (e *events) wait(call func(ctx context.Context) error) {
	ev := event{call: call, done: make(chan struct{})}
	e.add(ev)
	select {
	case <-ev.done:
	case <-e.done:
	}
}

func (e *events) add(ev event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.queue = append(e.mu.queue, ev)
	e.come()
	if e.mu.wake != nil {
		e.mu.wake()
	}
}

// nudge wakes a worker that waits for records, or keeps it from beginning to.
func (e *events) nudge() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.nudged = true
	if e.mu.wake != nil {
		e.mu.wake()
	}
}

// next is the next call.
func (e *events) next() (ev event, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.mu.queue) == 0 {
		return ev, false
	}
	ev = e.mu.queue[0]
	e.mu.queue = e.mu.queue[1:]
	return ev, true
}

// untilNext is a context that ends with the next event, at the deadline or with ctx. cancel must be called.
func (e *events) untilNext(ctx context.Context, deadline time.Time) (wait context.Context, cancel context.CancelFunc) {
	wait, cancel = context.WithDeadline(ctx, deadline)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.wake = cancel
	if len(e.mu.queue) > 0 || e.mu.nudged {
		cancel()
	}
	e.mu.nudged = false
	return wait, cancel
}

// stop releases everyone who waits. It may be called more than once.
func (e *events) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.mu.stopped {
		e.mu.stopped = true
		close(e.done)
	}
}

// handleEvents makes the calls that were left.
func (s *session) handleEvents(ctx context.Context) error {
	for {
		ev, ok := s.events.next()
		if !ok {
			return nil
		}
		s.unseen = true
		err := ev.call(ctx)
		if ev.done != nil {
			close(ev.done)
		}
		if err != nil {
			return err
		}
	}
}
