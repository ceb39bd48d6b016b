package task

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// ErrGlobalTables marks failures of the database of global tables. If that is damaged, remove it: all rows are read
// again.
var ErrGlobalTables = errors.New("global tables")

// Global is the global tables of a worker: whole topics, read by every instance, whose rows all tasks of the worker
// may look up. It has no part in commits with Kafka: rows and the offsets up to which they are complete are written
// together to a database of its own, and what the topics have beyond is read again.
type Global struct {
	set      *Set
	instance *graph.Instance
	db       database
	stores   []storage.Store
	prefixes [][]byte         // of the stores
	reader   *Reader          // nil until they are shown
	places   map[string]Place // by topic/partition
	home     string           // id of the cluster that the database belongs to; empty: not known
	writing  bool             // its own steps are at work, or a commit is: nobody else may write to the stores
	times    map[string]int64

	topic     string // of the record in work
	partition int32
	offset    int64
	dropped   []drop
}

// OpenGlobal opens the global tables on their database, which the set owns from here on. It must be called before any
// task is opened, if the topology has such tables.
func (s *Set) OpenGlobal(engine store.Engine) (*Global, error) {
	g := &Global{set: s, db: database{engine}, places: map[string]Place{}, times: map[string]int64{}}
	s.global = g
	for _, spec := range s.topo.Global().Stores {
		prefix, err := g.db.prefix(spec)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGlobalTables, err)
		}
		env := s.config.env(engine, prefix)
		env.Guard = g.guard
		open := spec.Open(env)
		at, err := g.db.offset('t', spec.Name())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGlobalTables, err)
		}
		open.SetTime(at)
		g.stores, g.prefixes = append(g.stores, open), append(g.prefixes, prefix)
	}
	var err error
	if g.home, err = g.db.home(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGlobalTables, err)
	}
	if g.instance, err = s.topo.Link(graph.TaskID{Sub: graph.GlobalSub}, g, &s.box); err != nil {
		return nil, err
	}
	return g, g.init()
}

// errGlobal is the error of a write by a step of a task.
var errGlobal = fmt.Errorf("%w: a global table or processor fills the store from its topic, whole on every instance, "+
	"and what a step of a stream wrote would be on one of them, and gone with its database: send a record to that "+
	"topic, or give the step a store of its own", state.ErrReadOnly)

// guard is what keeps the steps of tasks, which may read the stores, from writing to them.
func (g *Global) guard() error {
	if g.writing {
		return nil
	}
	return errGlobal
}

// init shields the worker from panics in the user's processors.
func (g *Global) init() error {
	g.writing = true
	defer func() { g.writing = false }()
	if err := Shielded(g.instance.Init); err != nil {
		return g.failure("Init", err)
	}
	return nil
}

func (g *Global) failure(call string, err error) *ProcessError {
	return failure(graph.TaskID{Sub: graph.GlobalSub}, g.instance, call, err)
}

// Global is the set's global tables, nil if there are none.
func (s *Set) Global() *Global { return s.global }

// From is the offset from which a partition must be read on, -1: from its start.
func (g *Global) From(topic string, partition int32) (int64, error) {
	at, err := g.Place(topic, partition)
	return at.Offset, err
}

// Place is up to where a partition has been read.
func (g *Global) Place(topic string, partition int32) (Place, error) {
	return g.place(inputName(topic, partition))
}

func (g *Global) place(name string) (Place, error) {
	if _, known := g.places[name]; !known {
		at, err := g.db.place('g', name)
		if err != nil {
			return nowhere, fmt.Errorf("%w: %w", ErrGlobalTables, err)
		}
		g.places[name] = at
	}
	return g.places[name], nil
}

func inputName(topic string, partition int32) string {
	return topic + "/" + strconv.Itoa(int(partition))
}

// Clear removes all rows, to read the topics from their start.
func (g *Global) Clear() error {
	err := g.db.write(func(b store.Batch) error {
		for name, at := range g.places {
			g.places[name] = Place{Offset: -1, Epoch: -1, Topic: at.Topic, At: g.set.now}
			if err := b.Delete(metaKey('g', name)); err != nil {
				return err
			}
		}
		for _, spec := range g.set.topo.Global().Stores {
			prefix, err := g.db.prefix(spec)
			if err != nil {
				return err
			}
			if err := b.Delete(metaKey('t', spec.Name())); err != nil {
				return err
			}
			if err := b.DeleteRange(prefix, behind(prefix)); err != nil {
				return err
			}
		}
		for _, s := range g.stores {
			s.Abort()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGlobalTables, err)
	}
	return nil
}

// Apply enters records of one partition, in the order of their offsets; next is the offset behind them, markers
// included. Records that were entered before are left out.
func (g *Global) Apply(topic string, partition int32, records []graph.Raw, next int64) error {
	inlet := g.instance.Inlets[topic]
	from, err := g.From(topic, partition)
	if inlet == nil || err != nil {
		return err
	}
	g.topic, g.partition = topic, partition
	for i := range records {
		raw := &records[i]
		if raw.Control || raw.Offset < from {
			continue
		}
		if err := g.enter(inlet, raw); err != nil {
			return err
		}
	}
	name := inputName(topic, partition)
	at := g.places[name]
	if n := len(records); n > 0 && next > at.Offset {
		at.Offset, at.Epoch = next, records[n-1].Epoch
	}
	g.places[name] = at
	return nil
}

// enter processes one record. The error policy holds, but for the dead-letter topic: each instance would send to it.
func (g *Global) enter(inlet graph.Inlet, raw *graph.Raw) error {
	for _, s := range g.stores {
		s.Mark()
	}
	g.instance.Mark()
	g.offset = raw.Offset
	err := g.process(inlet, raw)
	if err == nil {
		for _, d := range g.dropped {
			g.set.config.Drops.add(d)
		}
		g.dropped = g.dropped[:0]
		return nil
	}
	for _, s := range g.stores {
		s.Undo()
	}
	g.instance.Undo()
	g.dropped = g.dropped[:0]
	failed := g.failure("", err)
	failed.Topic, failed.Partition, failed.Offset = g.topic, g.partition, raw.Offset
	failed.Key, failed.Value, failed.Timestamp = raw.Key, raw.Value, raw.Timestamp
	if errors.Is(err, graph.ErrDeserialize) || errors.Is(err, graph.ErrTimestamp) {
		failed.Cause = Decoding
	}
	action, stops := g.set.config.decide(failed)
	if g.set.config.Failures.add(g.set.now, failed, action, raw, 0); stops != nil {
		return stops
	}
	g.set.config.Drops.add(drop{step: failed.Node, reason: dropReason(err)})
	g.set.config.Logger.Warn("record of a global table left out", "topic", g.topic, "partition", g.partition,
		"offset", raw.Offset, "error", err)
	return nil
}

// process shields the worker from panics in the user's serdes and timestamp extractors.
func (g *Global) process(inlet graph.Inlet, raw *graph.Raw) (err error) {
	defer recoverInto(&err)
	ts, err := inlet.Decode(raw, g.timeOf(g.topic))
	if err != nil {
		return err
	}
	if ts < 0 {
		g.dropped = append(g.dropped, drop{step: nameOf(g.instance.Node()), reason: graph.DropTimestamp})
		return nil
	}
	g.times[g.topic] = max(g.timeOf(g.topic), ts)
	g.writing = true
	defer func() { g.writing = false }()
	return inlet.Process()
}

// timeOf is the highest timestamp of a topic's records since the start, -1 before the first.
func (g *Global) timeOf(topic string) int64 {
	if ts, ok := g.times[topic]; ok {
		return ts
	}
	return -1
}

// Commit writes rows and offsets to the database.
func (g *Global) Commit() error {
	b := g.db.engine.NewBatch()
	g.writing = true
	defer func() { g.writing = false }()
	err := func() error {
		for _, s := range g.stores {
			if err := flush(s, b, unlogged{&g.set.box}); err != nil {
				return err
			}
			if at, ok := s.Time(); ok && at >= 0 {
				if err := setOffset(b, 't', s.Name(), at); err != nil {
					return err
				}
			}
		}
		for name, at := range g.places {
			if at.Offset < 0 {
				continue
			}
			if err := setPlace(b, 'g', name, at); err != nil {
				return err
			}
		}
		if g.home != "" {
			if err := b.Set(metaKey('k', ""), []byte(g.home)); err != nil {
				return err
			}
		}
		return b.Commit()
	}()
	if err = errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrGlobalTables, err)
	}
	for _, s := range g.stores {
		s.Committed()
	}
	return nil
}

// unlogged is the changelog of stores without one: it lends memory only.
type unlogged struct{ *graph.Outbox }

func (unlogged) Append(_, _ []byte, _ int64) {}

// CloseGlobal ends the global tables and their database. What was not committed is gone.
func (s *Set) CloseGlobal() error {
	if s.global == nil {
		return nil
	}
	engine := s.global.db.engine
	return errors.Join(s.LeaveGlobal(), Shielded(engine.Close))
}

// LeaveGlobal ends the global tables. Their database stays open, as it was at the last commit.
func (s *Set) LeaveGlobal() error {
	g := s.global
	s.global = nil
	if g == nil || g.instance == nil { // the database did not fit
		return nil
	}
	if g.reader != nil {
		s.config.Readers.remove(g.reader)
	}
	err := g.instance.Close(Shielded)
	for _, store := range g.stores {
		store.Abort()
	}
	return err
}

// Store and the methods below make it the host of its nodes.
func (g *Global) Store(name string) state.Store {
	for _, s := range g.stores {
		if s.Name() == name {
			return storage.Open(s)
		}
	}
	panic("task: there is no global table " + name)
}

// HasStore is true if there is a global table of that name.
func (g *Global) HasStore(name string) bool {
	for _, s := range g.stores {
		if s.Name() == name {
			return true
		}
	}
	return false
}

func (g *Global) StreamTime() int64    { return -1 }
func (g *Global) WallClock() int64     { return g.set.now }
func (g *Global) RequestCommit()       {}
func (g *Global) Watches() bool        { return g.set.config.WatchValues }
func (g *Global) Logger() *slog.Logger { return g.set.config.Logger }

// Source is where the record in work came from.
func (g *Global) Source() (topic string, partition int32, offset int64, ok bool) {
	return g.topic, g.partition, g.offset, g.topic != ""
}

// Drop counts a drop once the record in work is done.
func (g *Global) Drop(n *graph.Node, reason graph.DropReason) {
	g.dropped = append(g.dropped, drop{step: nameOf(n), reason: reason})
}

// Partitions is not offered to global tables: none of their steps is a sink.
func (g *Global) Partitions(string) (int32, error) { return 0, nil }

// Schedule is not offered to global tables.
func (g *Global) Schedule(p *graph.Punctuation) (cancel func()) {
	panic("topology: step " + p.Node.Name + " (" + p.Node.Site + ") schedules a punctuation: global processors have none")
}

// Call is not offered to global tables.
func (g *Global) Call(c *graph.Call) {
	panic("topology: step " + c.Node.Name + " (" + c.Node.Site + ") makes a slow call: global processors make none")
}
