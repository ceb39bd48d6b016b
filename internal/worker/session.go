package worker

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// session is the life of one client, from its group's tasks to its end; doc.go tells what may happen in it. It has all
// that a failure drops: nothing of it is used again.
//
// It belongs to the worker's goroutine. Others leave calls to it (events), and read what does not change.
type session struct {
	worker *Worker
	config Config // of the worker, with topics in place of patterns
	layout *cluster.Layout
	events *events

	client   *kgo.Client
	abandon  context.CancelFunc // ends what the client has under way
	balancer *balancer
	member   membership
	out      producer

	set     *task.Set
	globals *globals // nil if the topology has no global tables
	// assigned are the inputs that the group has given to this worker, as they were committed then.
	assigned cluster.Offsets
	// restores are the tasks that the restore goroutines own.
	restores map[graph.TaskID]*restore
	evicted  map[graph.TaskID]bool     // tasks that were restored in the session's course
	unread   map[partition][]graph.Raw // of inputs of those of them that do not run yet
	movedAt  time.Time                 // when the group was first given other offsets; zero: it was not

	began     time.Time // zero once it has committed
	told      bool      // the group has said which tasks are the worker's, which may be none
	quiet     time.Time // since when there has been nothing to do and nothing to commit; zero: there is
	processed int64     // records taken from inputs since the last commit
	shownAt   time.Time // when the worker was last shown
	unseen    bool      // something has happened since
	closedAt  time.Time // of the last look for databases to close, or of what the group said last

	heldAsked  inquiry // are there records that the brokers do not send
	held       map[starved]heldBack
	led        inquiry            // who leads the changelogs
	unled      bool               // there was a commit since
	tailsAt    time.Time          // of the last look at where they end, which is one of those
	cover      coverage           // who owns what
	listed     inquiry            // which topics are there
	verified   inquiry            // are topics what they were
	bounds     inquiry            // where inputs that hold up their tasks begin and end
	starving   []starved          // those inputs, as last found
	leaderless cluster.Partitions // inputs that have no leader, as last found
}

// newSession is a session without a client. Sinks that choose partitions ask for them under work.
func newSession(w *Worker, layout *cluster.Layout, work context.Context) *session {
	now := time.Now()
	s := &session{
		worker: w, config: w.config, layout: layout, events: newEvents(w.pace.interrupt),
		assigned: cluster.Offsets{}, restores: map[graph.TaskID]*restore{},
		evicted: map[graph.TaskID]bool{}, unread: map[partition][]graph.Raw{}, cover: newCoverage(),
		began: now, unseen: true, closedAt: now, tailsAt: now,
		listed: inquiry{at: now}, verified: inquiry{at: now}, bounds: inquiry{at: now}, heldAsked: inquiry{at: now},
	}
	s.config.Topology, s.config.Task.Partitions = layout.Topology, layout.Partitions.Topics
	tasks := s.config.Task
	tasks.Epochs = !s.config.ExactlyOnce
	tasks.PartitionsOf, tasks.Pace = s.sinkPartitions(work), &w.pace.Pace
	tasks.Wake = s.events.nudge
	tasks.EncodeOnPut, tasks.Refused, tasks.RowsRefused = w.lessons.encodeOnPut, w.lessons.refused, s.rowsRefused(work)
	at, _ := w.clock.read()
	s.set = task.NewSet(layout.Topology, tasks, at)
	return s
}

// run runs the session: nil when ctx ended and all went well.
func (s *session) run(ctx, work context.Context) (err error) {
	w := s.worker
	err = w.shielded(func() (err error) { s.globals, err = s.openGlobals(ctx); return err })
	if err != nil {
		return unlessDone(ctx, s.closeTables(err))
	}
	if err := s.connect(); err != nil {
		s.globals.stop()
		return s.closeTables(err)
	}
	w.calls.attach(s.client, s.events)
	defer func() { err = s.finish(ctx, work, err) }()
	if s.globals != nil {
		s.globals.follow()
	}
	return w.shielded(func() error { return s.work(ctx, work) })
}

// work works until ctx ends, and commits.
func (s *session) work(ctx, work context.Context) error {
	err := s.loop(ctx, work)
	changed := cluster.IsAny(err, cluster.ErrTopicsChanged, errOffsetsMoved, errEndMayComeLate)
	if stopped := ctx.Err() != nil && changed; err != nil && !stopped {
		return err
	}
	if s.set.Pending() {
		if err := s.commit(work); err != nil {
			return &ShutdownError{Err: err}
		}
	}
	s.noteLeaders(work)
	return nil
}

// loop takes records, processes them and commits, until ctx ends. What it has begun is done under work.
func (s *session) loop(ctx, work context.Context) error {
	idle := true
	for ctx.Err() == nil {
		if err := s.member.endMayComeLate(); err != nil {
			return err
		}
		if err := s.handleEvents(work); err != nil {
			return err
		}
		if err := s.endIfMoved(work); err != nil {
			return err
		}
		if err := s.poll(ctx, idle); err != nil {
			return err
		}
		n, err := s.step(ctx, work)
		if err != nil {
			err = s.evict(work, err)
		}
		if err != nil {
			return err
		}
		s.processed += int64(n)
		s.unseen = s.unseen || n > 0
		idle = n == 0 && !s.set.Answered()
		s.noteProgress(idle)
		if s.commitDue() {
			if err = s.commit(work); err != nil {
				err = s.evict(work, err)
			}
			if err != nil {
				return err
			}
		}
		s.show()
		s.flow()
		s.check()
	}
	return nil
}

// check begins the looks at the cluster, and at the directories, that are due.
func (s *session) check() {
	s.checkCoverage()
	s.checkLeftovers()
	s.checkTopics()
	s.verifyTopics()
	s.checkInputs()
	s.checkHeldBack()
	s.checkTails()
	s.closeIdle()
}

// deadline is when an idle worker has something to do even if no record comes.
func (s *session) deadline() time.Time {
	now := s.now()
	next := min(s.set.NextPunctuation(), now+1000)
	if s.set.Pending() {
		next = min(next, s.set.LastCommit()+s.config.Task.CommitInterval)
	}
	if s.unseen {
		next = min(next, now+(showEvery-time.Since(s.shownAt)).Milliseconds()+1)
	}
	if s.config.Task.MaxIdle > 0 {
		next = min(next, now+max(1, s.config.Task.MaxIdle/4))
	}
	if s.layout.Matched != nil && !s.listed.underWay {
		next = min(next, now+(s.config.TopicRefresh-time.Since(s.listed.at)).Milliseconds())
	}
	return time.Now().Add(time.Duration(next-now) * time.Millisecond)
}

// finish ends a session. A worker that does not begin again leaves the group, and its transaction is aborted: others
// take its tasks over at once.
func (s *session) finish(ctx, work context.Context, err error) error {
	err = s.leaveOut(ctx, s.member.replaced(work, err))
	member := s.member.last()
	if err != nil {
		s.learn(err)
	}
	inTxn := s.out.open
	over := s.worker.over(ctx, err)
	err = errors.Join(err, s.end())
	s.worker.calls.attach(nil, nil)
	switch s.worker.lessons.former = ""; {
	case over && err == nil && s.config.StayOnStop: // it keeps its place, for when it is started again
	case over && err == nil:
		s.worker.leave(work, member)
	case over && inTxn && !errors.Is(err, ErrFenced):
		ctx, cancel := parting(ctx)
		defer cancel()
		s.worker.depart(ctx, member)
	case over && !errors.Is(err, ErrFenced):
		ctx, cancel := parting(ctx)
		defer cancel()
		s.worker.leave(ctx, member)
	default:
		s.worker.lessons.former = member
	}
	return errors.Join(err, s.worker.repair(err))
}

// end releases everything that the session had. What was not committed is gone.
func (s *session) end() error {
	s.events.stop()
	s.globals.stop()
	errs := []error{s.stopRestores(), s.set.Abort()}
	for len(s.set.Tasks()) > 0 {
		id := s.set.Tasks()[0].ID
		_, err := s.set.Leave(id)
		s.config.Process.Engines.release(s.worker.taskDir(id), s.config.Index)
		errs = append(errs, err)
	}
	errs = append(errs, s.leaveTables())
	s.worker.waits.endAll()
	s.config.Process.roster.set(s.config.Index, nil)
	s.client.UnsafeAbortBufferedRecords()
	// A client that is joining waits for the other members, and these may be stopping, too, and keep their places.
	defer time.AfterFunc(closePatience, s.abandon).Stop()
	s.client.Close()
	s.abandon()
	return errors.Join(errs...)
}

// closePatience is how long a client that closes may wait for what it has under way.
const closePatience = 500 * time.Millisecond
