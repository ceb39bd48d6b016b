package rows

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// Changelog takes the changelog records of a commit.
type Changelog interface {
	// Room is an empty slice to append to; Keep takes what was appended.
	Room() []byte
	Keep(b []byte) []byte
	// Append adds a record to the changelog. The slices must have been kept. A nil value is a delete.
	Append(key, value []byte, timestamp int64)
}

// Mark makes the present state the one that Undo returns to.
func (r *Rows) Mark() {
	if len(r.undo) > 0 {
		r.undo = r.undo[:0]
		r.column.Forget()
	}
	r.watch.mark()
	r.markDirty, r.markBytes = len(r.dirty), r.dirtyBytes
}

// Undo takes back every write since Mark.
func (r *Rows) Undo() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		u := &r.undo[i]
		e := r.young.entry(u.id)
		wasThere, wasDirty := e.there, e.dirty
		r.column.Back(u.id)
		e.timestamp, e.there, e.dirty = u.timestamp, u.there, u.dirty
		if r.order != nil {
			r.reorder(u.id, wasThere, wasDirty)
		}
	}
	r.dirty, r.dirtyBytes = r.dirty[:r.markDirty], r.markBytes
	r.watch.takeBack()
	r.Mark()
}

// Dirty is the number of bytes that the next commit has to write, roughly.
func (r *Rows) Dirty() int64 { return r.dirtyBytes }

// Owe adds what a commit writes in addition, for a value beside a key of a size.
func (r *Rows) Owe(key int) { r.dirtyBytes += int64(key) + r.sizes.average() }

// Flush encodes the dirty rows, once for both places. logKey turns the part of a row's key behind the prefix into the
// key of its changelog record.
func (r *Rows) Flush(b store.Batch, log Changelog, logKey func(dst, key []byte) []byte) error {
	for id := range r.watch.usedIDs() {
		if err := r.unchanged(id); err != nil {
			return err
		}
	}
	for _, id := range r.dirty {
		e, key := r.young.entry(id), r.young.key(id)
		k := log.Keep(logKey(log.Room(), key[len(r.prefix):]))
		if !e.there {
			if err := b.Delete(key); err != nil {
				return fmt.Errorf("state: store %s: %w", r.name, err)
			}
			log.Append(k, nil, e.timestamp)
			continue
		}
		row, err := r.encode(log.Room(), id)
		if err != nil {
			return err
		}
		row = log.Keep(row)
		if err := b.Set(key, row); err != nil {
			return fmt.Errorf("state: store %s: %w", r.name, err)
		}
		r.sizes.saw(len(row))
		log.Append(k, row[timestampSize:], e.timestamp)
	}
	return nil
}

// Rewrite appends the row of a key to the changelog once more, as it is: under logKey, with a timestamp in milliseconds
// if it is a delete because there is no row.
func (r *Rows) Rewrite(log Changelog, key, logKey []byte, timestamp int64) error {
	logKey = log.Keep(append(log.Room(), logKey...))
	value, at, ok, err := r.Encoded(append(log.Room(), 0)[:0], key) // not nil if it is empty
	switch {
	case err != nil:
		return err
	case ok:
		log.Append(logKey, log.Keep(value), at)
	default:
		log.Append(logKey, nil, timestamp)
	}
	return nil
}

// Encoded appends the value of a row to dst; ok is false if there is no row.
func (r *Rows) Encoded(dst, key []byte) (value []byte, timestamp int64, ok bool, err error) {
	id, timestamp, ok, err := r.Get(key)
	if err != nil || !ok {
		return dst, 0, false, err
	}
	if value, err = r.column.Append(dst, id); err != nil {
		return dst, 0, false, r.Unencodable(key, err)
	}
	return value, timestamp, true, nil
}

// Expire removes the rows with lower <= key < upper, the lowest there are, from memory and from the database.
func (r *Rows) Expire(b store.Batch, lower, upper []byte) error {
	r.expire(upper)
	return b.DeleteRange(lower, upper)
}

// Committed tells that the batch is in the database: what was flushed may leave memory.
func (r *Rows) Committed() {
	for _, id := range r.dirty {
		r.young.entry(id).dirty = false
	}
	r.clean()
	r.charge()
}

// Abort forgets both generations: what is in memory may be uncommitted, or stem from a read that followed it.
func (r *Rows) Abort() {
	r.young, r.old, r.order = &table{}, &table{}, nil
	r.column.Age()
	r.column.DropOld()
	r.watch.reset()
	r.complete, r.filled = r.isEmpty(), false
	r.clean()
	r.charge()
}

func (r *Rows) clean() {
	r.dirty, r.dirtyBytes, r.markDirty, r.markBytes = r.dirty[:0], 0, 0, 0
	if r.order != nil && !r.order.isWhole() {
		r.order = nil
	}
	r.watch.committed()
	r.undo = r.undo[:0]
	r.column.Forget()
}
