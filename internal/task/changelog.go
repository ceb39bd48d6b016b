package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// Changelog is the changelog of one store of a task: where its rows come from after a loss, and where the commits go.
type Changelog struct {
	Store     string
	Topic     string
	Partition int32

	task  *Task
	spec  storage.Spec
	store storage.Store
	db    database
	// What the rows' keys begin with, how many bytes they took at the last look, and when that was.
	prefix  []byte
	bytes   int64
	sizedAt int64
	place   Place // of the last commit that the directory knows of, or of the restore under way
	// inMemory is the place of rows in memory: they outlive their task, as long as the process lives.
	inMemory Place
	next     int64  // offset up to which the rows in the database are complete; -1 unknown
	acked    int64  // the same, once the present commit is done
	ack      int64  // offset of the last record of the present commit; -1: none was told
	short    int    // looks at the end of the log, in a row, that have found it in front of the rows
	windows  string // whose rows these are, see windows.go; empty: nothing is known
	led      Led    // what is known of the leaders of the log
	cut      string // how the log lost records while a task of this directory ran; empty: it did not
	told     bool   // that rows are lost, as accepted

	heads   heads
	hash    uint32           // of the store's name
	seen    int32            // the latest epoch of the rows, 0: none
	stale   map[string]int64 // keys of stale records that are not mended yet, with the timestamps of these
	checked int64            // offset up to which the present commit has looked for stale records; -1 unknown
	tail    int64            // end of the log, where that was found behind what the task has written
	found   int              // stale records since then
	sent    int64            // records of the present commit since then

	batch store.Batch        // of the present commit
	emit  func(graph.Output) // takes the records of the present commit
	last  graph.Output
	any   bool
	value bool // one of the records had a value
}

// ChangelogError is a record in a changelog that the store cannot have written. Each restore would meet it again: give
// the store a new name if it was of another kind before, or find out which program writes to the topic, mend the topic,
// or start anew under another application id.
type ChangelogError struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

func (e *ChangelogError) Error() string {
	return fmt.Sprintf("changelog %s/%d offset %d: %v: the store was of another kind, or another program writes to the "+
		"topic: give the store a new name, mend the topic, or start anew under another application id",
		e.Topic, e.Partition, e.Offset, e.Err)
}

func (e *ChangelogError) Unwrap() error { return e.Err }

// From is the offset at which a restore must start, -1: at the start of the log.
func (c *Changelog) From() int64 { return c.next }

// Restore enters changelog records, in the order of their offsets. next is the offset behind them, markers included; it
// is stored with the rows, so that a restore that is broken off goes on from there.
func (c *Changelog) Restore(records []graph.Raw, next int64) error {
	if err := c.sameFormat(records); err != nil {
		return c.task.failed(err)
	}
	place := *c.rowsAt()
	place.Offset = next
	ahead, seen, led := c.task.ahead, c.seen, c.led
	err := c.db.write(func(b store.Batch) (err error) {
		for i := range records {
			r := &records[i]
			if r.Control || r.Key == nil {
				continue
			}
			if c.isStale(r) {
				if err := c.noteStale(b, r); err != nil {
					return err
				}
				continue
			}
			if err := c.noteTaken(b, r); err != nil {
				return err
			}
			ahead = ahead || r.Offset >= c.place.Offset
			if err := c.store.Restore(b, r.Key, r.Value, c.timestamp(r)); errors.Is(err, store.ErrMalformed) {
				return &ChangelogError{Topic: c.Topic, Partition: c.Partition, Offset: r.Offset, Err: err}
			} else if err != nil {
				return err
			}
		}
		if ahead && !c.task.ahead {
			if err := b.Set(metaKey('b', ""), nil); err != nil {
				return err
			}
		}
		if led, err = c.ledBy(b, records, next); err != nil {
			return err
		}
		place.Epoch = c.seen
		return setPlace(b, 'c', c.Store, place)
	})
	if err != nil {
		c.seen = seen // the records may come again
		return c.task.failed(fmt.Errorf("restore of store %s from %s/%d: %w", c.Store, c.Topic, c.Partition, err))
	}
	c.next, c.led, c.task.ahead = next, led, ahead
	*c.rowsAt() = place
	return nil
}

// Restored ends a restore that has come to the end of the log as it was at a wall-clock time in milliseconds: what the
// log forgets from then on, the rows have.
func (c *Changelog) Restored(at int64) error {
	place := c.rowsAt()
	place.At = at
	err := c.db.write(func(b store.Batch) error { return setPlace(b, 'c', c.Store, *place) })
	return c.task.failed(err)
}

// rowsAt is the place of the rows that the store has.
func (c *Changelog) rowsAt() *Place {
	if c.spec.Options().InMemory {
		return &c.inMemory
	}
	return &c.place
}

// timestamp is that of the row that a record holds. In a suppress's buffer it is when the row began to wait, which
// Kafka Streams writes behind the value and not as the record's.
func (c *Changelog) timestamp(r *graph.Raw) int64 {
	if n := len(r.Value) - 8; c.spec.Kind() == storage.KindSuppress && n >= 0 {
		return int64(binary.BigEndian.Uint64(r.Value[n:]))
	}
	return r.Timestamp
}

// Expires is true if the broker deletes old records of the changelog by time. The rows of a store whose offset has been
// deleted from such a log are still good: replay goes on from the start of the log on top of them.
func (c *Changelog) Expires() bool { return storage.Expires(c.spec) }

// Prefix is what the keys of the store's rows begin with in its database.
func (c *Changelog) Prefix() []byte { return c.prefix }

// sameFormat is an error if records come from a store of the same name in another format. Some records of each commit
// tell it, see tellsFormat; where those are gone, or Kafka Streams wrote the changelog, nothing is known.
func (c *Changelog) sameFormat(records []graph.Raw) error {
	for i := range records {
		for _, h := range records[i].Headers {
			if err := c.checkHeader(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// Retention is how long a window store keeps its rows, 0 for other stores, and the stream time that it has seen.
func (c *Changelog) Retention() (keep time.Duration, streamTime int64) {
	streamTime, _ = c.store.Time()
	return c.spec.Options().Retention, streamTime
}

// Room and Keep lend the store the task's outbox memory.
func (c *Changelog) Room() []byte         { return c.task.box.Room() }
func (c *Changelog) Keep(b []byte) []byte { return c.task.box.Keep(b) }

// Append sends a record of the present commit. One record is held back, so that the last one can ask for its offset.
func (c *Changelog) Append(key, value []byte, timestamp int64) {
	if c.spec.Options().NoChangelog {
		return
	}
	head := c.tellsFormat(value)
	if c.any {
		c.emit(c.last)
	}
	c.any, c.value = true, c.value || value != nil
	c.last = graph.Output{
		Topic: c.Topic, Partition: c.Partition, Key: key, Value: value, Timestamp: max(timestamp, 0),
		HeadersShared: true,
	}
	c.sent++
	suppress := value != nil && c.spec.Kind() == storage.KindSuppress
	switch {
	case head && suppress:
		c.last.Headers = c.heads.firstRow
	case head:
		c.last.Headers = c.heads.first
	case suppress:
		c.last.Headers = c.heads.otherRow
	default:
		c.last.Headers = c.heads.other
	}
}

// tellsFormat is true for the records of a commit that tell the format: the first one, and the first with a value, as
// compaction removes deletes in time.
func (c *Changelog) tellsFormat(value []byte) bool { return !c.any || value != nil && !c.value }

// flush encodes what the store has for the present commit.
func (c *Changelog) flush(emit func(graph.Output)) error {
	c.sent, c.found, c.acked, c.checked, c.ack = 0, 0, c.next, c.next, -1
	return c.append(emit, func() error {
		if err := flush(c.store, c.batch, c); err != nil || len(c.stale) == 0 {
			return err
		}
		return c.rewrite()
	})
}

// append gives emit the records that write appends.
func (c *Changelog) append(emit func(graph.Output), write func() error) error {
	c.emit, c.any, c.value = emit, false, false
	err := write()
	if c.any && err == nil {
		c.last.Ack = func(offset int64) { c.acked, c.ack = offset+1, offset }
		emit(c.last)
	}
	c.emit, c.last = nil, graph.Output{}
	return err
}

// flush shields the task from panics in serdes. Like their errors they are met again by the record that puts the value,
// once that is encoded at once.
func flush(s storage.Store, b store.Batch, log rows.Changelog) error {
	err := Shielded(func() error { return s.Flush(b, log) })
	var panicked *PanicError
	if errors.As(err, &panicked) {
		return fmt.Errorf("state: store %s: %w: %w", s.Name(), state.ErrEncode, err)
	}
	return err
}
