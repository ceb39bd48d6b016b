package worker

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/state"
)

// Worker runs tasks: one goroutine, with a Kafka client of its own for input, output and group membership, and a
// transaction for all tasks together.
//
// Whatever goes wrong with Kafka has one cure: the worker drops everything since the last commit, closes its client and
// begins again under the same identity, as a killed process would. The group still counts it as a member, so its tasks
// come back at once.
type Worker struct {
	config  Config
	waits   *waits
	inCode  *brief // the code of a step
	forRoom *brief // room in the client's buffers

	pace      *pacer
	allowance *allowance
	clock     *clock
	calls     calls
	progress  progress
	lessons   lessons
	restarts  int           // since the last commit, or the last session that lasted
	busy      time.Duration // in steps, since the worker was made

	warned    map[string]bool // changelogs whose records the broker deletes by age
	misplaced map[string]bool // topics with records that are not where their keys belong
	purgedAt  time.Time
	leftovers leftovers

	turnedAt atomic.Int64 // when the worker was last between two steps, in Unix nanoseconds; any goroutine reads it
}

// New is a worker that is not running yet.
func New(config Config) *Worker {
	w := &Worker{
		config: config, warned: map[string]bool{}, misplaced: map[string]bool{}, waits: newWaits(config.Logger),
		pace: newPacer(config.Task.CommitInterval), clock: newClock(), lessons: newLessons(), leftovers: newLeftovers(),
		allowance: newAllowance(config.TransactionTimeout, config.ExactlyOnce),
	}
	w.inCode = w.waits.newBrief(forCode, w.whyCode)
	w.forRoom = w.waits.newBrief(forBuffer, config.Cluster.WhyNoProgress)
	w.calls.ended = make(chan struct{})
	return w
}

// Interrupt has the step under way end behind the record in work. It is owed once the context of Run has ended.
func (w *Worker) Interrupt() { w.pace.interrupt() }

// Run works until ctx ends, then commits and leaves the group. It returns early only with an error that no new
// beginning would cure. What is not committed then is a ShutdownError.
func (w *Worker) Run(ctx context.Context) (err error) {
	defer close(w.calls.ended)
	defer w.watch()()
	// Also where the code of a step ends the goroutine.
	defer func() { err = errors.Join(err, w.config.Process.Engines.leave(w.config.Index)) }()
	return w.runSessions(ctx)
}

// runSessions begins again until ctx ends, or an error that no new beginning would cure.
func (w *Worker) runSessions(ctx context.Context) error {
	for {
		started := time.Now()
		err := w.runSession(ctx)
		w.config.Report(SessionEnd{w.config.Index, err})
		switch {
		case w.over(ctx, err):
			w.departFormer(ctx, err)
			return w.result(ctx, err)
		case errors.Is(err, cluster.ErrTopicsChanged):
			w.config.Logger.Info("worker begins again with other topics")
		case errors.Is(err, errOffsetsMoved):
			w.config.Logger.Info("worker begins again at the offsets that the group was given")
		case errors.Is(err, errEndMayComeLate):
			w.config.Logger.Info("worker begins again under another epoch, as the end of a transaction was asked for twice")
		case errors.Is(err, state.ErrEncode):
			w.lessons.encodeOnPut = true
			w.config.Logger.Warn("worker begins again and encodes each value as it is put, to find the record", "error", err)
			continue
		case errors.Is(err, errLeftOut):
			w.config.Logger.Warn("worker begins again from the last commit, without a record", "error", err)
		case errors.Is(err, errRowRefused):
			w.config.Logger.Warn("worker begins again and looks at each row as it is put, to find the record",
				"error", err)
		case errors.Is(err, errSmaller):
			w.config.Logger.Warn("worker begins again and sends smaller batches to a topic", "error", err)
		case errors.Is(err, errSearched):
			w.config.Logger.Warn("worker begins again and sends records one by one, to find one", "error", err)
		default:
			w.warn(err)
		}
		if time.Since(started) > time.Minute {
			w.restarts = 0
		}
		if !w.pause(ctx) {
			w.departFormer(ctx, nil)
			return w.result(ctx, nil)
		}
	}
}

func (w *Worker) warn(err error) {
	message := "worker begins again from the last commit"
	switch {
	case classify(err) == full:
		message = "the disk is full: the worker waits for space, to go on from the last commit"
	case w.lessons.awaitsOthers(err):
		message = "the group has members of another kind: the worker waits, as an application of Kafka Streams that was " +
			"stopped is one until its session.timeout.ms is over"
	}
	w.config.Logger.Warn(message, "error", err, "class", classify(err).String())
}

// pause waits a little longer before each new beginning. It returns false if ctx ended.
func (w *Worker) pause(ctx context.Context) bool {
	wait := time.Duration(math.Min(5000, 50*math.Pow(2, float64(w.restarts)))) * time.Millisecond
	w.restarts = min(w.restarts+1, 10)
	return cluster.Sleep(ctx, wait) == nil
}

// runSession runs one session, from the look at the topics to its end: nil when ctx ended and all went well.
//
// The work under way when ctx ends, and the last commit, have until the shutdown timeout is over.
func (w *Worker) runSession(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.config.ShutdownTimeout, cancel) })()
	w.report(Joining)
	w.waits.begin(forGroup, w.config.Cluster.WhyNoTasks)
	layout, err := w.config.Cluster.Layout(ctx)
	if err != nil {
		return unlessDone(ctx, err)
	}
	if layout.Empty() {
		return w.awaitTopics(ctx)
	}
	if w.config.ExactlyOnce {
		if err := w.fenceOwnTransaction(ctx); err != nil {
			return unlessDone(ctx, err)
		}
	}
	return newSession(w, layout, work).run(ctx, work)
}

// awaitTopics is the session of a topology that has no topic to read yet. It ends with cluster.ErrTopicsChanged.
func (w *Worker) awaitTopics(ctx context.Context) error {
	w.config.Logger.Info("no topic matches yet")
	w.waits.end(forGroup) // there is nothing that the group could give
	w.report(Running)
	for cluster.Sleep(ctx, w.config.TopicRefresh) == nil {
		if matched, err := w.config.Cluster.Matching(ctx); err == nil && len(matched) > 0 {
			return cluster.ErrTopicsChanged
		}
	}
	return nil
}

func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
