package task

import (
	"encoding/binary"
	"errors"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// A stale record was written by an owner that the group had given up. It is not taken, but it has replaced the record
// of its key before it: compaction removes that. So its key is written again, as the task has it, with the next commit.
// Until then the keys lie beside the rows.

// heads are the headers of a store's changelog records, which all records share.
type heads struct {
	first, other []topology.Header // of records that tell the format, and of the others
	// The same for a suppress's buffer, of records that are no deletes: Kafka Streams looks for the format.
	firstRow, otherRow []topology.Header
}

// enterEpoch has the records of the changelog tell an epoch; 0: none.
func (c *Changelog) enterEpoch(epoch int32) {
	format := topology.Header{Key: wire.FormatHeader, Value: []byte(c.spec.Format())}
	var own []topology.Header
	if epoch > 0 {
		own = []topology.Header{{Key: wire.EpochHeader, Value: wire.AppendEpoch(nil, epoch)}}
	}
	c.heads = heads{first: append(own[:len(own):len(own)], format), other: own}
	c.heads.firstRow = append([]topology.Header{wire.BufferHeader}, c.heads.first...)
	c.heads.otherRow = append([]topology.Header{wire.BufferHeader}, own...)
}

// isStale is true for a record that no reader may take. Records are asked for in the order of their offsets.
func (c *Changelog) isStale(r *topology.Raw) bool {
	epoch := epochOf(r)
	if epoch == 0 {
		return false
	}
	if epoch < c.seen {
		return true
	}
	for _, f := range c.task.fences {
		if at, ok := f.offsets[c.hash]; ok && epoch < f.epoch && r.Offset >= at {
			return true
		}
	}
	c.seen = epoch
	return false
}

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
func (c *Changelog) noteStale(b store.Batch, r *topology.Raw) error {
	c.stale[string(r.Key)] = r.Timestamp
	return b.Set(c.staleKey(string(r.Key)), binary.BigEndian.AppendUint64(nil, uint64(r.Timestamp)))
}

// noteTaken enters a record of a restore that is taken: what was stale under its key is mended.
func (c *Changelog) noteTaken(b store.Batch, r *topology.Raw) error {
	if !c.mends(r) {
		return nil
	}
	delete(c.stale, string(r.Key))
	return b.Delete(c.staleKey(string(r.Key)))
}

// mends is true for a record behind a stale one whose place it takes: one of its key, and in a versioned store of its
// time, as there each record is a version.
func (c *Changelog) mends(r *topology.Raw) bool {
	if len(c.stale) == 0 {
		return false
	}
	at, ok := c.stale[string(r.Key)]
	return ok && (c.spec.Kind() != state.KindVersioned || at == r.Timestamp)
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
func (c *Changelog) Find(records []topology.Raw) error {
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

// Tails shows the changelogs to which running tasks write, whose ends the worker looks at now and then.
func (s *Set) Tails(show func(c *Changelog)) {
	for _, t := range s.tasks {
		if t.running && t.epoch > 0 {
			for _, c := range t.logged() {
				show(c)
			}
		}
	}
}

// Ends tells where the changelog ends: behind what the task has written others have, and the next commit mends it. It
// is told between commits.
func (c *Changelog) Ends(end int64) {
	if c.next < 0 || end <= c.next || c.tail == end {
		return
	}
	c.tail, c.task.times = end, nil // so that the commit has all offsets: the group refuses them if the task has gone
	c.task.touch()
}

// Mend writes the rows again whose records Find has found, to emit.
func (s *Set) Mend(emit func(topology.Output)) error {
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
