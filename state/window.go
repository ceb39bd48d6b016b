package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// Window declares a window store.
type Window[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
}

// NewWindow declares a window store: rows under a key and the start of a window. The name is that of its changelog
// topic, <application>-<name>-changelog, and must not change as long as the state matters. Changelog records have the
// bytes of Kafka Streams' window stores: key, start (int64), sequence number 0 (int32); the plain value; the row's
// timestamp.
//
// A windowed aggregation keeps its windows for their size and grace period. Retain keeps them longer, for queries; a
// processor that uses a window store by itself must say how long.
func NewWindow[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Window[K, V] {
	return Window[K, V]{name: name, key: key, value: value}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Window[K, V]) InMemory() Window[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task.
func (s Window[K, V]) NoChangelog() Window[K, V] {
	s.options.NoChangelog = true
	return s
}

// Retain is the same store keeping windows until stream time has passed their start by d.
func (s Window[K, V]) Retain(d time.Duration) Window[K, V] {
	s.options.Retention = d
	return s
}

// In is the open store within a processor, or within a test.
func (s Window[K, V]) In(stores Stores) *WindowStore[K, V] {
	return in[*WindowStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s Window[K, V]) Name() string { return s.name }

// Kind is KindWindow.
func (s Window[K, V]) Kind() Kind { return KindWindow }

// Format names kind and serdes.
func (s Window[K, V]) Format() string { return format(KindWindow, s.key, s.value) }

// Options are the settings of the declaration.
func (s Window[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Window[K, V]) Err() error {
	if s.options.Retention < time.Millisecond {
		return errors.Join(checkSerdes(s.key, s.value), errors.New("needs a retention: add Retain"))
	}
	return checkSerdes(s.key, s.value)
}

// Open makes the store for one task.
func (s Window[K, V]) Open(env Env) Store {
	return &WindowStore[K, V]{
		rows: newRows(s.name, env, s.value), keys: s.key, retention: s.options.Retention.Milliseconds(), time: -1,
	}
}

// WindowRow is a row of a window store.
type WindowRow[K, V any] struct {
	Key       K
	Start     int64 // of the window, milliseconds
	Value     V
	Timestamp int64 // milliseconds
}

// WindowStore is an open window store of one task. It is used by that task's goroutine only.
//
// Rows lie in the order of time: start first, then key. So windows that close together are neighbours, and what has
// expired is removed by a single range deletion. A row has expired when stream time has passed its start by more than
// the retention; from then on no read shows it, whether or not it has been removed.
type WindowStore[K, V any] struct {
	*rows[V]
	keys      serde.Serde[K]
	retention int64
	time      int64 // stream time seen, -1 before the first
	markTime  int64
	removed   int64 // rows with a lower start have been removed from the database
	flushing  int64 // what removed will be once the flush is committed
	buf       []byte
}

const startSize = 8

// Observe moves the store's stream time on; an earlier time changes nothing. Put does so with the start of its window.
func (s *WindowStore[K, V]) Observe(streamTime int64) { s.time = max(s.time, streamTime) }

// oldest is the lowest start that has not expired.
func (s *WindowStore[K, V]) oldest() int64 { return max(0, s.time-s.retention) }

// encodeKey makes the key of a row: prefix, start, key.
func (s *WindowStore[K, V]) encodeKey(key K, start int64) ([]byte, error) {
	b := binary.BigEndian.AppendUint64(append(s.buf[:0], s.prefix...), uint64(start))
	b, err := s.keys.Append(b, key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

// Get is the value of the window of key that begins at start; ok is false if there is no row, or it has expired.
func (s *WindowStore[K, V]) Get(key K, start int64) (value V, ok bool, err error) {
	row, ok, err := s.Row(key, start)
	return row.Value, ok, err
}

// Row is the row of the window of key that begins at start, with its timestamp.
func (s *WindowStore[K, V]) Row(key K, start int64) (row WindowRow[K, V], ok bool, err error) {
	if start < s.oldest() {
		return row, false, nil
	}
	b, err := s.encodeKey(key, start)
	if err != nil {
		return row, false, err
	}
	row.Key, row.Start = key, start
	row.Value, row.Timestamp, ok, err = s.get(b)
	return row, ok, err
}

// Put writes a row, with its timestamp in milliseconds, unless it has expired.
func (s *WindowStore[K, V]) Put(key K, start int64, value V, timestamp int64) error {
	s.Observe(start)
	if start < s.oldest() {
		return nil
	}
	b, err := s.encodeKey(key, start)
	if err != nil {
		return err
	}
	return s.put(b, value, timestamp)
}

// Delete removes a row; if there is none, nothing happens.
func (s *WindowStore[K, V]) Delete(key K, start, timestamp int64) error {
	b, err := s.encodeKey(key, start)
	if err != nil {
		return err
	}
	return s.delete(b, timestamp)
}

// Between walks the rows of all keys whose window starts from one time to another, both included, by start and then by
// encoded key. Rows may be written and deleted on the way. A walk ends after an error.
func (s *WindowStore[K, V]) Between(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	lower, upper := s.starts(from, to)
	return func(yield func(WindowRow[K, V], error) bool) {
		err := s.each(lower, upper, false, func(key []byte, value V, ts int64) (bool, error) {
			row, err := s.row(key, value, ts)
			return err == nil && yield(row, nil), err
		})
		if err != nil {
			yield(WindowRow[K, V]{}, err)
		}
	}
}

// starts are the bounds of the rows whose start is in [from, to] and has not expired.
func (s *WindowStore[K, V]) starts(from, to int64) (lower, upper []byte) {
	lower = s.startKey(max(from, s.oldest()))
	if to < 0 {
		return lower, lower
	}
	return lower, after(s.startKey(to))
}

func (s *WindowStore[K, V]) startKey(start int64) []byte {
	b := append(make([]byte, 0, len(s.prefix)+startSize), s.prefix...)
	return binary.BigEndian.AppendUint64(b, uint64(start))
}

func (s *WindowStore[K, V]) row(key []byte, value V, ts int64) (WindowRow[K, V], error) {
	b := key[len(s.prefix):]
	k, err := s.keys.Decode(b[startSize:])
	if err != nil {
		return WindowRow[K, V]{}, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	return WindowRow[K, V]{Key: k, Start: int64(binary.BigEndian.Uint64(b)), Value: value, Timestamp: ts}, nil
}

// Fetch walks the rows of one key whose window starts from one time to another, both included, in that order. It leaps
// from start to start over the rows of other keys.
func (s *WindowStore[K, V]) Fetch(key K, from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return func(yield func(WindowRow[K, V], error) bool) {
		for at := max(from, s.oldest()); at <= to; {
			row, order, ok, err := s.next(key, at, to)
			switch {
			case err != nil:
				yield(row, err)
				return
			case !ok:
				return
			case order < 0: // a lower key at a later start: look for ours there
				at = row.Start
			case order > 0:
				at = row.Start + 1
			case !yield(row, nil):
				return
			default:
				at = row.Start + 1
			}
		}
	}
}

// next is the first row that does not come before that of key at the given start, and how its key compares with key.
func (s *WindowStore[K, V]) next(key K, at, to int64) (row WindowRow[K, V], order int, ok bool, err error) {
	b, err := s.encodeKey(key, at)
	if err != nil {
		return row, 0, false, err
	}
	lower := bytes.Clone(b)
	_, upper := s.starts(at, to)
	n := len(s.prefix) + startSize
	err = s.each(lower, upper, false, func(found []byte, value V, ts int64) (bool, error) {
		ok, order = true, bytes.Compare(found[n:], lower[n:])
		row, err = s.row(found, value, ts)
		return false, err
	})
	return row, order, ok, err
}

// Mark makes the present state the one that Undo returns to.
func (s *WindowStore[K, V]) Mark() {
	s.rows.Mark()
	s.markTime = s.time
}

// Undo takes back every write since Mark.
func (s *WindowStore[K, V]) Undo() {
	s.rows.Undo()
	s.time = s.markTime
}

// Flush encodes what was written since the last commit, and removes what has expired once that is worth a range
// deletion.
func (s *WindowStore[K, V]) Flush(b store.Batch, log Changelog) error {
	err := s.flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[startSize:]...), key[:startSize]...)
		return append(dst, 0, 0, 0, 0)
	})
	if err != nil {
		return err
	}
	if s.flushing = s.removed; s.oldest()-s.removed > s.retention/8 {
		s.flushing = s.oldest()
		return b.DeleteRange(s.startKey(0), s.startKey(s.flushing))
	}
	return nil
}

// Committed tells that the batch is in the database.
func (s *WindowStore[K, V]) Committed() {
	s.removed = s.flushing
	s.rows.Committed()
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (s *WindowStore[K, V]) Abort() {
	s.rows.Abort()
	s.time, s.markTime = -1, -1
}

// Restore enters a changelog record: key, start, sequence number.
func (s *WindowStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n := len(key) - startSize - 4
	if n < 0 {
		return fmt.Errorf("state: store %s: %w: changelog key of %d bytes", s.name, store.ErrCorrupt, len(key))
	}
	s.buf = append(append(append(s.buf[:0], s.prefix...), key[n:n+startSize]...), key[:n]...)
	return s.restore(b, s.buf, value, timestamp)
}

// Time is the highest time the store has seen, -1 if none.
func (s *WindowStore[K, V]) Time() (int64, bool) { return s.time, true }

// SetTime gives the store the time that was committed.
func (s *WindowStore[K, V]) SetTime(streamTime int64) { s.time, s.markTime = streamTime, streamTime }
