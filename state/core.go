package state

import (
	"encoding/binary"
	"math"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/store"
)

// core is an open store of any kind as its task sees it: what it keeps, and how that is taken back, committed and
// dropped, the same for all kinds. What a kind adds is Flush and Restore, the order of its rows, and what more it must
// keep. It knows no types: a processor has a handle, which encodes keys and reads and writes the column.
type core struct {
	rows   *rows.Rows
	index  *rows.Index // a second order of the rows; nil if there is none
	clock  rows.Clock
	timed  bool          // the clock is kept
	fronts [2]rows.Front // the first one, but for unmatched records
	more   remembering   // what else the kind keeps; nil if nothing
	handle any

	retention int64 // milliseconds
	widened   int64 // milliseconds by which rows are shown for longer, see Widen
	removed   int64 // rows of a lower time, or segment, have been removed from the database
	flushing  int64 // what removed will be once the flush is committed
	buf       []byte
	spare     []byte // for own; nil while a walk has it
}

// remembering is what a kind of store keeps beside rows, index, time and fronts.
type remembering interface {
	Mark()
	Undo()
	Committed()
	Abort()
}

// Name is the name of the store.
func (c *core) Name() string { return c.rows.Name() }

// Handle is the store as processors know it, with its types.
func (c *core) Handle() any { return c.handle }

// Mark makes the present state the one that Undo returns to.
func (c *core) Mark() {
	c.rows.Mark()
	c.clock.Mark()
	for n := range c.fronts {
		c.fronts[n].Mark()
	}
	if c.index != nil {
		c.index.Mark()
	}
	if c.more != nil {
		c.more.Mark()
	}
}

// Undo takes back every write since Mark.
func (c *core) Undo() {
	c.rows.Undo()
	c.clock.Undo()
	for n := range c.fronts {
		c.fronts[n].Undo()
	}
	if c.index != nil {
		c.index.Undo()
	}
	if c.more != nil {
		c.more.Undo()
	}
}

// Dirty is the number of bytes that the next commit has to write, roughly.
func (c *core) Dirty() int64 { return c.rows.Dirty() }

// Cached is how many rows are kept decoded, and how many bytes they take.
func (c *core) Cached() (rows int, bytes int64) { return c.rows.Cached() }

// Committed tells that the batch is in the database.
func (c *core) Committed() {
	c.removed = c.flushing
	c.rows.Committed()
	if c.index != nil {
		c.index.Committed()
	}
	if c.more != nil {
		c.more.Committed()
	}
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (c *core) Abort() {
	c.rows.Abort()
	c.clock, c.fronts = rows.NewClock(), [2]rows.Front{}
	if c.index != nil {
		c.index.Abort()
	}
	if c.more != nil {
		c.more.Abort()
	}
}

// Observe moves the store's stream time on; an earlier time changes nothing.
func (c *core) Observe(streamTime int64) { c.clock.Observe(streamTime) }

// Time is the highest time that the store has seen; ok is false if it keeps none.
func (c *core) Time() (int64, bool) { return c.clock.Time(), c.timed }

// SetTime gives the store the time that was committed.
func (c *core) SetTime(streamTime int64) { c.clock.SetTime(streamTime) }

// Silence is for processors that move the time on while no record comes.
func (c *core) Silence() *rows.Silence { return c.clock.Silence() }

// oldest is the lowest time that has not expired.
func (c *core) oldest() int64 { return max(0, c.clock.Time()-c.retention-c.widened) }

// Widen shows rows for so many milliseconds more, in a store of a query over several tasks, of which some are behind in
// time. It gives the lowest time that has not expired in a task whose stream time is known.
func (c *core) Widen(by int64) (oldest func(time int64) int64) {
	c.widened = by
	return func(time int64) int64 { return max(0, time-c.retention) }
}

// prefix begins a key in the store's scratch.
func (c *core) prefix() []byte { return append(c.buf[:0], c.rows.Prefix()...) }

// user is a row's key without the prefix.
func (c *core) user(key []byte) []byte { return key[len(c.rows.Prefix()):] }

// own is a copy of a key that lives through a walk; give it back behind that.
func (c *core) own(key []byte) []byte {
	b := append(c.spare[:0], key...)
	c.spare = nil
	return b
}

const (
	timeSize   = 8
	lengthSize = 4
)

// The rest is for stores whose keys begin with a time.

// atTime begins the key of a row of a time, in the store's scratch.
func (c *core) atTime(at int64) []byte { return binary.BigEndian.AppendUint64(c.prefix(), uint64(at)) }

// timeKey is the key at which the rows of a time begin.
func (c *core) timeKey(at int64) []byte {
	b := append(make([]byte, 0, len(c.rows.Prefix())+timeSize), c.rows.Prefix()...)
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

// timeOf is the time of a row.
func (c *core) timeOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(c.user(key))) }

// sweep shows the rows from one time to another, both included, that have not expired, and remembers where the next one
// is.
func (c *core) sweep(from, to int64, show func(at *rows.At) (bool, error)) error {
	front := &c.fronts[0]
	if to < front.First() {
		return nil
	}
	outer, next, whole := front.Begin(), int64(math.MaxInt64), true
	c.buf = c.atTime(max(from, front.First(), c.oldest()))
	err := c.rows.Each(c.buf, c.rows.Upper(), false, func(at *rows.At) (_ bool, err error) {
		switch time := c.timeOf(at.Key); {
		case time > to:
			next = time
			return false, nil
		case time >= c.oldest():
			whole, err = show(at)
		}
		return whole, err
	})
	front.End(outer, next, whole && err == nil)
	return err
}

// between shows the rows from one time to another, both included, that have not expired.
func (c *core) between(from, to int64, reverse bool, show func(at *rows.At) (bool, error)) error {
	lower, upper := c.span(from, to)
	return c.rows.Each(lower, upper, reverse, func(at *rows.At) (bool, error) {
		if c.timeOf(at.Key) < c.oldest() {
			return true, nil
		}
		return show(at)
	})
}

// span are the bounds of the rows from one time to another, both included, that have not expired.
func (c *core) span(from, to int64) (lower, upper []byte) {
	lower = c.timeKey(max(from, c.oldest()))
	if to < max(from, 0) {
		return lower, lower
	}
	return lower, rows.After(c.timeKey(to))
}

// expire removes what has expired from the database, once that is worth a range deletion.
func (c *core) expire(b store.Batch) error {
	if c.flushing = c.removed; c.oldest()-c.removed <= c.retention/8 {
		return nil
	}
	c.flushing = c.oldest()
	return c.rows.Expire(b, c.timeKey(0), c.timeKey(c.flushing))
}
