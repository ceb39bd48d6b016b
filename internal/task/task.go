package task

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// Task is one sub-topology for one partition of its inputs.
type Task struct {
	ID graph.TaskID

	topo     *graph.Topology
	sub      *graph.Sub
	config   *Config
	set      *Set
	box      *graph.Outbox
	log      *slog.Logger
	instance *graph.Instance

	inputs     []*Input // by topic
	stores     []storage.Store
	changelogs []*Changelog // one for each store, in the same order
	engines    *Engines
	databases  []database // on disk, and in memory if a store wants it
	schedules  schedules

	home       string // id of the cluster that the directory belongs to; empty: not known
	ahead      bool   // there are rows of commits behind those of the inputs' stored places
	aheadError error  // what it is if that turns out to be so

	shown      *Reader // nil unless it runs
	running    bool
	waits      bool   // for its turn
	next       *Task  // behind it
	debt       int    // turns that it lets pass, as it has taken more than its time
	held       bool   // see Set.hold
	fetched    bool   // see Set.fetch
	weighed    int64  // its part of Set.dirty
	changed    bool   // there is something to commit
	headInput  *Input // that has the record to take next; nil if none may be taken
	head       int64  // time of that record
	streamTime int64  // -1 before the first record
	current    *Input
	answered   *graph.Waiting   // whose answer is in work
	answers    bool             // have come, see Set.Answer
	times      map[string]int64 // of stores, as last committed
	spareTimes map[string]int64 // the map of the commit before, for the next one
	fences     []fence          // of earlier epochs, as the committed metadata has them
	fence      string           // of the task's own epoch, or the kept one, as metadata has it
	epoch      int32            // since it started; 0: none yet
	kept       int32            // epoch of the fence that is kept, see keepFence; 0: none
	rescaled   int64            // when the number of partitions was last changed, in milliseconds; 0: never
	commits    int64            // see commitsKey
	timeBack   int64            // the last Config.TimeBack that the task has obeyed; 0: none
	dropped    []drop           // by the record in work
	drops      int64            // since the task runs
	records    int64            // processed since the task runs
	lastError  error            // of the last record that was left out
	errorAt    int64            // its time by the wall clock
}

// never is later than every wall-clock time.
const never = math.MaxInt64

// Engines keep the rows of a task. They may outlive it.
type Engines struct {
	Disk   store.Engine
	Memory store.Engine // nil until a store wants one

	unsettled *unsettled // a commit that Kafka may have; nil: there is none
}

// Close closes them. What is in memory is lost.
func (e *Engines) Close() error {
	var err error
	if e.unsettled != nil {
		err = Shielded(e.unsettled.close)
	}
	err = errors.Join(err, Shielded(e.Disk.Close))
	if e.Memory != nil {
		err = errors.Join(err, Shielded(e.Memory.Close))
	}
	return err
}

// open makes a task on its databases. It does not run before start.
func open(s *Set, id graph.TaskID, engines *Engines) (*Task, error) {
	t := &Task{
		ID: id, topo: s.topo, sub: s.topo.Subs()[id.Sub], config: &s.config, set: s, box: &s.box,
		log: s.config.Logger.With("task", id.String()),
	}
	if err := t.openStores(engines); err != nil {
		return nil, t.failed(err)
	}
	for _, topic := range slices.Compact(t.topo.Inputs(t.sub)) {
		if id.Partition >= t.config.Partitions[topic] {
			continue // topics that are merged may have different numbers of partitions
		}
		stored, err := t.databases[0].place('i', topic)
		if err != nil {
			return nil, t.failed(err)
		}
		t.inputs = append(t.inputs, &Input{
			Topic: topic, Partition: id.Partition, task: t, stored: stored,
			origin: &graph.Origin{Topic: topic, Partition: id.Partition},
		})
	}
	return t, nil
}

// openStores opens the stores, and reads whose they are.
func (t *Task) openStores(engines *Engines) (err error) {
	t.engines, t.databases = engines, []database{{engines.Disk}}
	for _, spec := range t.sub.Stores {
		if err := t.openStore(spec); err != nil {
			return err
		}
	}
	for _, db := range t.databases {
		_, ahead, err := db.engine.Get(nil, metaKey('b', ""))
		if err != nil {
			return err
		}
		t.ahead = t.ahead || ahead
	}
	t.home, err = t.databases[0].home()
	return err
}

func (t *Task) openStore(spec storage.Spec) error {
	db := t.databases[0]
	if spec.Options().InMemory {
		if t.engines.Memory == nil {
			t.engines.Memory = store.OpenMemory()
		}
		if len(t.databases) == 1 {
			t.databases = append(t.databases, database{t.engines.Memory})
		}
		db = t.databases[1]
	}
	prefix, err := db.prefix(spec)
	if err != nil {
		return err
	}
	windows := windowsOf(t.sub, spec)
	if err := db.checkWindows(spec.Name(), windows); err != nil {
		return err
	}
	place, err := t.databases[0].place('c', spec.Name())
	if err != nil {
		return err
	}
	at, err := db.place('c', spec.Name())
	if err != nil {
		return err
	}
	next, seen := at.Offset, max(0, at.Epoch)
	if spec.Options().NoChangelog {
		next = -1
	}
	changelog := t.topo.ChangelogName(spec.Name())
	env := t.config.env(db.engine, prefix)
	if t.config.RowsRefused != nil {
		env.Refuses = refusesIn(spec, t.config.RowsRefused(changelog))
	}
	s := spec.Open(env)
	t.stores = append(t.stores, s)
	c := &Changelog{
		Store: spec.Name(), Topic: changelog, Partition: t.ID.Partition,
		task: t, spec: spec, store: s, db: db, prefix: prefix, place: place, inMemory: at, next: next,
		hash: storeHash(spec.Name()), seen: seen, checked: -1, windows: windows,
	}
	if c.cut, err = t.databases[0].cut(spec.Name()); err != nil {
		return err
	}
	if c.led, err = t.databases[0].led(spec.Name()); err != nil {
		return err
	}
	c.enterEpoch(0)
	t.changelogs = append(t.changelogs, c)
	return c.loadStale()
}

// refusesIn is what a store's changelog refuses. In a versioned store a row is all versions of a key, and each has a
// record of its own: only their times are those of records.
func refusesIn(spec storage.Spec, refuses storage.Refuses) storage.Refuses {
	if refuses == nil || spec.Kind() != storage.KindVersioned {
		return refuses
	}
	return func(_ []byte, _ int, timestamp int64) error { return refuses(nil, 0, timestamp) }
}

// Changelogs are the changelogs of the task's stores, of those that have one.
func (t *Task) Changelogs() []*Changelog {
	return slices.DeleteFunc(slices.Clone(t.changelogs), func(c *Changelog) bool { return c.spec.Options().NoChangelog })
}

// Inputs are the task's input partitions, by topic.
func (t *Task) Inputs() []*Input { return t.inputs }

// Committed is what the group has committed for one input partition, with the bounds of the partition.
type Committed struct {
	Offset   int64 // -1: nothing
	Epoch    int32 // of the leader under which the record before was written; -1: not known
	Metadata string
	Start    int64 // where the task begins if Offset is below
	End      int64 // -1: not known
	// Chosen is true for an offset that the group has not committed yet: the next commit does, so that a restart does
	// not choose again.
	Chosen bool
	// Asked is true for an offset that the group told only when it was asked again.
	Asked bool
}

// start begins, or begins again, at committed offsets.
func (t *Task) start(committed map[string]Committed) error {
	if t.aheadError != nil && t.ahead {
		return t.aheadError
	}
	instance, err := t.topo.Link(t.ID, t, t.box)
	if err != nil {
		return err
	}
	t.instance, t.schedules, t.streamTime = instance, schedules{next: never}, -1
	t.epoch, t.fence = 0, ""
	moved := false
	for _, c := range t.changelogs {
		moved = moved || len(c.stale) > 0
	}
	known := t.withTimes(committed)
	times, due := t.storeTimes(known)
	back := t.backTo(known, times)
	t.rescaled, t.commits = 0, 0
	for _, in := range t.inputs {
		c := committed[in.Topic]
		in.noteByHand(c)
		m := graph.DecodeMetadata(known[in.Topic].Metadata)
		m.PartitionTime = min(m.PartitionTime, back)
		t.streamTime = max(t.streamTime, m.PartitionTime)
		t.rescaled = max(t.rescaled, m.Times[RescaledKey])
		t.commits = max(t.commits, m.Times[commitsKey])
		from := max(c.Offset, c.Start)
		*in = Input{
			Topic: in.Topic, Partition: in.Partition, task: t, inlet: instance.Inlets[in.Topic], position: from,
			committed: c.Offset, from: from, fetched: from, end: c.End, time: m.PartitionTime, idleSince: t.set.now,
			stored: in.stored, origin: in.origin, topic: in.topic, epoch: c.Epoch, metadata: c.Metadata,
		}
		if from != c.Offset {
			in.epoch = -1
		}
		in.fromEpoch = in.epoch
		if c.Chosen {
			in.committed = -1
		}
		in.untold = known[in.Topic] != c
		moved = moved || in.position != in.committed || in.strayed() || in.untold
	}
	for _, s := range t.stores {
		if at, ok := times[s.Name()]; ok {
			s.SetTime(min(at, back))
		}
		if at, ok := due[s.Name()]; ok {
			silenceOf(s).Due = min(at, back)
		}
	}
	if !t.config.Epochs {
		t.keepFence()
	}
	if t.times = t.timesToCommit(); back < never {
		delete(t.times, timeBackKey) // so that the next commit tells it
	}
	return t.init(moved || back < never || len(due) > 0)
}

// silenceOf is that of a store with windows.
func silenceOf(s storage.Store) *rows.Silence {
	if w, ok := s.(interface{ Silence() *rows.Silence }); ok {
		return w.Silence()
	}
	return &rows.Silence{}
}

// observeDue moves stores on to the times up to which their steps have let results out as they started.
func (t *Task) observeDue() {
	for _, s := range t.stores {
		if silence := silenceOf(s); silence.Due > 0 {
			s.(interface{ Observe(streamTime int64) }).Observe(silence.Due)
			silence.Due = 0
		}
	}
}

// init initialises the steps. What they forward or put is committed, even if no record ever comes.
func (t *Task) init(moved bool) error {
	waiting := t.box.Len()
	if err := Shielded(t.instance.Init); err != nil {
		return errors.Join(t.failure("Init", err), t.instance.Close(Shielded))
	}
	t.observeDue()
	t.mark()
	t.running = true
	t.ask()
	for _, in := range t.inputs {
		t.set.inputs[inputID{in.Topic, in.Partition}] = in
	}
	t.shown = t.reader()
	t.config.Readers.add(t.shown)
	if t.weigh(); moved || t.box.Len() > waiting || t.weighed > 0 {
		t.touch()
	}
	return nil
}

// stop ends the running instance, without a commit.
func (t *Task) stop() error {
	if !t.running {
		return nil
	}
	t.settle()
	t.config.Readers.remove(t.shown)
	t.running, t.headInput, t.answers = false, nil, false
	for _, in := range t.inputs {
		in.clear()
		delete(t.set.inputs, inputID{in.Topic, in.Partition})
	}
	return t.instance.Close(Shielded)
}

// End ends the task without a commit; Start begins it anew. Its stores give back the memory that they have of the
// process's budget.
func (t *Task) End() error {
	err := t.stop()
	for _, s := range t.stores {
		s.Abort()
	}
	t.weigh()
	return t.failed(err)
}

// Engines are the databases that the task was made on.
func (t *Task) Engines() *Engines { return t.engines }

// Store, StreamTime and the methods below make the task the host of its nodes.
func (t *Task) Store(name string) state.Store {
	for _, s := range t.stores {
		if s.Name() == name {
			return storage.Open(s)
		}
	}
	if t.set.global != nil {
		return t.set.global.Store(name)
	}
	panic(fmt.Sprintf("task: %s has no store %s", t.ID, name))
}

// HasStore is true if the task has a store of that name.
func (t *Task) HasStore(name string) bool {
	return slices.ContainsFunc(t.stores, func(s storage.Store) bool { return s.Name() == name })
}

func (t *Task) StreamTime() int64    { return t.streamTime }
func (t *Task) WallClock() int64     { return t.set.now }
func (t *Task) RequestCommit()       { t.set.commitAsked = true }
func (t *Task) Watches() bool        { return t.config.WatchValues }
func (t *Task) Logger() *slog.Logger { return t.log }

// Source is where the record in work came from.
func (t *Task) Source() (topic string, partition int32, offset int64, ok bool) {
	if in := t.current; in != nil {
		return in.Topic, in.Partition, in.queue.head().Offset, true
	}
	if w := t.answered; w != nil {
		return w.Topic, w.Partition, w.Offset, true
	}
	return "", 0, 0, false
}

// Partitions is the number of partitions of a topic.
func (t *Task) Partitions(topic string) (int32, error) {
	if n, ok := t.config.Partitions[topic]; ok {
		return n, nil
	}
	return t.config.PartitionsOf(topic)
}

// Drop counts a drop once the record in work is done: one that is taken back has dropped nothing.
func (t *Task) Drop(n *graph.Node, reason graph.DropReason) {
	d := drop{step: nameOf(n), reason: reason}
	if reason == graph.DropLate && t.current != nil {
		d.late = t.streamTime - t.current.headTime
	}
	t.dropped = append(t.dropped, d)
}
