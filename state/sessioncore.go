package state

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// sessionCore is a session store without its types. Rows lie under end, key and start, and are found by key and end.
type sessionCore struct {
	core
	byKey *rows.KeyIndex
}

// newSessionCore is the store without its rows, and the part of the environment that these are opened in.
func newSessionCore(name string, env storage.Env, options storage.Options) (*sessionCore, rows.Env) {
	c, part := &sessionCore{}, rows.Env(env)
	c.clock, c.timed, c.retention = rows.NewClock(), true, eventtime.Keep(options.Retention)
	c.byKey = rows.NewKeyIndex(name, part, c.retention)
	c.index = &c.byKey.Index
	return c, part.Part(rows.RowsPart)
}

// appendStart ends the key of a row, which is in the store's scratch.
func (c *sessionCore) appendStart(b []byte, start int64) []byte {
	c.buf = binary.BigEndian.AppendUint64(b, uint64(start))
	return c.buf
}

// split is the user's part of a row's key, and the start of its session.
func (c *sessionCore) split(b []byte) (key []byte, start int64) {
	key, rest := c.parts(b)
	return key, int64(binary.BigEndian.Uint64(rest))
}

func (c *sessionCore) parts(b []byte) (key, start []byte) {
	b = c.user(b)[timeSize:]
	return b[:len(b)-timeSize], b[len(b)-timeSize:]
}

// takes moves the time on to the end of a session that is about to be put; false if that has expired, or is none.
func (c *sessionCore) takes(start, end int64) (bool, error) {
	if start < 0 || end < start {
		return false, fmt.Errorf("state: store %s: session from %d to %d: the start must be 0 or more, and not after "+
			"the end", c.Name(), start, end)
	}
	if err := c.rows.Writable(); err != nil {
		return false, err
	}
	c.Observe(end)
	return end >= c.oldest(), nil
}

// put follows a row that was put.
func (c *sessionCore) put(b []byte, end int64) error {
	key, start := c.parts(b)
	return c.byKey.Add(key, end, start)
}

func (c *sessionCore) delete(b []byte, end, timestamp int64) error {
	if err := c.rows.Delete(b, timestamp); err != nil {
		return err
	}
	key, start := c.parts(b)
	return c.byKey.Delete(key, end, start)
}

// find shows the sessions of the key of a row that end at or after from and start at or before to.
func (c *sessionCore) find(
	b []byte, from, to int64, reverse bool, show func(id int, start, end, timestamp int64) (bool, error),
) error {
	key, _ := c.parts(b)
	key = c.own(key)
	defer func() { c.spare = key }()
	from = max(from, c.oldest())
	return c.byKey.Find(key, from, c.clock.Time(), reverse, func(end int64, rest []byte) (bool, error) {
		start := int64(binary.BigEndian.Uint64(rest))
		if start > to || end < c.oldest() {
			return true, nil
		}
		id, timestamp, ok, err := c.rows.Get(c.appendStart(append(c.atTime(end), key...), start))
		if err != nil || !ok {
			return err == nil, err
		}
		return show(id, start, end, timestamp)
	})
}

// Flush encodes what was written since the last commit, and removes what has expired.
func (c *sessionCore) Flush(b store.Batch, log rows.Changelog) error {
	err := c.rows.Flush(b, log, func(dst, key []byte) []byte {
		n := len(key) - timeSize
		dst = append(append(dst, key[timeSize:n]...), key[:timeSize]...)
		return append(dst, key[n:]...)
	})
	if err == nil {
		err = c.byKey.Flush(b, c.oldest())
	}
	if err != nil {
		return err
	}
	return c.expire(b)
}

// Restore enters a changelog record: key, end, start.
func (c *sessionCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n, err := c.logged(key)
	if err != nil {
		return err
	}
	end, start := key[n:n+timeSize], key[n+timeSize:]
	if err := c.rows.Restore(b, c.buf, value, timestamp); err != nil {
		return err
	}
	return c.byKey.Restore(b, key[:n], int64(binary.BigEndian.Uint64(end)), start, value != nil)
}

// logged makes the key of a row, in the store's scratch, from that of its changelog record, of which n bytes are the
// user's.
func (c *sessionCore) logged(key []byte) (n int, err error) {
	if n = len(key) - 2*timeSize; n < 0 {
		return 0, fmt.Errorf("state: store %s: %w: key of %d bytes", c.Name(), store.ErrMalformed, len(key))
	}
	c.buf = append(append(c.prefix(), key[n:n+timeSize]...), key[:n]...)
	c.buf = append(c.buf, key[n+timeSize:]...)
	return n, nil
}

// Rewrite appends the row of a changelog key to the changelog once more.
func (c *sessionCore) Rewrite(log rows.Changelog, key []byte, timestamp int64) error {
	if _, err := c.logged(key); err != nil {
		return err
	}
	return c.rows.Rewrite(log, c.buf, key, timestamp)
}
