package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
)

// ShutdownError means that the application stopped without a last commit: what was done since the one before will be
// done again at the next start.
type ShutdownError struct{ Err error }

func (e *ShutdownError) Error() string {
	return fmt.Sprintf("last commit before the stop: %v: the next start goes on from the commit before", e.Err)
}

func (e *ShutdownError) Unwrap() error { return e.Err }

// BusyError means that the time to stop was over while the code of a step was still at work on one record or
// punctuation. The worker has left Kafka, and what the code does now has no effect. Its goroutine ends when the code
// returns; until then, or until the process ends, the state directory stays locked.
type BusyError struct {
	Task string // as streams.TaskID prints it; empty if it is not known
	Time time.Duration
}

func (e *BusyError) Error() string {
	if e.Task == "" {
		return fmt.Sprintf("not at an end %v after the stop: the state directory stays locked till the process ends", e.Time)
	}
	return fmt.Sprintf("task %s: the code of a step was still at work %v after the stop: the state directory stays "+
		"locked until it returns or the process ends: raise Config.ShutdownTimeout above what a record takes", e.Task, e.Time)
}

// errOverdue: the time to stop is over, and no more code of steps is to be called.
var errOverdue = errors.New("worker: the time to stop is over")

// calls tells other goroutines whether the worker is in the code of the topology's steps, from where it may never
// return, and what it has of Kafka then.
type calls struct {
	ended chan struct{} // closed when the worker has ended
	mu    struct {
		sync.Mutex
		inside  bool
		overdue bool
		client  *kgo.Client // of the session; nil before and after
		events  *events
	}
}

// attach tells what the session that begins has.
func (c *calls) attach(client *kgo.Client, events *events) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.client, c.mu.events = client, events
}

// call calls code of the topology's steps, unless the time to stop is over. If it was over when the code returned, what
// it did must have no effect.
func (c *calls) call(steps func() error) error {
	if err := c.enter(true); err != nil {
		return err
	}
	err := steps()
	return errors.Join(err, c.enter(false))
}

func (c *calls) enter(inside bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.inside = inside; c.mu.overdue {
		return errOverdue
	}
	return nil
}

// endAfter is how long a worker may take to end when the time to stop is over and it is not in the code of a step.
const endAfter = 10 * time.Second

// GiveUp ends the waiting for a worker when the time to stop is over. It returns nil when the worker has ended. One
// that is in the code of a step is taken out of Kafka, so that others have its tasks at once, and left alone:
// BusyError.
func (w *Worker) GiveUp() error {
	w.calls.mu.Lock()
	w.calls.mu.overdue = true
	inside := w.calls.mu.inside
	w.calls.mu.Unlock()
	busy := &BusyError{Time: w.config.ShutdownTimeout}
	if inside {
		if t := w.pace.Working.Load(); t != nil {
			busy.Task = t.ID.String()
		}
	} else {
		select {
		case <-w.calls.ended:
			return nil
		case <-time.After(endAfter):
		}
	}
	w.calls.mu.Lock()
	client, events := w.calls.mu.client, w.calls.mu.events
	w.calls.mu.Unlock()
	if client != nil {
		w.withdraw(client, events)
	}
	return busy
}

// withdraw ends what a worker that does not come back has in Kafka. All that it uses of the worker does not change.
func (w *Worker) withdraw(client *kgo.Client, events *events) {
	member, _ := client.GroupMetadata()
	events.stop()
	ctx, cancel := parting(context.Background())
	defer cancel()
	closed := make(chan struct{})
	// Ends when the client is closed, which waits for the broker's answers for some seconds at most.
	go func() {
		defer close(closed)
		client.Close()
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
	w.depart(ctx, member)
}

// partingTime is how long a worker that ends with an error may take to tell Kafka.
const partingTime = time.Second

func parting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), partingTime)
}

// depart ends the transaction and the membership of a worker whose client is closed. Without it others wait for the
// tasks until the session timeout is over, and readers for the transaction.
func (w *Worker) depart(ctx context.Context, member string) {
	if member == "" {
		return
	}
	if w.config.ExactlyOnce {
		if err := w.fenceOwnTransaction(ctx); err != nil {
			w.config.Logger.Warn("could not end the transaction; brokers will after its timeout", "error", err)
		}
	}
	w.leave(ctx, member)
}

// departFormer takes a worker out of the group that failed before it had joined again.
func (w *Worker) departFormer(ctx context.Context, err error) {
	if w.lessons.former != "" && !errors.Is(err, ErrFenced) {
		ctx, cancel := parting(ctx)
		defer cancel()
		w.depart(ctx, w.lessons.former)
	}
}

// over is true if no new session follows one that ended with err.
func (w *Worker) over(ctx context.Context, err error) bool {
	waits := w.lessons.awaitsOthers(err)
	return err == nil || ctx.Err() != nil || classify(err) == fatal && !waits || w.lessons.changedSince(err)
}

// result is what Run returns when the last session ended with err. A stop is no error, unless something was done that
// is not committed.
func (w *Worker) result(ctx context.Context, err error) error {
	var known *ShutdownError
	if w.lessons.changedSince(err) && ctx.Err() == nil {
		return fmt.Errorf("a value that could be encoded when it was put, and was changed since: %w", err)
	}
	switch {
	case err != nil && classify(err) == fatal, errors.As(err, &known):
		return cluster.NameAppRight(w.config.Topology.App(), err)
	case w.lessons.owed != nil && ctx.Err() != nil:
		return &ShutdownError{w.lessons.owed}
	case ctx.Err() != nil &&
		cluster.IsAny(err, ctx.Err(), cluster.ErrTopicsChanged, errOffsetsMoved, errEndMayComeLate, errOverdue):
		return nil
	}
	return err
}

// fenceOwnTransaction ends the transaction that this worker's predecessor may have left open: until then its offsets
// count as unstable and its outputs hold up every reader.
func (w *Worker) fenceOwnTransaction(ctx context.Context) error {
	return w.config.Cluster.Fence(ctx, w.config.Identity, w.config.TransactionTimeout)
}

// leave tells the group that a member is gone for good; the client kept its place, as a static member's. The request
// goes out when the client has closed, since a heartbeat after it would be an error. Without the member's id it would
// remove whoever has this worker's identity by now.
func (w *Worker) leave(ctx context.Context, member string) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = w.config.Topology.App()
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID = member, &w.config.Identity
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, w.config.Cluster.Client())
	if err == nil && len(resp.Members) > 0 {
		err = kerr.ErrorForCode(resp.Members[0].ErrorCode)
	}
	switch {
	case err == nil, errors.Is(err, kerr.UnknownMemberID): // gone already
	case errors.Is(err, kerr.FencedInstanceID):
		w.config.Logger.Warn("not a member of the group any more", "error", ErrFenced)
	default:
		w.config.Logger.Warn("could not leave the group; it will notice after the session timeout", "error", err)
	}
}
