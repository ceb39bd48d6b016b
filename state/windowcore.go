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

// windowCore is a window store without its types. Rows lie under start and key; where they are found by key, too, there
// is an index of these.
type windowCore struct {
	core
	byKey *rows.KeyIndex // nil unless declared
}

// newWindowCore is the store without its rows, and the part of the environment that these are opened in.
func newWindowCore(name string, env storage.Env, options storage.Options) (*windowCore, rows.Env) {
	c, part := &windowCore{}, rows.Env(env)
	c.clock, c.timed, c.retention = rows.NewClock(), true, eventtime.Keep(options.Retention)
	if options.ByKey {
		c.byKey = rows.NewKeyIndex(name, part, c.retention)
		c.index = &c.byKey.Index
		part = part.Part(rows.RowsPart)
	}
	return c, part
}

// keyOf is the user's part of a row's key.
func (c *windowCore) keyOf(b []byte) []byte { return c.user(b)[timeSize:] }

// takes moves the time on to the start of a window that is about to be put; false if that has expired, or is none.
func (c *windowCore) takes(start int64) (bool, error) {
	if start < 0 {
		return false, fmt.Errorf("state: store %s: window from %d: the start must be 0 or more", c.Name(), start)
	}
	if err := c.rows.Writable(); err != nil {
		return false, err
	}
	c.Observe(start)
	return start >= c.oldest(), nil
}

// put follows a row that was put.
func (c *windowCore) put(b []byte, start int64) error {
	if c.byKey == nil {
		return nil
	}
	return c.byKey.Add(c.keyOf(b), start, nil)
}

func (c *windowCore) delete(b []byte, start, timestamp int64) error {
	if err := c.rows.Delete(b, timestamp); err != nil || c.byKey == nil {
		return err
	}
	return c.byKey.Delete(c.keyOf(b), start, nil)
}

// fetch shows the rows of one key from one start to another, both included.
func (c *windowCore) fetch(
	key []byte, from, to int64, reverse bool, show func(id int, start, timestamp int64) (bool, error),
) error {
	from, to = max(from, c.oldest()), min(to, c.clock.Time())
	key = c.own(key)
	defer func() { c.spare = key }()
	row := func(start int64) (bool, error) {
		if start < c.oldest() {
			return true, nil
		}
		c.buf = append(c.atTime(start), key...)
		id, timestamp, ok, err := c.rows.Get(c.buf)
		if err != nil || !ok {
			return err == nil, err
		}
		return show(id, start, timestamp)
	}
	if c.byKey == nil {
		return c.leap(from, to, reverse, row)
	}
	return c.byKey.Find(key, from, to, reverse, func(start int64, _ []byte) (bool, error) { return row(start) })
}

// leap goes to the next row, of whatever key, and from there to where a key may have its next.
func (c *windowCore) leap(from, to int64, reverse bool, row func(start int64) (bool, error)) error {
	for from <= to {
		start, ok, err := c.nextStart(from, to, reverse)
		if err != nil || !ok {
			return err
		}
		more, err := row(start)
		if err != nil || !more || start == math.MaxInt64 && !reverse {
			return err
		}
		if reverse {
			to = start - 1
		} else {
			from = start + 1
		}
	}
	return nil
}

// nextStart is the next start at which any key has a row.
func (c *windowCore) nextStart(from, to int64, reverse bool) (start int64, ok bool, err error) {
	lower, upper := c.span(from, to)
	err = c.rows.Each(lower, upper, reverse, func(at *rows.At) (bool, error) {
		start, ok = c.timeOf(at.Key), true
		return false, nil
	})
	return start, ok, err
}

// Flush encodes what was written since the last commit, and removes what has expired.
func (c *windowCore) Flush(b store.Batch, log rows.Changelog) error {
	err := c.rows.Flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[timeSize:]...), key[:timeSize]...)
		return append(dst, 0, 0, 0, 0)
	})
	if err == nil && c.byKey != nil {
		err = c.byKey.Flush(b, c.oldest())
	}
	if err != nil {
		return err
	}
	return c.expire(b)
}

// Restore enters a changelog record: key, start, sequence number.
func (c *windowCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n, err := c.logged(key)
	if err != nil {
		return err
	}
	if err := c.rows.Restore(b, c.buf, value, timestamp); err != nil || c.byKey == nil {
		return err
	}
	return c.byKey.Restore(b, key[:n], int64(binary.BigEndian.Uint64(key[n:])), nil, value != nil)
}

// logged makes the key of a row, in the store's scratch, from that of its changelog record, of which n bytes are the
// user's.
func (c *windowCore) logged(key []byte) (n int, err error) {
	if n = len(key) - timeSize - rows.SequenceSize; n < 0 {
		return 0, fmt.Errorf("state: store %s: %w: key of %d bytes", c.Name(), store.ErrMalformed, len(key))
	}
	c.buf = append(append(c.prefix(), key[n:n+timeSize]...), key[:n]...)
	return n, nil
}

// Rewrite appends the row of a changelog key to the changelog once more.
func (c *windowCore) Rewrite(log rows.Changelog, key []byte, timestamp int64) error {
	if _, err := c.logged(key); err != nil {
		return err
	}
	return c.rows.Rewrite(log, c.buf, key, timestamp)
}
