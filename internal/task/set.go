package task

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/topology"
)

// Set is all tasks of one worker, with one outbox and one commit for all of them.
type Set struct {
	topo   *topology.Topology
	config Config
	tasks  []*Task // by id
	box    topology.Outbox
	global *Global // nil if the topology has no global tables
	mark   int     // length of the outbox before the record in work

	now         int64 // wall clock in milliseconds, as last told
	lastCommit  int64
	commitAsked bool
	prepared    []prepared
}

// NewSet is a set without tasks at a wall-clock time in milliseconds.
func NewSet(topo *topology.Topology, config Config, now int64) *Set {
	return &Set{topo: topo, config: config, now: now, lastCommit: now}
}

// Open makes a task on its database, and enters it. The set owns the engine from here on, an error included. The task
// runs from Start on.
func (s *Set) Open(id topology.TaskID, engine store.Engine) (*Task, error) {
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
func (s *Set) Make(id topology.TaskID, engines *Engines) (*Task, error) { return open(s, id, engines) }

// Enter adds a task that was made. It runs from Start on.
func (s *Set) Enter(t *Task) {
	i, _ := slices.BinarySearchFunc(s.tasks, t.ID, func(t *Task, id topology.TaskID) int {
		return cmp.Or(cmp.Compare(t.ID.Sub, id.Sub), cmp.Compare(t.ID.Partition, id.Partition))
	})
	s.tasks = slices.Insert(s.tasks, i, t)
}

// Tasks are the open tasks, by id.
func (s *Set) Tasks() []*Task { return s.tasks }

// Task is the open task with an id, nil if there is none.
func (s *Set) Task(id topology.TaskID) *Task {
	for _, t := range s.tasks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// Input is the input partition of a running task, nil if there is none.
func (s *Set) Input(topic string, partition int32) *Input {
	for _, t := range s.tasks {
		if t.ID.Partition != partition || !t.running {
			continue
		}
		for _, in := range t.inputs {
			if in.Topic == topic {
				return in
			}
		}
	}
	return nil
}

// Start runs a restored task from committed offsets, by topic.
func (s *Set) Start(t *Task, committed map[string]Committed) error { return t.start(committed) }

// Remove closes a task and its databases without a commit: what it did since the last one is gone.
func (s *Set) Remove(id topology.TaskID) error {
	t, err := s.Leave(id)
	if t == nil {
		return nil
	}
	return errors.Join(err, t.failed(t.engines.Close()))
}

// Leave ends a task without a commit. Its databases stay open, as they were at the last commit. It is nil if there is
// no such task.
func (s *Set) Leave(id topology.TaskID) (*Task, error) {
	i := slices.IndexFunc(s.tasks, func(t *Task) bool { return t.ID == id })
	if i < 0 {
		return nil, nil
	}
	t := s.tasks[i]
	s.tasks = slices.Delete(s.tasks, i, i+1)
	return t, t.End()
}

// Add gives an input partition what was fetched, in the order of offsets, with the end of the partition as the fetch
// told it (the last stable offset when reading committed), -1 if it did not.
func (s *Set) Add(in *Input, records []topology.Raw, end int64) error {
	in.add(records)
	in.end = max(in.end, end)
	return in.task.refresh()
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

// Bounded tells where an input begins and ends now. What is in front of the start has been deleted: nobody need wait
// for it.
func (s *Set) Bounded(in *Input, start, end int64) error {
	if in.end = end; in.fetched < start {
		in.fetched = start
	}
	if in.queue.count == 0 {
		in.position = max(in.position, start)
	}
	return in.task.refresh()
}

// Flow tells which partitions have more waiting than Config.Buffer and must be paused, and which have drained enough
// to be resumed.
func (s *Set) Flow(pause, resume func(topic string, partition int32)) {
	for _, t := range s.tasks {
		for _, in := range t.inputs {
			switch {
			case !in.paused && in.queue.count > s.config.Buffer:
				in.paused = true
				pause(in.Topic, in.Partition)
			case in.paused && in.queue.count <= s.config.Buffer/2:
				in.paused = false
				resume(in.Topic, in.Partition)
			}
		}
	}
}

// Step processes up to n records: of the tasks, the one whose head is oldest. It returns how many it did; less than n
// means that there is nothing to do for now. After an error the set must be aborted.
func (s *Set) Step(now int64, n int) (int, error) {
	s.now = now
	for done := range n {
		t := s.oldest()
		if t == nil && s.config.MaxIdle > 0 {
			if err := s.refresh(); err != nil {
				return done, err
			}
			t = s.oldest()
		}
		if t == nil {
			return done, nil
		}
		if err := t.step(); err != nil {
			return done, err
		}
	}
	return n, nil
}

// refresh looks again at the tasks that wait, as time has passed.
func (s *Set) refresh() error {
	for _, t := range s.tasks {
		if t.running && t.headInput == nil {
			if err := t.refresh(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Set) oldest() *Task {
	var oldest *Task
	for _, t := range s.tasks {
		if t.headInput != nil && (oldest == nil || t.head < oldest.head) {
			oldest = t
		}
	}
	return oldest
}

// Punctuate fires the wall-clock punctuations that are due.
func (s *Set) Punctuate(now int64) error {
	s.now = now
	for _, t := range s.tasks {
		if err := t.punctuateWallClock(); err != nil {
			return err
		}
	}
	return nil
}

// NextPunctuation is the wall-clock time of the next punctuation; math.MaxInt64 if there is none.
func (s *Set) NextPunctuation() int64 {
	next := int64(never)
	for _, t := range s.tasks {
		next = min(next, t.nextWallClock())
	}
	return next
}

// Outputs are the records to send. The slice is valid until the next call of a method of the set.
func (s *Set) Outputs() []topology.Output { return s.box.Drain() }

// Buffered is the number of records that wait in all queues.
func (s *Set) Buffered() (n int) {
	for _, t := range s.tasks {
		for _, in := range t.inputs {
			n += in.queue.count
		}
	}
	return n
}

// CommitDue is true when there is something to commit and it is time: the interval is over, a processor asked, or too
// much is in memory that only a commit lets go.
func (s *Set) CommitDue(now int64) bool {
	return s.Pending() && (s.commitAsked || now-s.lastCommit >= s.config.CommitInterval || s.full())
}

// Pending is true if there is anything to commit.
func (s *Set) Pending() bool {
	return slices.ContainsFunc(s.tasks, func(t *Task) bool { return t.running && t.changed })
}

// LastCommit is the wall-clock time of the last commit.
func (s *Set) LastCommit() int64 { return s.lastCommit }

// full is true when uncommitted rows take so much memory that they should be committed early. A commit needs as much
// again for a moment, to encode them.
func (s *Set) full() bool {
	var dirty int64
	for _, t := range s.tasks {
		if t.running { // others belong to their restore
			dirty += t.dirty()
		}
	}
	return dirty > s.config.Budget.Limit()/4 || dirty > 0 && s.config.Budget.Over()
}

// Prepare begins a commit: it encodes the state of all tasks, sends their changelog records to emit, and returns the
// offsets to commit. Outputs that were not sent yet, and what steps say before a commit, go to emit first. No record
// may be processed until Committed or Abort.
func (s *Set) Prepare(emit func(topology.Output)) ([]Offset, error) {
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
	for _, p := range s.prepared {
		if err := p.commit(); err != nil {
			errs = append(errs, fmt.Errorf("local state: %w", err))
		}
	}
	s.prepared = s.prepared[:0]
	s.lastCommit, s.now, s.commitAsked = now, now, false
	return errors.Join(errs...)
}

// Abort drops everything since the last commit: outputs, state, queues. All tasks stop. Their changelogs must be read
// to the end, since the last commit may have succeeded unheard of, before Start begins them anew.
func (s *Set) Abort() error {
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
