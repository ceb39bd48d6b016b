package task

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
)

// Set is all tasks of one worker, with one outbox and one commit for all of them.
//
// What it is asked between steps costs the same however many tasks there are: the sums and queues below are kept as
// things change.
type Set struct {
	topo   *graph.Topology
	config Config
	tasks  []*Task            // by id
	inputs map[inputID]*Input // of running tasks
	box    graph.Outbox
	global *Global // nil if the topology has no global tables
	mark   int     // length of the outbox before the record in work
	pace   *Pace

	ready     turns   // tasks that have a record to take
	fetched   []*Task // tasks whose inputs have changed since the last step
	held      []*Task // tasks with records that wait for an idle partition, until heldUntil at the soonest
	heldUntil int64
	waiting   size     // in all queues
	flow      []*Input // that may have to be paused or resumed
	changed   int      // running tasks that have something to commit
	dirty     int64    // bytes of rows that the next commit has to write
	nextWall  int64    // no wall-clock punctuation is due before
	fireFrom  int      // task that the next round of punctuations begins with

	now         int64 // wall clock in milliseconds, as last told
	lastCommit  int64
	current     atomic.Int64 // wall clock at which all that was processed had been committed; queries read it
	commitAsked bool
	prepared    []prepared
	leftOut     leftOut
	answers     answers
}

// inputID names an input partition.
type inputID struct {
	topic     string
	partition int32
}

// NewSet is a set without tasks at a wall-clock time in milliseconds.
func NewSet(topo *graph.Topology, config Config, now int64) *Set {
	s := &Set{
		topo: topo, config: config, inputs: map[inputID]*Input{},
		now: now, lastCommit: now, nextWall: never, heldUntil: never,
	}
	s.answers.wake = config.Wake
	if s.pace = config.Pace; s.pace == nil {
		s.pace = &Pace{}
	}
	return s
}

// Open makes a task on its database, and enters it. The set owns the engine from here on, an error included. The task
// runs from Start on.
func (s *Set) Open(id graph.TaskID, engine store.Engine) (*Task, error) {
	engines := &Engines{Disk: engine}
	t, err := s.Make(id, engines)
	if err != nil {
		return nil, errors.Join(err, engines.Close())
	}
	s.Enter(t)
	return t, nil
}

// Make makes a task on its databases, which stay the caller's if that fails. The task belongs to the caller, who may
// restore it on a goroutine of its own, until it enters the set.
func (s *Set) Make(id graph.TaskID, engines *Engines) (*Task, error) { return open(s, id, engines) }

// Enter adds a task that was made. It runs from Start on.
func (s *Set) Enter(t *Task) {
	i, _ := s.find(t.ID)
	s.tasks = slices.Insert(s.tasks, i, t)
}

// find is where the task with an id is, or would be.
func (s *Set) find(id graph.TaskID) (i int, found bool) {
	return slices.BinarySearchFunc(s.tasks, id, func(t *Task, id graph.TaskID) int {
		return cmp.Or(cmp.Compare(t.ID.Sub, id.Sub), cmp.Compare(t.ID.Partition, id.Partition))
	})
}

// Tasks are the open tasks, by id.
func (s *Set) Tasks() []*Task { return s.tasks }

// Task is the open task with an id, nil if there is none.
func (s *Set) Task(id graph.TaskID) *Task {
	if i, found := s.find(id); found {
		return s.tasks[i]
	}
	return nil
}

// Input is the input partition of a running task, nil if there is none.
func (s *Set) Input(topic string, partition int32) *Input { return s.inputs[inputID{topic, partition}] }

// Start runs a restored task from committed offsets, by topic.
func (s *Set) Start(t *Task, committed map[string]Committed) error { return t.start(committed) }

// Remove closes a task and its databases without a commit: what it did since the last one is gone.
func (s *Set) Remove(id graph.TaskID) error {
	t, err := s.Leave(id)
	if t == nil {
		return nil
	}
	return errors.Join(err, t.failed(t.engines.Close()))
}

// Leave ends a task without a commit. Its databases stay open, as they were at the last commit. It is nil if there is
// no such task.
func (s *Set) Leave(id graph.TaskID) (*Task, error) {
	i, found := s.find(id)
	if !found {
		return nil, nil
	}
	t := s.tasks[i]
	s.tasks = slices.Delete(s.tasks, i, i+1)
	return t, t.End()
}

// Add gives an input partition what was fetched, in the order of offsets, with the end of the partition as the fetch
// told it (the last stable offset when reading committed), -1 if it did not. The next step looks at it: serdes are the
// user's code, which only steps call.
func (s *Set) Add(in *Input, records []graph.Raw, end int64) {
	in.add(records)
	in.end = max(in.end, end)
	s.fetch(in.task)
}

// fetch has the next step look at a task.
func (s *Set) fetch(t *Task) {
	if !t.fetched {
		t.fetched = true
		s.fetched = append(s.fetched, t)
	}
}

// Starved shows the inputs that have held up their tasks since before a wall-clock time: they are empty, although there
// is known to be more in them.
func (s *Set) Starved(before int64, show func(in *Input)) {
	for _, t := range s.tasks {
		if !t.running || t.headInput != nil || len(t.inputs) < 2 {
			continue
		}
		for _, in := range t.inputs {
			if in.queue.count == 0 && in.idleSince < before && !in.allowsOthers(s.now, s.config.MaxIdle) && !in.caughtUp() {
				show(in)
			}
		}
	}
}

// Idle shows the inputs of running tasks that have had no records since before a wall-clock time.
func (s *Set) Idle(before int64, show func(in *Input)) {
	for _, t := range s.tasks {
		if !t.running {
			continue
		}
		for _, in := range t.inputs {
			if in.queue.count == 0 && in.idleSince >= 0 && in.idleSince < before {
				show(in)
			}
		}
	}
}

// Bounded tells where an input begins and ends now. What is in front of the start has been deleted: nobody need wait
// for it.
func (s *Set) Bounded(in *Input, start, end int64) {
	if in.end = end; in.fetched < start {
		in.fetched = start
	}
	if in.queue.count == 0 {
		in.position = max(in.position, start)
	}
	s.fetch(in.task)
}

// Flow tells which partitions have more waiting than Config.Buffer and Config.BufferBytes allow and must be paused, and
// which have drained enough to be resumed.
func (s *Set) Flow(pause, resume func(topic string, partition int32)) {
	for _, in := range s.flow {
		in.noted = false
		switch {
		case !in.paused && in.full():
			in.paused = true
			pause(in.Topic, in.Partition)
		case in.paused && in.drained():
			in.paused = false
			resume(in.Topic, in.Partition)
		}
	}
	s.flow = s.flow[:0]
}

// Step processes up to n records. Each task that may take one has its turn, of up to turnRecords records or one tick of
// the pace; within a task it is the partition whose head is oldest. The step ends early if the pace says so, but not
// before it has processed one record. It returns how many it did; 0 means that there is nothing to do for now. After an
// error the set must be aborted.
func (s *Set) Step(now int64, n int) (done int, err error) {
	s.now = now
	if s.changed == 0 {
		s.current.Store(now)
	}
	if err := errors.Join(s.receive(), s.release()); err != nil {
		return 0, err
	}
	taken := int64(0)
	for done < n {
		t := s.ready.next()
		if t == nil {
			return done, nil
		}
		records, bytes, err := t.turn(min(n-done, turnRecords), s.pace.Bytes-taken)
		if done += records; err != nil {
			return done, err
		}
		if taken += bytes; s.pace.Stop.Load() || s.pace.Bytes > 0 && max(taken, s.box.Bytes()) >= s.pace.Bytes {
			return done, nil
		}
	}
	return done, nil
}

// receive looks at the tasks whose inputs have changed.
func (s *Set) receive() error {
	for i, t := range s.fetched {
		if t.running {
			s.pace.Working.Store(t)
			if err := t.refresh(); err != nil {
				s.fetched = slices.Delete(s.fetched, 0, i) // this one has not been looked at
				return err
			}
		}
		t.fetched = false
	}
	s.fetched = s.fetched[:0]
	return nil
}

// release looks again at the tasks that wait for an idle partition, as time has passed.
func (s *Set) release() error {
	if s.now < s.heldUntil {
		return nil
	}
	held := s.held
	s.held, s.heldUntil = nil, never
	for _, t := range held {
		if t.held = false; !t.running {
			continue
		}
		if err := t.refresh(); err != nil {
			return err
		}
	}
	return nil
}

// hold notes a task that has records and waits for an idle partition until a wall-clock time.
func (s *Set) hold(t *Task, until int64) {
	if s.heldUntil = min(s.heldUntil, until); !t.held {
		t.held = true
		s.held = append(s.held, t)
	}
}

// Punctuate fires the wall-clock punctuations that are due. It ends early if the pace says so; the next call goes on.
func (s *Set) Punctuate(now int64) error {
	if s.now = now; now < s.nextWall {
		return nil
	}
	next := int64(never)
	for i := range s.tasks {
		at := (s.fireFrom + i) % len(s.tasks)
		t := s.tasks[at]
		ended, err := t.punctuateWallClock()
		if err != nil {
			return err
		}
		if !ended {
			s.fireFrom = at + 1
			return nil
		}
		next = min(next, t.nextWallClock())
	}
	s.nextWall = next
	return nil
}

// NextPunctuation is a time by the wall clock before which no punctuation is due; math.MaxInt64 if there is none.
func (s *Set) NextPunctuation() int64 { return s.nextWall }

// Adjust tells that the wall clock was set, by so many milliseconds. Whatever waits for a time goes on to wait for as
// long as it would have.
func (s *Set) Adjust(by int64) {
	s.now, s.lastCommit = s.now+by, s.lastCommit+by
	s.nextWall, s.heldUntil = later(s.nextWall, by), later(s.heldUntil, by)
	for _, t := range s.tasks {
		if t.running { // others belong to whoever restores them
			t.adjust(by)
		}
	}
}

// later moves a time on, unless it is never.
func later(at, by int64) int64 {
	if at == never {
		return never
	}
	return at + by
}

// Outputs are the records to send. The slice is valid until the next call of a method of the set.
func (s *Set) Outputs() []graph.Output { return s.box.Drain() }

// Buffered is the number of records that wait in all queues, and their bytes.
func (s *Set) Buffered() (records int, bytes int64) { return s.waiting.records, s.waiting.bytes }

// Unsent is the number of bytes that the next commit sends besides offsets: outputs that were not taken yet, and about
// what it takes to log the rows that have changed.
func (s *Set) Unsent() int64 { return s.box.Bytes() + s.dirty }

// CommitDue is true when there is something to commit and it is time: the interval is over, a processor asked, or too
// much is in memory that only a commit lets go.
func (s *Set) CommitDue(now int64) bool {
	s.leftOut.tell(now, false)
	return s.Pending() && (s.commitAsked || now-s.lastCommit >= s.config.CommitInterval || s.full())
}

// Pending is true if there is anything to commit.
func (s *Set) Pending() bool { return s.changed > 0 }

// LastCommit is the wall-clock time of the last commit.
func (s *Set) LastCommit() int64 { return s.lastCommit }

// full is true when uncommitted rows take so much memory that they should be committed early. A commit needs as much
// again for a moment, to encode them.
func (s *Set) full() bool {
	return s.dirty > s.config.Budget.Limit()/4 || s.dirty > 0 && s.config.Budget.Over()
}

// Prepare begins a commit: it encodes the state of all tasks, sends their changelog records to emit, and returns the
// offsets to commit. Outputs that were not sent yet, and what steps say before a commit, go to emit first. No record
// may be processed until Committed or Abort.
func (s *Set) Prepare(emit func(graph.Output)) ([]Offset, error) {
	var offsets []Offset
	for _, t := range s.tasks {
		if !t.running || !t.changed {
			continue
		}
		o, err := t.prepare(emit)
		if err != nil {
			return nil, err
		}
		offsets = append(offsets, o...)
	}
	return offsets, nil
}

// Committed ends a commit that Kafka has: it writes rows and offsets to the databases. An error leaves the databases
// at the commit before; the changelog has what is missing.
func (s *Set) Committed(now int64) error {
	var errs []error
	for i := range s.prepared { // the logs of all databases are written beside each other
		s.prepared[i].start()
	}
	for _, p := range s.prepared {
		if err := p.commit(); err != nil {
			errs = append(errs, fmt.Errorf("local state: %w", err))
		}
	}
	s.prepared = s.prepared[:0]
	s.lastCommit, s.now, s.commitAsked = now, now, false
	s.current.Store(now)
	return errors.Join(errs...)
}

// Abort drops everything since the last commit: outputs, state, queues. All tasks stop. Their changelogs must be read
// to the end, since the last commit may have succeeded unheard of, before Start begins them anew.
func (s *Set) Abort() error {
	s.leftOut.tell(s.now, true)
	var errs []error
	for _, p := range s.prepared {
		errs = append(errs, p.close())
	}
	s.prepared = s.prepared[:0]
	s.box.Truncate(0)
	for _, t := range s.tasks {
		errs = append(errs, t.End())
	}
	s.commitAsked = false
	return errors.Join(errs...)
}
