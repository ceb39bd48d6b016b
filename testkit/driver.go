package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// Driver runs a topology in memory. It is used by one goroutine.
type Driver struct {
	tb      testing.TB      // nil: errors are kept in err
	helper  func()          // makes the caller one whose caller a failure is reported at
	base    *graph.Topology // as built
	topo    *graph.Topology // with topics in place of patterns
	matched []string        // those topics
	options options
	counts  *graph.Partitions
	sources []string // topics that tasks read
	globals []string // topics of global tables
	drops   task.Drops
	err     error
	clock   time.Duration // wall clock, since the epoch
	lock    io.Closer     // of the directory of the stores, nil if they are in memory
	closed  bool

	set     *task.Set
	engines map[streams.TaskID]store.Engine // those in memory outlive the set, as files would

	logs         map[partition]*log
	byTopic      map[string][]*log
	arrivals     map[string][]arrival
	next         map[string]map[*log]int // offsets of what Output reads next, by topic
	internal     map[string]int32        // partitions of the internal topics that there are
	touched      []*log                  // with records of the open transaction
	group        map[partition]task.Offset
	partitioners map[string]kgo.TopicPartitioner
	held         []*Call // that wait for the test
	piped        int     // records since the last commit
	circle       string  // a topic that the topology reads and writes in a circle, empty if there is none
	round        round
	paused       bool // see Pause
}

// New is a driver for a test. Whatever goes wrong fails the test; the driver is closed when the test ends.
func New(tb testing.TB, topo *topology.Topology, opts ...Option) *Driver {
	tb.Helper()
	d, err := NewDriver(topo, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	d.tb, d.helper = tb, tb.Helper
	tb.Cleanup(func() {
		if err := d.Close(); err != nil && !tb.Failed() {
			tb.Error(err)
		}
	})
	return d
}

// NewDriver is a driver outside of tests. After a call that went wrong Err tells why, and the driver does nothing more.
func NewDriver(topo *topology.Topology, opts ...Option) (*Driver, error) {
	if topo == nil {
		return nil, errors.New("testkit: there is no topology: Build returns one, or an error")
	}
	base := (*graph.Topology)(topo)
	if _, err := topo.WithApp(topo.App()); err != nil {
		return nil, err // steps that were added after Build
	}
	d := &Driver{
		base: base, helper: func() {}, options: defaults(), engines: map[streams.TaskID]store.Engine{},
		logs: map[partition]*log{}, byTopic: map[string][]*log{}, arrivals: map[string][]arrival{},
		next:  map[string]map[*log]int{},
		group: map[partition]task.Offset{}, partitioners: map[string]kgo.TopicPartitioner{}, globals: base.GlobalTopics(),
		circle: base.Circle(),
	}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("testkit: one of the options is nil")
		}
		o(&d.options)
	}
	if err := d.options.check(); err != nil {
		return nil, err
	}
	for _, u := range base.Uses() {
		if err := serde.Start(context.Background(), u.Use, u.Serdes...); err != nil {
			return nil, err
		}
	}
	if err := d.begin(); err != nil {
		return nil, errors.Join(err, d.stop(), d.unlock())
	}
	return d, nil
}

// begin opens the driver on what an earlier one has left in its directory, and works on what that has not done.
func (d *Driver) begin() error {
	_, sinks := d.base.ExternalTopics()
	for _, name := range sinks {
		if _, err := d.sinkPartitions(name); err != nil {
			return err
		}
	}
	found, err := d.takeDirectory()
	if err != nil {
		return err
	}
	if err := d.lay(); err != nil {
		return err
	}
	if err := errors.Join(d.checkPartitionsOf(), d.checkDeadLetter()); err != nil {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	if found {
		d.arrived()
	}
	if d.err != nil {
		return errors.Join(d.err, d.Close())
	}
	return nil
}

// takeDirectory locks the directory of the stores for this driver, if they are in one.
func (d *Driver) takeDirectory() (found bool, err error) {
	if d.options.dir == "" {
		return false, d.takeState()
	}
	if d.lock, err = store.Lock(d.options.dir); err != nil && !errors.Is(err, store.ErrLocked) {
		return false, fmt.Errorf("testkit: %w", err)
	} else if err != nil {
		return false, fmt.Errorf("testkit: a driver that is not closed has the directory: close it first: %w", err)
	}
	if found, err = d.bringBack(); err == nil && !found {
		err = d.takeState()
	}
	return found, err
}

func (d *Driver) unlock() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// now is the wall clock in milliseconds.
func (d *Driver) now() int64 { return d.clock.Milliseconds() }

// partitionsOf is the number of partitions of any topic.
func (d *Driver) partitionsOf(topic string) int32 {
	if n, ok := d.counts.Topics[topic]; ok {
		return n
	}
	if n, ok := d.internal[topic]; ok {
		return n
	}
	return d.externalPartitions(topic)
}

func (d *Driver) externalPartitions(topic string) int32 {
	if n, ok := d.options.byTopic[topic]; ok {
		return n
	}
	return d.options.partitions
}

// sinkPartitions is the number of partitions of a topic that is written.
func (d *Driver) sinkPartitions(topic string) (int32, error) {
	n := d.externalPartitions(topic)
	if n == 0 {
		return 0, &cluster.MissingSinkError{Topics: []string{topic}}
	}
	return n, nil
}

// partitionOf routes a record as the production partitioner does.
func (d *Driver) partitionOf(o *graph.Output) int32 {
	n := d.partitionsOf(o.Topic)
	if o.Partition >= 0 {
		return o.Partition
	}
	if o.Key == nil || n == 1 {
		return 0
	}
	p := d.partitioners[o.Topic]
	if p == nil {
		p = cluster.Partitioner().ForTopic(o.Topic)
		d.partitioners[o.Topic] = p
	}
	var r kgo.Record
	cluster.NewRecord(&r, o)
	return int32(p.Partition(&r, int(n)))
}

// open starts all tasks from their databases, the changelogs and the committed offsets.
func (d *Driver) open() error {
	if d.set = task.NewSet(d.topo, task.Config{
		Partitions: d.counts.Topics, PartitionsOf: d.sinkPartitions,
		OnError: d.options.onError(), DeadLetterTopic: d.options.deadLetterTopic, Buffer: math.MaxInt, MaxIdle: -1,
		MaxJump: d.options.maxJump.Milliseconds(), TimeBack: d.options.timeBack,
		WatchValues: true, EncodeOnPut: true, Caller: caller{d},
		Budget: storage.NewBudget(d.options.cacheBytes), Drops: &d.drops, Logger: slog.New(slog.DiscardHandler),
	}, d.now()); d.topo.Global() != nil {
		if err := d.openGlobal(); err != nil {
			return err
		}
	}
	for sub, tasks := range d.counts.Tasks {
		for p := range tasks {
			if err := d.start(streams.TaskID{Sub: sub, Partition: p}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Driver) start(id streams.TaskID) error {
	engine, err := d.engine(id)
	if err != nil {
		return err
	}
	t, err := d.set.Open(id, engine)
	if err != nil {
		return err
	}
	for _, c := range t.Changelogs() {
		l := d.log(c.Topic, c.Partition)
		if c.From() > int64(l.committed) {
			return d.behind(l, c.From())
		}
		if err := c.Restore(l.records[max(0, c.From()):l.committed], int64(l.committed)); err != nil {
			return err
		}
	}
	committed := map[string]task.Committed{}
	for _, in := range t.Inputs() {
		o := d.group[partition{in.Topic, in.Partition}]
		committed[in.Topic] = task.Committed{Offset: o.Offset, Metadata: o.Metadata, End: -1}
		d.log(in.Topic, in.Partition).delivered = int(o.Offset)
	}
	return d.set.Start(t, committed)
}

// openGlobal opens the global tables and reads their topics to the end.
func (d *Driver) openGlobal() error {
	engine, err := d.engine(streams.TaskID{Sub: graph.GlobalSub})
	if err != nil {
		return err
	}
	g, err := d.set.OpenGlobal(engine)
	if err != nil {
		return err
	}
	for topic, n := range d.counts.Global {
		for p := range n {
			from, err := g.From(topic, p)
			if err != nil {
				return err
			}
			l := d.log(topic, p)
			if from > int64(l.committed) {
				return d.behind(l, from)
			}
			l.delivered = int(max(0, from))
		}
	}
	return d.deliverGlobal()
}

// deliverGlobal brings the global tables up to date.
func (d *Driver) deliverGlobal() error {
	g := d.set.Global()
	if g == nil {
		return nil
	}
	for _, topic := range d.globals {
		for _, l := range d.byTopic[topic] {
			if l.delivered == l.committed {
				continue
			}
			if err := g.Apply(l.topic, l.partition, l.records[l.delivered:l.committed], int64(l.committed)); err != nil {
				return err
			}
			l.delivered = l.committed
			if err := g.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Driver) engine(id streams.TaskID) (store.Engine, error) {
	if d.options.dir != "" {
		engine, err := d.options.openEngine(filepath.Join(d.options.dir, id.String()))
		if engine == nil && err == nil {
			err = errors.New("testkit: OpenEngine's function returned neither an engine nor an error")
		}
		return engine, err
	}
	if d.engines[id] == nil {
		d.engines[id] = store.OpenMemory()
	}
	return d.engines[id], nil
}

// fail reports an error of the topology's, or of the driver's.
func (d *Driver) fail(err error) {
	if err == nil {
		return
	}
	d.err = errors.Join(d.err, err)
	if d.tb != nil {
		d.tb.Helper()
		if panicked := (*streams.PanicError)(nil); errors.As(err, &panicked) {
			d.tb.Logf("the stack of the panic:\n%s", panicked.Stack)
		}
		d.tb.Fatal(err)
	}
}

// Err is the first failure, nil if there was none.
func (d *Driver) Err() error { return d.err }

// run works until nothing is left to do that does not need a commit; not while it is paused.
func (d *Driver) run() {
	for d.err == nil && !d.paused {
		d.fail(d.deliverGlobal())
		d.deliver()
		if err := d.set.Answer(d.now()); err != nil {
			d.sendOutputs()
			d.fail(err)
			return
		}
		n, err := d.set.Step(d.now(), math.MaxInt)
		d.sendOutputs()
		if err = errors.Join(err, d.checkRound(n)); err != nil {
			d.fail(err)
			return
		}
		if n == 0 && !d.set.Answered() {
			return
		}
	}
}

func (d *Driver) sendOutputs() {
	for _, o := range d.set.Outputs() {
		d.send(o)
	}
}

// deliver gives the tasks what they can see and have not been given.
func (d *Driver) deliver() {
	for _, topic := range d.sources {
		for _, l := range d.byTopic[topic] {
			if l.delivered < l.committed {
				in := d.set.Input(l.topic, l.partition)
				if in == nil {
					continue
				}
				d.set.Add(in, l.records[l.delivered:l.committed], -1)
				l.delivered = l.committed
			}
		}
	}
}

// arrived is called after each piped record.
func (d *Driver) arrived() {
	if d.paused {
		return
	}
	d.round = round{}
	d.discover()
	d.run()
	if d.piped++; d.options.commitEvery > 0 && d.piped >= d.options.commitEvery {
		d.Commit()
	}
}

// Pause lets piped records pile up in their topics, as behind an application that is not running: whatever else is
// asked of the driver, none is processed before Resume.
func (d *Driver) Pause() {
	d.helper()
	d.paused = d.usable()
}

// Resume ends a Pause and works until nothing is left to do.
func (d *Driver) Resume() {
	d.helper()
	if d.paused = false; d.usable() {
		d.arrived()
	}
}

// WallClock is the driver's wall-clock time. It starts at the epoch, or where the last driver on the directory of the
// stores was closed.
func (d *Driver) WallClock() time.Time {
	d.helper()
	d.readable()
	return time.UnixMilli(d.now())
}

// AdvanceWallClock moves the wall clock on, in one go, fires the punctuations that are due, and works until nothing is
// left to do. The clock does not go back.
func (d *Driver) AdvanceWallClock(by time.Duration) {
	d.helper()
	if by < 0 {
		d.fail(fmt.Errorf("testkit: the wall clock cannot go back: %v", by))
	}
	if by > math.MaxInt64-d.clock {
		d.fail(fmt.Errorf("testkit: the wall clock ends 292 years after the epoch: it cannot go on by %v", by))
	}
	if !d.usable() {
		return
	}
	d.clock += by
	d.fail(d.set.Punctuate(d.now()))
	d.sendOutputs()
	d.arrived()
}

// Dropped is the number of records dropped so far, by reason.
func (d *Driver) Dropped() map[streams.DropReason]int64 {
	d.helper()
	d.readable()
	return d.drops.Counts()
}

// Close ends the driver without a commit; what is asked of it later is a mistake. Where the stores are in a directory,
// the topics and the committed offsets are written beside them, and another driver may go on from there.
func (d *Driver) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.stop()
	if d.lock != nil {
		d.endTransaction(false)
		err = errors.Join(err, d.keep(), d.unlock())
	}
	return err
}

// stop closes the set, dropping what was not committed.
func (d *Driver) stop() error {
	var errs []error
	if d.set != nil {
		errs = append(errs, d.set.Abort())
		for len(d.set.Tasks()) > 0 {
			errs = append(errs, d.set.Remove(d.set.Tasks()[0].ID))
		}
		errs = append(errs, d.set.CloseGlobal())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("testkit: close: %w", err)
	}
	return nil
}
