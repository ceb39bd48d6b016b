package task

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/wire"
)

// A stale record was written by an owner that the group had given up. It is not taken, but it has replaced the record
// of its key before it: compaction removes that. So its key is written again, as the task has it, with the next commit.
// Until then the keys lie beside the rows.

// heads are the headers of a store's changelog records, which all records share.
type heads struct {
	first, other []graph.Header // of records that tell the format, and of the others
	// The same for a suppress's buffer, of records that are no deletes: Kafka Streams looks for the format.
	firstRow, otherRow []graph.Header
}

// enterEpoch has the records of the changelog tell an epoch; 0: none.
func (c *Changelog) enterEpoch(epoch int32) {
	var own []graph.Header
	if epoch > 0 {
		own = []graph.Header{{Key: wire.EpochHeader, Value: wire.AppendEpoch(nil, epoch)}}
	}
	c.heads = heads{first: append(own[:len(own):len(own)], c.formatHeaders()...), other: own}
	c.heads.firstRow = append([]graph.Header{wire.BufferHeader}, c.heads.first...)
	c.heads.otherRow = append([]graph.Header{wire.BufferHeader}, own...)
}

// isStale is true for a record that no reader may take. Records are asked for in the order of their offsets.
func (c *Changelog) isStale(r *graph.Raw) bool {
	return staleIn(c.task.fences, c.hash, &c.seen, epochOf(r), r.Offset)
}

// staleIn is true for a record of an epoch that a later one is known to have succeeded; seen is the latest one met.
func staleIn(fences []fence, store uint32, seen *int32, epoch int32, offset int64) bool {
	if epoch == 0 {
		return false
	}
	if epoch < *seen {
		return true
	}
	for _, f := range fences {
		if at, ok := f.offsets[store]; ok && epoch < f.epoch && offset >= at {
			return true
		}
	}
	*seen = epoch
	return false
}

// Epochs tells which records of a changelog partition no reader may take, to who reads it without a task.
type Epochs struct {
	store  uint32
	fences []fence
	seen   int32
}

// NewEpochs is for the changelog of a store. metadata is what was committed with the offsets of the task's inputs,
// those of other tasks must not be among them.
func NewEpochs(store string, metadata []string) *Epochs {
	e := &Epochs{store: storeHash(store)}
	for _, text := range metadata {
		for name, epoch := range graph.DecodeMetadata(text).Times {
			if f, ok := fenceNamed(name, epoch); ok {
				e.fences = append(e.fences, f)
			}
		}
	}
	return e
}

// Stale is true for a record that must not be taken, by its offset and the value of its EpochHeader, nil if it has
// none. Records are asked for in the order of their offsets.
func (e *Epochs) Stale(offset int64, epoch []byte) bool {
	return staleIn(e.fences, e.store, &e.seen, wire.Epoch(epoch), offset)
}

// IsFence is true for the name of a fence among the times of a commit.
func IsFence(name string) bool { return strings.HasPrefix(name, fenceKey) }

// BareFence is the name of a fence that covers nothing: with an epoch it has the next owner take a later one.
const BareFence = fenceKey

// OwnTime is the name under which the times of a commit have that of a store with windows; under the store's own name
// is up to where its results are out. OffsetTime is that of the offset that the commit was made with.
func OwnTime(store string) string { return ownKey + store }

// OffsetTime is the name of the offset that a commit was made with, among its times.
const OffsetTime = offsetKey

// staleKey is where a database has the timestamp of a stale record that is not mended yet.
func (c *Changelog) staleKey(key string) []byte { return metaKey('r', c.Store+"\x00"+key) }

// loadStale reads the keys of stale records that were found and not mended yet.
func (c *Changelog) loadStale() error {
	lower := c.staleKey("")
	it, err := c.db.engine.Scan(lower, metaKey('r', c.Store+"\x01"), false)
	if err != nil {
		return err
	}
	c.stale = map[string]int64{}
	for it.Next() {
		if v := it.Value(); len(v) == 8 {
			c.stale[string(it.Key()[len(lower):])] = int64(binary.BigEndian.Uint64(v))
		}
	}
	return it.Close()
}

// noteStale enters a stale record of a restore.
func (c *Changelog) noteStale(b store.Batch, r *graph.Raw) error {
	c.stale[string(r.Key)] = r.Timestamp
	return b.Set(c.staleKey(string(r.Key)), binary.BigEndian.AppendUint64(nil, uint64(r.Timestamp)))
}

// noteTaken enters a record of a restore that is taken: what was stale under its key is mended.
func (c *Changelog) noteTaken(b store.Batch, r *graph.Raw) error {
	if !c.mends(r) {
		return nil
	}
	delete(c.stale, string(r.Key))
	return b.Delete(c.staleKey(string(r.Key)))
}

// mends is true for a record behind a stale one whose place it takes: one of its key, and in a versioned store of its
// time, as there each record is a version.
func (c *Changelog) mends(r *graph.Raw) bool {
	if len(c.stale) == 0 {
		return false
	}
	at, ok := c.stale[string(r.Key)]
	return ok && (c.spec.Kind() != storage.KindVersioned || at == r.Timestamp)
}

// rewrite appends the rows of stale records to the changelog, as they are now.
func (c *Changelog) rewrite() error {
	for key, at := range c.stale {
		if err := c.store.Rewrite(c, []byte(key), at); errors.Is(err, store.ErrMalformed) {
			return &ChangelogError{Topic: c.Topic, Partition: c.Partition, Offset: c.checked, Err: err}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// mended enters that a commit has what was to be mended.
func (c *Changelog) mended(b store.Batch) error {
	for key := range c.stale {
		if err := b.Delete(c.staleKey(key)); err != nil {
			return err
		}
	}
	return nil
}

// Gap is a part of a changelog in which there is more than the present commit has written.
type Gap struct {
	Changelog *Changelog
	From, To  int64 // To is not part of it
}

// Gaps are the parts of changelogs that others have written to since the last commit. They are known
// once the records that went to emit are acknowledged. Each is to be read and given to Changelog.Find; then Mend writes
// what is to be written again, and there may be new ones.
func (s *Set) Gaps() (gaps []Gap) {
	for _, p := range s.prepared {
		for _, c := range p.task.changelogs {
			if c.acked = max(c.acked, c.tail); p.task.epoch > 0 && c.checked >= 0 && c.acked-c.sent != c.checked {
				gaps = append(gaps, Gap{Changelog: c, From: c.checked, To: c.acked})
			}
			c.checked, c.sent = c.acked, 0
		}
	}
	return gaps
}

// ErrSucceeded is the error of a task that another owner has gone on with.
var ErrSucceeded = errors.New("a later owner of the task has written to its changelog")

// Find looks through the records of a gap, in the order of their offsets, for those that former owners wrote behind the
// task's own. One of a later owner is ErrSucceeded.
func (c *Changelog) Find(records []graph.Raw) error {
	for i := range records {
		r := &records[i]
		if r.Control || r.Key == nil {
			continue
		}
		switch epoch := epochOf(r); {
		case epoch > c.task.epoch:
			return c.task.failed(ErrSucceeded)
		case epoch == c.task.epoch && c.mends(r):
			delete(c.stale, string(r.Key))
		case epoch == c.task.epoch:
		default:
			c.stale[string(r.Key)] = r.Timestamp
			c.found++
		}
	}
	return nil
}

// Tails shows the changelogs of running tasks, whose ends the worker looks at now and then.
func (s *Set) Tails(show func(c *Changelog)) {
	for _, t := range s.tasks {
		if t.running {
			for _, c := range t.logged() {
				show(c)
			}
		}
	}
}

// Ends tells where the changelog ended when that was asked; written is what From was then, as commits may have gone on
// since. Behind what the task has written others have, at least once, and the next commit mends it. It is told between
// commits. The error says that the log has lost records.
func (c *Changelog) Ends(end, written int64) error {
	if end < written {
		return c.endsEarly(end, written)
	}
	if c.short = 0; c.task.epoch == 0 || c.next < 0 || end <= c.next || c.tail == end {
		return nil
	}
	c.tail, c.task.times = end, nil // so that the commit has all offsets: the group refuses them if the task has gone
	c.task.touch()
	return nil
}

// Mend writes the rows again whose records Find has found, to emit.
func (s *Set) Mend(emit func(graph.Output)) error {
	for _, p := range s.prepared {
		for _, c := range p.task.changelogs {
			if c.found == 0 {
				continue
			}
			p.task.log.Warn("a former owner of the task has written to a changelog: its rows are written again",
				"store", c.Store, "records", c.found)
			c.found = 0
			if err := c.append(emit, c.rewrite); err != nil {
				return p.task.failed(err)
			}
		}
	}
	return nil
}
