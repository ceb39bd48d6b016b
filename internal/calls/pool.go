package calls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
)

// Pool makes the calls of all tasks of a process. It is the task.Caller of an application.
type Pool struct {
	log *slog.Logger
	mu  struct {
		sync.Mutex
		steps map[string]*step
	}
}

// NewPool is a pool without calls. It needs no end: each call ends with its context.
func NewPool(log *slog.Logger) *Pool {
	p := &Pool{log: log}
	p.mu.steps = map[string]*step{}
	return p
}

// Call makes a call as soon as its step has room for it.
func (p *Pool) Call(c *graph.Call, answer func(result any, err error)) {
	p.mu.Lock()
	s := p.mu.steps[c.Node.Name]
	if s == nil {
		s = &step{name: c.Node.Name, log: p.log}
		p.mu.steps[c.Node.Name] = s
	}
	p.mu.Unlock()
	s.add(pending{c, answer})
}

// pending is a call that waits for room, or is made.
type pending struct {
	*graph.Call
	answer func(result any, err error)
}

// step has the calls of one step of the topology, of all tasks.
type step struct {
	name string
	log  *slog.Logger
	mu   struct {
		sync.Mutex
		queue []pending
		// Goroutines that make calls, and attempts that have not returned although their contexts have ended. Together they
		// are bounded, so that a function which never returns costs a bounded number of goroutines.
		running, stuck int
		next           time.Time // attempts are not made before, where their rate is limited
	}
}

func (s *step) add(c pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.queue = append(s.mu.queue, c)
	s.startLocked()
}

// startLocked starts goroutines for the calls that have room.
func (s *step) startLocked() {
	for s.roomLocked() {
		s.mu.running++
		// Makes calls until there is none, or no room; it ends with their contexts at the latest.
		go s.work(s.takeLocked())
	}
}

// roomLocked is true if there is a call to make, and room for it. When all room is taken for good, calls are made to
// tell that.
func (s *step) roomLocked() bool {
	if len(s.mu.queue) == 0 {
		return false
	}
	limit := s.mu.queue[0].Limits.Concurrency
	return s.mu.running < limit && (s.mu.running+s.mu.stuck < limit || s.mu.stuck >= limit)
}

func (s *step) takeLocked() pending {
	c := s.mu.queue[0]
	s.mu.queue[0] = pending{}
	if s.mu.queue = s.mu.queue[1:]; len(s.mu.queue) == 0 {
		s.mu.queue = nil
	}
	return c
}

func (s *step) work(c pending) {
	for more := true; more; c, more = s.another() {
		if c.Within.Err() != nil {
			continue // its task has gone
		}
		result, err := attempts(c.Call, func() (any, error) { return s.attempt(c.Call) }, func(d time.Duration) error {
			return sleep(c.Within, d)
		})
		if c.Within.Err() == nil {
			c.answer(result, err)
		}
	}
}

// another is the next call for a goroutine that has made one.
func (s *step) another() (c pending, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.running--; !s.roomLocked() {
		return c, false
	}
	s.mu.running++
	return s.takeLocked(), true
}

// patience is how long an attempt may take to return when its context has ended.
const patience = time.Second

// try is an attempt that is made.
type try struct {
	done chan struct{} // closed when it has returned
	// What it returned.
	result any
	err    error
	// Both belong to the step's lock.
	returned, abandoned bool
}

// attempt makes one attempt, in its time. One that does not return goes on without effect.
func (s *step) attempt(c *graph.Call) (any, error) {
	if err := s.turn(c); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Within, c.Limits.Timeout)
	defer cancel()
	t := &try{done: make(chan struct{})}
	// Ends when the function returns.
	go func() {
		t.result, t.err = shielded(ctx, c)
		close(t.done)
		s.came(t)
	}()
	if !s.await(ctx, t) {
		s.log.Warn("a call has not returned although its context has ended: its function goes on without effect",
			"step", s.name, "timeout", c.Limits.Timeout.String())
		return nil, fmt.Errorf("%w: %v", graph.ErrCallTimeout, c.Limits.Timeout)
	}
	if t.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %v: %w", graph.ErrCallTimeout, c.Limits.Timeout, t.err)
	}
	return t.result, t.err
}

// await waits for an attempt to return, and no longer than its context tells it to. It returns false for one that has
// not: that takes up room until it does.
func (s *step) await(ctx context.Context, t *try) bool {
	select {
	case <-t.done:
		return true
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.returned {
		return true
	}
	t.abandoned = true
	s.mu.stuck++
	return false
}

// came notes that an attempt has returned.
func (s *step) came(t *try) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.returned = true; t.abandoned {
		s.mu.stuck--
		s.startLocked()
	}
}

// turn waits until the rate allows another attempt, and is an error if there is no room for one any more.
func (s *step) turn(c *graph.Call) error {
	s.mu.Lock()
	if s.mu.stuck >= c.Limits.Concurrency {
		s.mu.Unlock()
		return fmt.Errorf("step %s, %d calls: %w", s.name, c.Limits.Concurrency, graph.ErrCallsStuck)
	}
	now := time.Now()
	at := now
	if c.Limits.PerSecond > 0 {
		if at = s.mu.next; at.Before(now) {
			at = now
		}
		s.mu.next = at.Add(time.Duration(float64(time.Second) / c.Limits.PerSecond))
	}
	s.mu.Unlock()
	return sleep(c.Within, at.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
