package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/store"
)

// unmatchedCore is a store of unmatched records without its types. Rows lie under side, time and key; there is a front
// for each side.
type unmatchedCore struct {
	core
	ends [2][]byte // of the rows of each side
}

const (
	rightSide = 0
	leftSide  = 1
)

func sideOf(left bool) byte {
	if left {
		return leftSide
	}
	return rightSide
}

func (c *unmatchedCore) open(r *rows.Rows, handle any) {
	c.rows, c.handle, c.clock = r, handle, rows.NewClock()
	for n := range c.ends {
		c.ends[n] = rows.After(append(c.prefix(), byte(n)))
	}
}

// startOf is the lower bound of the rows of a side from a time on, in the store's scratch.
func (c *unmatchedCore) startOf(side byte, at int64) []byte {
	c.buf = binary.BigEndian.AppendUint64(append(c.prefix(), side), uint64(at))
	return c.buf
}

func (c *unmatchedCore) timeOf(b []byte) int64 { return int64(binary.BigEndian.Uint64(c.user(b)[1:])) }

// keyOf is the user's part of a row's key.
func (c *unmatchedCore) keyOf(b []byte) []byte { return c.user(b)[1+timeSize:] }

// waits is false if due has nothing to show.
func (c *unmatchedCore) waits(left, right int64) bool {
	return left > c.fronts[leftSide].First() || right > c.fronts[rightSide].First()
}

// due shows the left rows before one time and the right ones before another: by time, right before left.
func (c *unmatchedCore) due(left, right int64, show func(b []byte, id int, isLeft bool) (bool, error)) error {
	if !c.waits(left, right) {
		return nil
	}
	due := [2]int64{right, left}
	l, r := &c.fronts[leftSide], &c.fronts[rightSide]
	next := [2]int64{r.First(), l.First()}
	outerLeft, outerRight := l.Begin(), r.Begin()
	whole, err := c.merge(due, &next, show)
	l.End(outerLeft, next[leftSide], whole && err == nil)
	r.End(outerRight, next[rightSide], whole && err == nil)
	return err
}

// merge shows what is due of both sides. It is whole unless its reader breaks it off.
func (c *unmatchedCore) merge(
	due [2]int64, next *[2]int64, show func(b []byte, id int, isLeft bool) (bool, error),
) (whole bool, err error) {
	var walks, heads [2]rows.Walk
	defer func() {
		for _, walk := range walks {
			if walk == nil {
				continue
			}
			if failed := walk.Close(); failed != nil {
				err = errors.Join(err, failed)
			}
		}
	}()
	for n := range heads {
		if due[n] <= next[n] {
			continue
		}
		walks[n] = c.rows.Walk(c.startOf(byte(n), next[n]), c.ends[n], false)
		heads[n] = c.advance(walks[n], due[n], &next[n])
	}
	for {
		n := c.earlier(heads)
		if heads[n] == nil {
			return true, nil
		}
		if more, err := c.leave(heads[n].At().Key, n, show); err != nil || !more {
			return false, err
		}
		heads[n] = c.advance(heads[n], due[n], &next[n])
	}
}

// advance is the walk on its next due row. It is nil if there is none: then next is the time of the row behind.
func (c *unmatchedCore) advance(walk rows.Walk, due int64, next *int64) rows.Walk {
	*next = math.MaxInt64
	if !walk.Next() {
		return nil
	}
	if at := c.timeOf(walk.At().Key); at >= due {
		*next = at
		return nil
	}
	return walk
}

// earlier is the side whose row comes first.
func (c *unmatchedCore) earlier(heads [2]rows.Walk) int {
	l, r := heads[leftSide], heads[rightSide]
	if r == nil || l != nil && c.timeOf(l.At().Key) < c.timeOf(r.At().Key) {
		return leftSide
	}
	return rightSide
}

// leave shows a row, unless it has been removed since its walk found it, and remembers if it was left where it is.
func (c *unmatchedCore) leave(
	b []byte, n int, show func(b []byte, id int, isLeft bool) (bool, error),
) (more bool, err error) {
	id, _, ok, err := c.rows.Get(b)
	if err != nil || !ok {
		return true, err
	}
	if more, err = show(b, id, n == leftSide); err != nil {
		return false, err
	}
	_, _, left, err := c.rows.Get(b)
	if left {
		c.fronts[n].Wrote(c.timeOf(b))
	}
	return more, err
}

// otherSide is the error of a row that has records of the other side than its key.
func (c *unmatchedCore) otherSide(b []byte) error {
	return fmt.Errorf("state: store %s: %w: row %x has records of the other side", c.Name(), store.ErrCorrupt, b)
}

// Flush encodes what was written since the last commit.
func (c *unmatchedCore) Flush(b store.Batch, log rows.Changelog) error {
	return c.rows.Flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[1:1+timeSize]...), key[0])
		return append(dst, key[1+timeSize:]...)
	})
}

// Restore enters a changelog record: time, side, key.
func (c *unmatchedCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	if err := c.logged(key); err != nil {
		return err
	}
	return c.rows.Restore(b, c.buf, value, timestamp)
}

// logged makes the key of a row, in the store's scratch, from that of its changelog record.
func (c *unmatchedCore) logged(key []byte) error {
	if len(key) < timeSize+1 || key[timeSize] > leftSide {
		return fmt.Errorf("state: store %s: %w: key %x", c.Name(), store.ErrMalformed, key)
	}
	c.buf = append(append(c.prefix(), key[timeSize]), key[:timeSize]...)
	c.buf = append(c.buf, key[timeSize+1:]...)
	return nil
}

// Rewrite appends the row of a changelog key to the changelog once more.
func (c *unmatchedCore) Rewrite(log rows.Changelog, key []byte, timestamp int64) error {
	if err := c.logged(key); err != nil {
		return err
	}
	return c.rows.Rewrite(log, c.buf, key, timestamp)
}
