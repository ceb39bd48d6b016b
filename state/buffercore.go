package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// bufferCore is a buffer without its types. Rows lie under key, time and number, in segments of time; or under time,
// number and key.
type bufferCore struct {
	core
	segments rows.Segments
	numbers  *rows.Sequence
	byTime   bool
	row      []byte
}

// newBufferCore is the store without its rows, and the part of the environment that these are opened in.
func newBufferCore(env storage.Env, options storage.Options, byTime bool) (*bufferCore, rows.Env) {
	c, part := &bufferCore{numbers: rows.NewSequence(rows.Env(env)), byTime: byTime}, rows.Env(env)
	c.clock, c.timed, c.retention, c.more = rows.NewClock(), true, eventtime.Keep(options.Retention), c.numbers
	c.segments = rows.NewSegments(c.retention)
	return c, part.Part(rows.RowsPart)
}

// takes moves the time on to that of a record that is about to be put; false if that has expired.
func (c *bufferCore) takes(at int64) (bool, error) {
	if err := c.rows.Writable(); err != nil {
		return false, err
	}
	c.Observe(at)
	return at >= c.oldest(), nil
}

// next is the key of a row that is about to be put.
func (c *bufferCore) next(key []byte, at int64) ([]byte, error) {
	c.fronts[0].Wrote(at)
	n, err := c.numbers.Next()
	if err != nil {
		return nil, fmt.Errorf("state: store %s: %w", c.Name(), err)
	}
	return c.rowKey(key, at, n), nil
}

// rowKey makes the key of a row, in scratch of its own.
func (c *bufferCore) rowKey(key []byte, at int64, sequence uint32) []byte {
	b := append(c.row[:0], c.rows.Prefix()...)
	if c.byTime {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
		c.row = append(binary.BigEndian.AppendUint32(b, sequence), key...)
	} else {
		c.row = binary.BigEndian.AppendUint32(c.segments.Append(b, key, at), sequence)
	}
	return c.row
}

// from is the lower bound of the rows of a time and later ones.
func (c *bufferCore) from(at int64) []byte {
	if !c.byTime {
		return c.rows.Prefix()
	}
	return binary.BigEndian.AppendUint64(append(c.row[:0], c.rows.Prefix()...), uint64(at))
}

// parse splits a row's key.
func (c *bufferCore) parse(b []byte) (key []byte, at int64, sequence uint32) {
	return c.parseUser(c.user(b))
}

func (c *bufferCore) parseUser(b []byte) (key []byte, at int64, sequence uint32) {
	if c.byTime {
		return b[timeSize+rows.SequenceSize:], int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[timeSize:])
	}
	key, at, rest, _ := c.segments.Parse(b)
	return key, at, binary.BigEndian.Uint32(rest)
}

// fetch shows the rows of a key from one time to another, both included.
func (c *bufferCore) fetch(
	key []byte, from, to int64, show func(at *rows.At, time int64, n uint32) (bool, error),
) error {
	if from, to = max(from, c.oldest()), min(to, c.clock.Time()); from > to {
		return nil
	}
	walk := func(lower, upper []byte) (more bool, err error) {
		more = true
		err = c.rows.Each(lower, upper, false, func(at *rows.At) (_ bool, err error) {
			_, time, n := c.parse(at.Key)
			if time >= c.oldest() {
				more, err = show(at, time, n)
			}
			return more, err
		})
		return more, err
	}
	return c.segments.Bounds(c.rows.Prefix(), key, from, to, false, walk)
}

// until shows the rows up to a time, included, and remembers which of them were left where they are.
func (c *bufferCore) until(to int64, show func(at *rows.At) (bool, error)) error {
	front := &c.fronts[0]
	if to < front.First() {
		return nil
	}
	outer, next, whole := front.Begin(), int64(math.MaxInt64), true
	err := c.rows.Each(c.from(front.First()), c.rows.Upper(), false, func(at *rows.At) (_ bool, err error) {
		_, time, _ := c.parse(at.Key)
		if time > to {
			next = time
			return false, nil
		}
		key := at.Key
		if whole, err = show(at); err != nil {
			return false, err
		}
		_, _, left, err := c.rows.Get(key)
		if left {
			front.Wrote(time)
		}
		return whole, err
	})
	front.End(outer, next, whole && err == nil)
	return err
}

// Flush encodes what was written since the last commit, and removes what has expired.
func (c *bufferCore) Flush(b store.Batch, log rows.Changelog) error {
	err := c.rows.Flush(b, log, func(dst, key []byte) []byte {
		k, at, n := c.parseUser(key)
		dst = binary.BigEndian.AppendUint64(append(dst, k...), uint64(at))
		return binary.BigEndian.AppendUint32(dst, n)
	})
	if err == nil {
		err = c.numbers.Flush(b)
	}
	if err != nil {
		return err
	}
	if c.flushing = c.segments.Of(c.oldest()); c.byTime || c.flushing == c.removed {
		return nil
	}
	lower, upper := c.segments.Expired(c.rows.Prefix(), c.oldest())
	return c.rows.Expire(b, lower, upper)
}

// Restore enters a changelog record: key, time, sequence number.
func (c *bufferCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	row, sequence, err := c.logged(key)
	if err != nil {
		return err
	}
	if err := c.rows.Restore(b, row, value, timestamp); err != nil {
		return err
	}
	return c.numbers.Restore(b, sequence)
}

// logged makes the key of a row from that of its changelog record.
func (c *bufferCore) logged(key []byte) (row []byte, sequence uint32, err error) {
	n := len(key) - timeSize - rows.SequenceSize
	if n < 0 {
		return nil, 0, fmt.Errorf("state: store %s: %w: key of %d bytes", c.Name(), store.ErrMalformed, len(key))
	}
	at, sequence := int64(binary.BigEndian.Uint64(key[n:])), binary.BigEndian.Uint32(key[n+timeSize:])
	return c.rowKey(key[:n], at, sequence), sequence, nil
}

// Rewrite appends the row of a changelog key to the changelog once more.
func (c *bufferCore) Rewrite(log rows.Changelog, key []byte, timestamp int64) error {
	row, _, err := c.logged(key)
	if err != nil {
		return err
	}
	return c.rows.Rewrite(log, row, key, timestamp)
}
