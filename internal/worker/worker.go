package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Worker runs tasks: one goroutine, with a Kafka client of its own for input, output and group membership, and a
// transaction for all tasks together.
//
// Whatever goes wrong with Kafka has one cure: the worker drops everything since the last commit, closes its client and
// begins again under the same identity, as a killed process would. The group still counts it as a member, so its tasks
// come back at once.
type Worker struct {
	config  Config
	client  *kgo.Client
	abandon context.CancelFunc // ends what the client has under way
	set     *task.Set
	events  *events
	globals *globals // nil if the topology has no global tables
	member  string   // that the group has given this session's tasks; empty before it has
	// assigned are the inputs that the group has given to this worker, as they were committed then.
	assigned offsets
	// restores are the tasks that the restore goroutines own.
	restores map[topology.TaskID]*restore
	waits    *waits
	inCode   *brief    // the code of a step
	forRoom  *brief    // room in the client's buffers
	closedAt time.Time // of the last look for databases to close; of the session at first

	slab      []kgo.Record
	traces    []trace       // of the records of slab
	busy      time.Duration // in steps, since the worker was made
	processed int64         // records taken from inputs since the last commit
	produced  int64         // records sent since then
	inTxn     bool
	failure   atomic.Pointer[error] // first error of a produced record since the client was made
	progress  progress
	without   partitions // inputs that have no leader, as last found
	purgedAt  time.Time
	warned    map[string]bool // changelogs whose records the broker deletes by age
	// misplaced are topics with records that are not where their keys belong.
	misplaced map[string]bool
	restarts  int
	began     time.Time // of the session; zero once it has committed

	pace      *pacer
	allowance *allowance
	clock     *clock
	calls     calls
	openedAt  time.Time // of the transaction, if one is open
	slowAt    time.Time // when a step last took long beside the transaction timeout
	// owed is the error for which something was dropped that had been done, until it is done again.
	owed error
	// former is the member that an earlier session had and that the group still counts.
	former string
	// encodeOnPut is true once a commit met a value that cannot be encoded. So the record that put it is found.
	encodeOnPut bool
	movedAt     time.Time // when the group was first given other offsets in this session; zero: it was not
	looks       int       // at the topics of global tables that have found a loss

	refused    map[task.RecordID]*task.ProcessError // records to leave out, as Kafka refused what was made of them
	aloneSince time.Time                            // since when records are sent one by one; zero: they are not

	balancer   *balancer // of the session
	joining    *joining  // hook of its client
	cover      coverage  // looks at who owns what
	leftovers  map[topology.TaskID]leftover
	tidiedAt   time.Time   // of the last look at directories
	tidying    atomic.Bool // while one is under way
	checking   atomic.Bool // while one is under way
	layout     *Layout     // of the session
	listedAt   time.Time   // of the last look at which topics there are
	listing    atomic.Bool // while one is under way
	verifiedAt time.Time   // of the last look whether topics are what they were
	verifying  atomic.Bool // while one is under way
	askedAt    time.Time   // of the last look for inputs that hold up their tasks
	asking     atomic.Bool // while their bounds are asked for
	hungry     []starved   // those inputs, as last found
	lookedAt   time.Time   // of the last look for records that the brokers do not send
	looking    atomic.Bool // while one is under way
	held       map[starved]heldBack

	turnedAt atomic.Int64 // when the worker was last between two steps, in Unix nanoseconds; any goroutine reads it
	shownAt  time.Time    // when the worker was last shown
	unseen   bool         // something has happened since
}

// New is a worker that is not running yet.
func New(config Config) *Worker {
	w := &Worker{
		config: config, warned: map[string]bool{}, misplaced: map[string]bool{}, waits: newWaits(config.Logger),
		pace: newPacer(config.Task.CommitInterval), clock: newClock(), joining: &joining{},
		allowance: newAllowance(config.TransactionTimeout, config.ExactlyOnce),
		leftovers: map[topology.TaskID]leftover{}, refused: map[task.RecordID]*task.ProcessError{},
	}
	w.inCode = w.waits.often(forCode, w.whyCode)
	w.forRoom = w.waits.often(forBuffer, config.Cluster.whyNoProgress)
	w.calls.ended = make(chan struct{})
	return w
}

// Run works until ctx ends, then commits and leaves the group. It returns early only with an error that no new
// beginning would cure. What is not committed then is a ShutdownError.
func (w *Worker) Run(ctx context.Context) (err error) {
	defer close(w.calls.ended)
	defer context.AfterFunc(ctx, w.pace.interrupt)()
	defer w.watch()()
	// Also where the code of a step ends the goroutine.
	defer func() { err = errors.Join(err, w.config.Engines.leave(w.config.Index)) }()
	return w.sessions(ctx)
}

// sessions begins again until ctx ends, or an error that no new beginning would cure.
func (w *Worker) sessions(ctx context.Context) error {
	for {
		started := time.Now()
		err := w.session(ctx)
		w.config.Report(SessionEnd{w.config.Index, err})
		switch {
		case w.over(ctx, err):
			w.departFormer(ctx, err)
			return w.result(ctx, err)
		case errors.Is(err, errTopicsChanged):
			w.config.Logger.Info("worker begins again with other topics")
		case errors.Is(err, errOffsetsMoved):
			w.config.Logger.Info("worker begins again at the offsets that the group was given")
		case errors.Is(err, state.ErrEncode):
			w.encodeOnPut = true
			w.config.Logger.Warn("worker begins again and encodes each value as it is put, to find the record", "error", err)
			continue
		case errors.Is(err, errLeftOut):
			w.config.Logger.Warn("worker begins again from the last commit, without a record", "error", err)
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
	if classify(err) == full {
		message = "the disk is full: the worker waits for space, to go on from the last commit"
	}
	w.config.Logger.Warn(message, "error", err, "class", classify(err).String())
}

// pause waits a little longer before each new beginning. It returns false if ctx ended.
func (w *Worker) pause(ctx context.Context) bool {
	wait := time.Duration(math.Min(5000, 50*math.Pow(2, float64(w.restarts)))) * time.Millisecond
	w.restarts = min(w.restarts+1, 10)
	return sleep(ctx, wait) == nil
}

// session is the life of one client: nil when ctx ended and all went well.
//
// The work under way when ctx ends, and the last commit, have until the shutdown timeout is over.
func (w *Worker) session(ctx context.Context) (err error) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.config.ShutdownTimeout, cancel) })()
	w.report(Joining)
	w.waits.begin(forGroup, w.config.Cluster.whyNoTasks)
	if err := w.findTopics(ctx); err != nil {
		return unlessDone(ctx, err)
	}
	if w.layout.empty() {
		return w.awaitTopics(ctx)
	}
	if w.config.ExactlyOnce {
		if err := w.fenceOwnTransaction(ctx); err != nil {
			return unlessDone(ctx, err)
		}
	}
	tasks := w.config.Task
	tasks.PartitionsOf, tasks.EncodeOnPut, tasks.Pace = w.sinkPartitions(work), w.encodeOnPut, &w.pace.Pace
	tasks.Refused = w.refused
	w.events, w.restores = newEvents(w.pace.interrupt), map[topology.TaskID]*restore{}
	tasks.Wake = w.events.nudge
	at, _ := w.clock.look()
	w.set = task.NewSet(w.config.Topology, tasks, at)
	w.member, w.assigned = "", offsets{}
	w.processed, w.produced, w.inTxn, w.began, w.movedAt = 0, 0, false, time.Now(), time.Time{}
	w.shownAt, w.unseen = time.Time{}, true
	w.closedAt, w.askedAt, w.hungry, w.cover = time.Now(), time.Now(), nil, newCoverage()
	w.lookedAt, w.held = time.Now(), nil
	w.failure.Store(nil)
	err = w.shielded(func() (err error) { w.globals, err = w.openGlobals(ctx); return err })
	if err != nil {
		return unlessDone(ctx, w.closeTables(err))
	}
	if w.client, err = w.newClient(); err != nil {
		w.globals.stop()
		return w.closeTables(err)
	}
	w.calls.use(w.client, w.events)
	defer func() { err = w.finish(ctx, work, err) }()
	if w.globals != nil {
		w.globals.follow()
	}
	return w.shielded(func() error { return w.run(ctx, work) })
}

// run works until ctx ends, and commits.
func (w *Worker) run(ctx, work context.Context) error {
	err := w.loop(ctx, work)
	changed := errors.Is(err, errTopicsChanged) || errors.Is(err, errOffsetsMoved)
	if stopped := ctx.Err() != nil && changed; err != nil && !stopped {
		return err
	}
	if w.set.Pending() {
		if err := w.commit(work); err != nil {
			return &ShutdownError{Err: err}
		}
	}
	return nil
}

// shielded makes an error of a panic, of an engine for example. Those of steps have become errors by then.
func (w *Worker) shielded(call func() error) error {
	err := task.Shielded(call)
	var panicked *task.PanicError
	var known *task.ProcessError
	if errors.As(err, &panicked) && !errors.As(err, &known) {
		w.config.Logger.Error("panic outside of the steps", "error", err, "stack", string(panicked.Stack))
	}
	return err
}

// repair closes the databases that made a session fail, and takes damaged ones out of the way. The others stay open.
func (w *Worker) repair(err error) error {
	var failed *task.Error
	id, one, tables := w.damaged(err)
	switch {
	case !ofEngine(err):
		return nil
	case one && tables:
		return errors.Join(w.discard(id, err), w.setTablesAside(err))
	case one:
		return w.discard(id, err)
	case tables:
		return w.setTablesAside(err)
	case !errors.Is(err, store.ErrDisk) && errors.As(err, &failed):
		return w.discard(failed.Task, err)
	}
	w.config.Engines.discardAll(w.config.Index) // the disk is the same for all
	return nil
}

// damaged is what an error found damaged: the database of a task, and whether that of the global tables may be, which a
// task's steps read, too.
func (w *Worker) damaged(err error) (id topology.TaskID, one, tables bool) {
	var process *task.ProcessError
	var failed *task.Error
	switch {
	case !errors.Is(err, store.ErrCorrupt):
		return id, false, false
	case errors.Is(err, task.ErrGlobalTables):
		return id, false, true
	case errors.As(err, &process) && errors.Is(process, store.ErrCorrupt):
		own := process.Task.Sub != topology.GlobalSub
		return process.Task, own, !own || w.globals != nil
	case errors.As(err, &failed) && errors.Is(failed, store.ErrCorrupt):
		return failed.Task, true, false
	}
	return id, false, false
}

// changedBehind is true for a value that could be encoded when it was put.
func (w *Worker) changedBehind(err error) bool {
	return errors.Is(err, state.ErrEncode) && w.encodeOnPut
}

func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// loop takes records, processes them and commits, until ctx ends. What it has begun is done under work.
func (w *Worker) loop(ctx, work context.Context) error {
	idle := true
	for ctx.Err() == nil {
		if err := w.handleEvents(work); err != nil {
			return err
		}
		if err := w.moves(work); err != nil {
			return err
		}
		if err := w.poll(ctx, idle); err != nil {
			return err
		}
		n, err := w.step(ctx, work)
		if err != nil {
			return err
		}
		w.processed += int64(n)
		w.unseen = w.unseen || n > 0
		if idle = n == 0 && !w.set.Answered(); w.set.Pending() {
			w.owes()
		} else if idle && w.member != "" {
			w.paid()
		}
		if w.commitDue() {
			if err := w.commit(work); err != nil {
				return err
			}
		}
		w.show()
		w.flow()
		w.checkCoverage()
		w.checkLeftovers()
		w.checkTopics()
		w.verifyTopics()
		w.checkInputs()
		w.checkHeldBack()
		w.closeIdle()
	}
	return nil
}

// Records are taken from the client while fewer than low wait, up to high at a time: the client's own buffers hold the
// rest.
const (
	lowRecords  = 2_000
	highRecords = 5_000
	lowBytes    = 8 << 20
)

// poll takes what the client has. An idle worker waits for records, until it has something else to do.
func (w *Worker) poll(ctx context.Context, idle bool) error {
	if n, bytes := w.set.Buffered(); !idle && (n >= lowRecords || bytes >= lowBytes) {
		return nil
	}
	var wait context.Context // nil: take what is there
	if idle {
		var cancel context.CancelFunc
		wait, cancel = w.events.untilNext(ctx, w.deadline())
		defer cancel()
	}
	fetches := w.client.PollRecords(wait, highRecords)
	if fetches.IsClientClosed() {
		return kgo.ErrClientClosed
	}
	var err error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = w.take(p)
		}
	})
	return err
}

// deadline is when an idle worker has something to do even if no record comes.
func (w *Worker) deadline() time.Time {
	now := w.now()
	next := min(w.set.NextPunctuation(), now+1000)
	if w.set.Pending() {
		next = min(next, w.set.LastCommit()+w.config.Task.CommitInterval)
	}
	if w.unseen {
		next = min(next, now+(showEvery-time.Since(w.shownAt)).Milliseconds()+1)
	}
	if w.config.Task.MaxIdle > 0 {
		next = min(next, now+max(1, w.config.Task.MaxIdle/4))
	}
	if w.layout.matched != nil && !w.listing.Load() {
		next = min(next, now+(w.config.TopicRefresh-time.Since(w.listedAt)).Milliseconds())
	}
	return time.Now().Add(time.Duration(next-now) * time.Millisecond)
}

// take gives the set what was fetched from one partition.
func (w *Worker) take(p kgo.FetchTopicPartition) error {
	if p.Err != nil {
		return w.goOn(w.fetchError(p))
	}
	in := w.set.Input(p.Topic, p.Partition)
	if in == nil {
		return nil // revoked meanwhile
	}
	if len(p.Records) > 0 { // from where the client goes on; without any it would be told again
		if err := w.skips(in, min(p.LogStartOffset, p.Records[0].Offset)); err != nil {
			return err
		}
	}
	w.checkPlacement(p)
	raws := make([]topology.Raw, len(p.Records))
	for i, r := range p.Records {
		raws[i] = raw(r)
	}
	w.set.Add(in, raws, p.LastStableOffset)
	return nil
}

func (w *Worker) fetchError(p kgo.FetchTopicPartition) error {
	if errors.Is(p.Err, context.Canceled) || errors.Is(p.Err, context.DeadlineExceeded) {
		return nil
	}
	var loss *kgo.ErrDataLoss
	if errors.As(p.Err, &loss) {
		return w.loss(loss)
	}
	return fmt.Errorf("fetch of %s/%d: %w", p.Topic, p.Partition, mayNot("Read", "topic", p.Topic, p.Err))
}

func raw(r *kgo.Record) topology.Raw {
	out := topology.Raw{
		Key: r.Key, Value: r.Value, Timestamp: timestamp(r), Offset: r.Offset, Control: r.Attrs.IsControl(),
		Epoch: r.LeaderEpoch,
	}
	if len(r.Headers) > 0 {
		out.Headers = make([]topology.Header, len(r.Headers))
		for i, h := range r.Headers {
			out.Headers[i] = topology.Header(h)
		}
	}
	return out
}

// flow pauses partitions that have too much waiting, and resumes those that have drained.
func (w *Worker) flow() {
	w.set.Flow(func(topic string, partition int32) {
		w.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	}, func(topic string, partition int32) {
		w.client.ResumeFetchPartitions(map[string][]int32{topic: {partition}})
	})
}

// end releases everything that the session had. What was not committed is gone.
func (w *Worker) end() error {
	w.events.stop()
	w.globals.stop()
	errs := []error{w.stopRestores(), w.set.Abort()}
	for len(w.set.Tasks()) > 0 {
		id := w.set.Tasks()[0].ID
		_, err := w.set.Leave(id)
		w.config.Engines.give(w.taskDir(id), w.config.Index)
		errs = append(errs, err)
	}
	errs = append(errs, w.leaveTables())
	w.waits.endAll()
	w.config.Cluster.roster.set(w.config.Index, nil)
	w.client.UnsafeAbortBufferedRecords()
	// A client that is joining waits for the other members, and these may be stopping, too, and keep their places.
	defer time.AfterFunc(closePatience, w.abandon).Stop()
	w.client.Close()
	w.abandon()
	return errors.Join(errs...)
}

// closePatience is how long a client that closes may wait for what it has under way.
const closePatience = 500 * time.Millisecond
