package state

import (
	"encoding/binary"
	"math"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// keyValueCore is a key-value store without its types. The index is that of the rows by timestamp, where they are found
// by it.
type keyValueCore struct {
	core
	ttl     int64 // milliseconds; 0: rows live for ever
	tally   tally
	timeBuf []byte
}

// tally is a storage.Tally that is taken back with the rows.
type tally struct{ now, marked storage.Tally }

func (t *tally) Mark()      { t.marked = t.now }
func (t *tally) Undo()      { t.now = t.marked }
func (t *tally) Committed() {}
func (t *tally) Abort()     {} // who opens the store anew counts anew

// newKeyValueCore is the store without its rows, and the part of the environment that these are opened in.
//
//go:noinline
func newKeyValueCore(name string, env storage.Env, options storage.Options, byTime bool) (*keyValueCore, rows.Env) {
	c, part := &keyValueCore{ttl: options.TTL.Milliseconds()}, rows.Env(env)
	c.clock = rows.NewClock()
	if byTime || c.ttl > 0 {
		c.index, c.timed, c.more = rows.NewIndex(name, part), true, &c.tally
		part = part.Part(rows.RowsPart)
	}
	return c, part
}

// expired is the time of the youngest rows whose time to live is over.
func (c *keyValueCore) expired() int64 { return c.clock.Time() - c.ttl - 1 }

// waits is false if until has nothing to show.
func (c *keyValueCore) waits(last int64) bool { return c.index != nil && last >= c.fronts[0].First() }

// until shows the rows that are not younger than a time, oldest first.
func (c *keyValueCore) until(last int64, show func(key []byte, id int, at int64) (bool, error)) error {
	if !c.waits(last) {
		return nil
	}
	front := &c.fronts[0]
	outer, next, whole := front.Begin(), int64(math.MaxInt64), true
	err := c.index.From(c.timeKey(nil, front.First()), func(b []byte) (more bool, err error) {
		at := int64(binary.BigEndian.Uint64(b))
		if at > last {
			next = at
			return false, nil
		}
		whole, err = c.leave(b[timeSize:], at, show)
		return whole, err
	})
	front.End(outer, next, whole && err == nil)
	return err
}

// leave shows the row of an entry in the order of time, and remembers if it was left where it is. An entry whose row is
// another one by now is removed.
func (c *keyValueCore) leave(
	key []byte, at int64, show func(key []byte, id int, at int64) (bool, error),
) (more bool, err error) {
	c.buf = append(c.prefix(), key...)
	id, timestamp, ok, err := c.rows.Get(c.buf)
	if err != nil || !ok || timestamp != at {
		if err == nil {
			err = c.index.Delete(c.timeKey(key, at))
		}
		return true, err
	}
	if more, err = show(key, id, at); err != nil {
		return false, err
	}
	c.buf = append(c.prefix(), key...)
	if _, timestamp, ok, err = c.rows.Get(c.buf); ok && timestamp == at {
		c.fronts[0].Wrote(at)
	}
	return more, err
}

// reindex moves a row that is about to be written in the order of time.
func (c *keyValueCore) reindex(b []byte, timestamp int64, there bool) error {
	if c.index == nil {
		return nil
	}
	_, old, ok, err := c.rows.Get(b)
	if err != nil || ok && there && old == timestamp {
		return err
	}
	if ok {
		if err := c.index.Delete(c.timeKey(c.user(b), old)); err != nil {
			return err
		}
	}
	if !there {
		return nil
	}
	c.fronts[0].Wrote(timestamp)
	return c.index.Put(c.timeKey(c.user(b), timestamp))
}

func (c *keyValueCore) delete(b []byte, timestamp int64) error {
	if err := c.reindex(b, timestamp, false); err != nil {
		return err
	}
	return c.rows.Delete(b, timestamp)
}

// timeKey makes a key of the order of time, in scratch of its own.
func (c *keyValueCore) timeKey(key []byte, at int64) []byte {
	b := append(c.timeBuf[:0], c.index.Prefix()...)
	c.timeBuf = append(binary.BigEndian.AppendUint64(b, uint64(at)), key...)
	return c.timeBuf
}

// Flush encodes what was written since the last commit.
func (c *keyValueCore) Flush(b store.Batch, log rows.Changelog) error {
	if c.index != nil {
		if err := c.index.Flush(b); err != nil {
			return err
		}
	}
	return c.rows.Flush(b, log, func(dst, key []byte) []byte { return append(dst, key...) })
}

// Restore enters a changelog record. Where rows have a time to live, those of earlier records of the same key stay in
// the order of time: whoever walks it finds that the row is another one.
func (c *keyValueCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	c.buf = append(c.prefix(), key...)
	if c.index != nil && value != nil {
		if err := c.index.Restore(b, c.timeKey(key, timestamp), true); err != nil {
			return err
		}
	}
	return c.rows.Restore(b, c.buf, value, timestamp)
}

// Rewrite appends the row of a key to the changelog once more.
func (c *keyValueCore) Rewrite(log rows.Changelog, key []byte, timestamp int64) error {
	c.buf = append(c.prefix(), key...)
	return c.rows.Rewrite(log, c.buf, key, timestamp)
}
