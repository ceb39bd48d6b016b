package task

import (
	"errors"
	"maps"
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
)

// Offset is an offset to commit for an input partition: that of the record to process next.
type Offset struct {
	Topic     string
	Partition int32
	Offset    int64
	Epoch     int32 // of the leader under which the record before was written; -1: not known
	Metadata  string
}

// prepare encodes what the task did since the last commit: changelog records go to emit, rows and offsets into batches
// that wait for commit.
func (t *Task) prepare(emit func(graph.Output)) ([]Offset, error) {
	if err := t.beforeCommit(); err != nil {
		return nil, err
	}
	for _, o := range t.box.Drain() {
		emit(o)
	}
	batches := make([]store.Batch, len(t.databases))
	for i, db := range t.databases {
		batches[i] = db.engine.NewBatch()
	}
	t.set.prepared = append(t.set.prepared, prepared{task: t, batches: batches}) // Abort closes the batches
	for _, c := range t.changelogs {
		c.batch = batches[0]
		if c.spec.Options().InMemory {
			c.batch = batches[1]
		}
		if err := c.flush(emit); err != nil {
			return nil, t.failed(err)
		}
	}
	return t.offsets(), nil
}

// beforeCommit lets the steps say what they have for the commit.
func (t *Task) beforeCommit() (err error) {
	t.mark()
	if err = Shielded(t.instance.BeforeCommit); err != nil {
		return t.failure("BeforeCommit", err)
	}
	t.done()
	return nil
}

// offsets are the positions that have moved; all of them if the time of a store has moved without a record, so that
// nothing that was closed opens again after a restart.
func (t *Task) offsets() []Offset {
	times := t.timesToCommit()
	timeMoved := !maps.Equal(times, t.times)
	if !timeMoved && t.hasUnlogged() && !slices.ContainsFunc(t.inputs, (*Input).moved) {
		t.commits++
		times[commitsKey], timeMoved = t.commits, true
	}
	var out []Offset
	for _, in := range t.inputs {
		if in.moved() || timeMoved && in.position >= 0 {
			in.metadata = in.metadataWith(times)
			out = append(out, Offset{
				Topic: in.Topic, Partition: in.Partition, Offset: in.position, Epoch: in.epoch, Metadata: in.metadata,
			})
		}
	}
	t.times, t.spareTimes = times, t.times
	return out
}

// moved is true if the group does not have the offset of the input.
func (in *Input) moved() bool { return in.position != in.committed || in.untold }

// prepared is a task between the encoding of its state and the end of the commit.
type prepared struct {
	task    *Task
	batches []store.Batch
	failed  error // of start
}

// start begins to write rows and offsets to the databases, now that Kafka has them.
func (p *prepared) start() {
	if p.failed = p.task.setPlaces(p.batches); p.failed != nil {
		return
	}
	for _, b := range p.batches {
		if s, ok := b.(store.Starter); ok {
			s.Start()
		}
	}
}

// commit waits until they are written.
func (p prepared) commit() error { return p.task.failed(p.write()) }

func (p prepared) write() error {
	t := p.task
	if p.failed != nil {
		return p.failed
	}
	for _, b := range p.batches {
		if err := b.Commit(); err != nil {
			return err
		}
	}
	for i, c := range t.changelogs {
		c.next, c.batch, c.place = c.acked, nil, c.reached()
		c.inMemory, c.seen = c.place, max(0, c.place.Epoch)
		clear(c.stale)
		c.tail = 0
		t.stores[i].Committed()
	}
	for _, in := range t.inputs {
		in.committed, in.stored, in.untold = in.position, in.reached(), false
	}
	t.ahead = false
	t.settle()
	return p.close()
}

// setPlaces enters how far the commit has come. The places of stores in memory lie on disk, too.
func (t *Task) setPlaces(batches []store.Batch) error {
	for _, c := range t.changelogs {
		p := c.reached()
		if p.Offset < 0 {
			continue
		}
		if err := setPlace(batches[0], 'c', c.Store, p); err != nil {
			return err
		}
		if err := errors.Join(setPlace(c.batch, 'c', c.Store, p), c.mended(c.batch)); err != nil {
			return err
		}
	}
	for _, b := range batches {
		for _, in := range t.inputs {
			if err := setPlace(b, 'i', in.Topic, in.reached()); err != nil {
				return err
			}
		}
		if t.ahead {
			if err := b.Delete(metaKey('b', "")); err != nil {
				return err
			}
		}
	}
	return nil
}

// reached is the place in the changelog up to which the commit has the rows; of a store without a changelog, that there
// was a commit.
func (c *Changelog) reached() Place {
	p := c.place
	p.Offset, p.At, p.Epoch = c.acked, c.task.set.now, max(c.seen, c.task.epoch)
	if c.spec.Options().NoChangelog {
		p.Offset = 0
	}
	return p
}

func (in *Input) reached() Place {
	return Place{Offset: in.position, Topic: in.topic, Epoch: in.epoch, Metadata: in.metadata}
}

func (p prepared) close() error {
	var errs []error
	for _, b := range p.batches {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}
