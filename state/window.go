package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// Window declares a window store.
type Window[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
	open    func(Window[K, V], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewWindow declares a window store: rows under a key and the start of a window. The name is that of its changelog
// topic, <application>-<name>-changelog, and must not change as long as the state matters. Changelog records have the
// bytes of Kafka Streams' window stores: key, start (int64), sequence number 0 (int32); the plain value; the row's
// timestamp.
//
// A windowed aggregation keeps its windows for their size and grace period. Retain keeps them longer, for queries; a
// processor that uses a window store by itself must say how long.
func NewWindow[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Window[K, V] {
	return Window[K, V]{name: name, key: key, value: value, options: writtenBy(key, value), open: openWindow[K, V]}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Window[K, V]) InMemory() Window[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Window[K, V]) NoChangelog() Window[K, V] {
	s.options.NoChangelog = true
	return s
}

// Retain is the same store keeping windows until stream time has passed their start by d.
func (s Window[K, V]) Retain(d time.Duration) Window[K, V] {
	s.options.Retention = d
	return s
}

// ByKey is the same store with a second order of its rows, by key: Fetch then costs what it finds, not what other keys
// have in the same time. Sliding windows have it always; windows that begin at few times do without.
func (s Window[K, V]) ByKey() Window[K, V] {
	s.options.ByKey = true
	return s
}

// In is the open store within a processor, or within a test.
func (s Window[K, V]) In(stores Stores) WindowStore[K, V] {
	return in[WindowStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s Window[K, V]) Name() string { return s.name }

// Kind is KindWindow.
func (s Window[K, V]) Kind() Kind { return KindWindow }

// Format names kind and serdes.
func (s Window[K, V]) Format() string { return format(KindWindow, s.key, s.value) }

// Layout tells whether rows are found by key, too.
func (s Window[K, V]) Layout() string {
	if s.options.ByKey {
		return "by key"
	}
	return ""
}

// Options are the settings of the declaration.
func (s Window[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Window[K, V]) Err() error {
	return errors.Join(checkSerdes(s.key, s.value), checkRetention(s.options.Retention))
}

// Open makes the store for one task.
func (s Window[K, V]) Open(env Env) Store { return s.open(s, env) }

func openWindow[K, V any](s Window[K, V], env Env) Store {
	w := &windowStore[K, V]{
		keys: steadyKeys(env, s.key), clock: newClock(), retention: eventtime.Keep(s.options.Retention),
	}
	if s.options.ByKey {
		w.byKey = newKeyIndex(s.name, env, w.retention)
		env = env.part(rowsPart)
	}
	w.rows = newRows(s.name, env, s.value)
	return w
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
type WindowStore[K, V any] interface {
	// Get is the value of the window of key that begins at start; ok is false if there is no row, or it has expired.
	Get(key K, start int64) (value V, ok bool, err error)
	// Row is the row of the window of key that begins at start, with its timestamp.
	Row(key K, start int64) (row WindowRow[K, V], ok bool, err error)
	// Put writes a row, with its timestamp in milliseconds, unless it has expired.
	Put(key K, start int64, value V, timestamp int64) error
	// Delete removes a row; if there is none, nothing happens.
	Delete(key K, start, timestamp int64) error
	// Fetch walks the rows of one key whose window starts from one time to another, both included, in that order. A store
	// that is not ByKey leaps from start to start over the rows of other keys.
	Fetch(key K, from, to int64) iter.Seq2[WindowRow[K, V], error]
	// FetchReverse walks the same rows from the latest start to the earliest.
	FetchReverse(key K, from, to int64) iter.Seq2[WindowRow[K, V], error]
	// Collect appends the rows that Fetch walks: for who wants them all, and wants them often, as a walk has its cost.
	Collect(dst []WindowRow[K, V], key K, from, to int64) ([]WindowRow[K, V], error)
	// Between walks the rows of all keys whose window starts from one time to another, both included, by start and then by
	// encoded key. Rows may be written and deleted on the way. A walk ends after an error.
	Between(from, to int64) iter.Seq2[WindowRow[K, V], error]
	// BetweenReverse walks the same rows in the opposite order.
	BetweenReverse(from, to int64) iter.Seq2[WindowRow[K, V], error]
	// Waits is false if Sweep has nothing to show up to a time.
	Waits(to int64) bool
	// Sweep walks the same rows as Between, for a caller that goes forward in time and leaves nothing behind. It remembers
	// where the next row is: until there is one to show, a sweep costs nothing.
	Sweep(from, to int64) iter.Seq2[WindowRow[K, V], error]
	// SweepEach is Sweep for who sweeps often, and has made the function that rows are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	SweepEach(from, to int64, show func(WindowRow[K, V]) (more bool, err error)) error
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
	// Silence is for processors that move the time on while no record comes; several that share the store share it. It
	// is not kept.
	Silence() *Silence
}

type windowStore[K, V any] struct {
	*rows[V]
	clock
	front
	keys      serde.Serde[K]
	byKey     *keyIndex // nil unless declared
	retention int64
	removed   int64 // rows with a lower start have been removed from the database
	flushing  int64 // what removed will be once the flush is committed
	buf       []byte
}

// oldest is the lowest start that has not expired.
func (s *windowStore[K, V]) oldest() int64 { return max(0, s.time-s.retention) }

// encodeKey makes the key of a row: prefix, start, key.
func (s *windowStore[K, V]) encodeKey(key K, start int64) ([]byte, error) {
	b := binary.BigEndian.AppendUint64(append(s.buf[:0], s.prefix...), uint64(start))
	b, err := s.keys.Append(b, key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

func (s *windowStore[K, V]) Get(key K, start int64) (value V, ok bool, err error) {
	row, ok, err := s.Row(key, start)
	return row.Value, ok, err
}

func (s *windowStore[K, V]) Row(key K, start int64) (row WindowRow[K, V], ok bool, err error) {
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

func (s *windowStore[K, V]) Put(key K, start int64, value V, timestamp int64) error {
	s.Observe(start)
	if start < s.oldest() {
		return nil
	}
	b, err := s.encodeKey(key, start)
	if err != nil {
		return err
	}
	s.wrote(start)
	if err := s.put(b, value, timestamp); err != nil || s.byKey == nil {
		return err
	}
	return s.byKey.put(s.keyOf(b), start, nil)
}

// keyOf is the user's part of a row's key.
func (s *windowStore[K, V]) keyOf(b []byte) []byte { return b[len(s.prefix)+timeSize:] }

func (s *windowStore[K, V]) Delete(key K, start, timestamp int64) error {
	b, err := s.encodeKey(key, start)
	if err != nil {
		return err
	}
	if err := s.delete(b, timestamp); err != nil || s.byKey == nil {
		return err
	}
	return s.byKey.delete(s.keyOf(b), start, nil)
}

func (s *windowStore[K, V]) Between(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.walk(from, to, false)
}

func (s *windowStore[K, V]) BetweenReverse(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.walk(from, to, true)
}

func (s *windowStore[K, V]) Waits(to int64) bool { return to >= s.first }

func (s *windowStore[K, V]) Sweep(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return walking(func(show func(WindowRow[K, V]) bool) error {
		return s.SweepEach(from, to, func(row WindowRow[K, V]) (bool, error) { return show(row), nil })
	})
}

func (s *windowStore[K, V]) SweepEach(from, to int64, show func(WindowRow[K, V]) (bool, error)) error {
	if to < s.first {
		return nil
	}
	outer, next, whole := s.begin(), int64(math.MaxInt64), true
	s.buf = sweepFrom(s.buf, s.prefix, max(from, s.first, s.oldest()))
	err := s.each(s.buf, s.upper, false, func(b []byte, value V, ts int64) (bool, error) {
		row, err := s.row(b, value, ts)
		switch {
		case err != nil:
			return false, err
		case row.Start > to:
			next = row.Start
			return false, nil
		case row.Start >= s.oldest():
			whole, err = show(row)
		}
		return whole, err
	})
	s.end(outer, next, whole && err == nil)
	return err
}

func (s *windowStore[K, V]) walk(from, to int64, reverse bool) iter.Seq2[WindowRow[K, V], error] {
	return walking(func(show func(WindowRow[K, V]) bool) error {
		lower, upper := s.starts(from, to)
		return s.each(lower, upper, reverse, func(key []byte, value V, ts int64) (bool, error) {
			row, err := s.row(key, value, ts)
			return err == nil && (row.Start < s.oldest() || show(row)), err
		})
	})
}

// starts are the bounds of the rows whose start is in [from, to] and has not expired.
func (s *windowStore[K, V]) starts(from, to int64) (lower, upper []byte) {
	lower = s.startKey(max(from, s.oldest()))
	if to < 0 {
		return lower, lower
	}
	return lower, after(s.startKey(to))
}

func (s *windowStore[K, V]) startKey(start int64) []byte {
	b := append(make([]byte, 0, len(s.prefix)+timeSize), s.prefix...)
	return binary.BigEndian.AppendUint64(b, uint64(start))
}

func (s *windowStore[K, V]) row(key []byte, value V, ts int64) (WindowRow[K, V], error) {
	b := key[len(s.prefix):]
	k, err := s.keys.Decode(b[timeSize:])
	if err != nil {
		return WindowRow[K, V]{}, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	return WindowRow[K, V]{Key: k, Start: int64(binary.BigEndian.Uint64(b)), Value: value, Timestamp: ts}, nil
}

func (s *windowStore[K, V]) Fetch(key K, from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.fetch(key, from, to, false)
}

func (s *windowStore[K, V]) FetchReverse(key K, from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.fetch(key, from, to, true)
}

func (s *windowStore[K, V]) fetch(key K, from, to int64, reverse bool) iter.Seq2[WindowRow[K, V], error] {
	from, to = max(from, s.oldest()), min(to, s.time)
	return walking(func(show func(WindowRow[K, V]) bool) error {
		if s.byKey == nil {
			return s.leap(key, from, to, reverse, show)
		}
		b, err := s.encodeKey(key, 0)
		if err != nil {
			return err
		}
		return s.byKey.find(s.keyOf(b), from, to, reverse, func(start int64, _ []byte) (bool, error) {
			row, ok, err := s.Row(key, start)
			return err == nil && (!ok || show(row)), err
		})
	})
}

func (s *windowStore[K, V]) Collect(dst []WindowRow[K, V], key K, from, to int64) ([]WindowRow[K, V], error) {
	for row, err := range s.Fetch(key, from, to) {
		if err != nil {
			return dst, err
		}
		dst = append(dst, row)
	}
	return dst, nil
}

// leap goes to the next row of key, or of another one, and from there to where key may have its next.
func (s *windowStore[K, V]) leap(key K, from, to int64, reverse bool, show func(WindowRow[K, V]) bool) error {
	for from <= to {
		start, ok, err := s.nextStart(from, to, reverse)
		if err != nil || !ok {
			return err
		}
		row, ok, err := s.Row(key, start)
		if err != nil || ok && !show(row) || start == math.MaxInt64 && !reverse {
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
func (s *windowStore[K, V]) nextStart(from, to int64, reverse bool) (start int64, ok bool, err error) {
	lower, upper := s.starts(from, to)
	err = s.each(lower, upper, reverse, func(found []byte, _ V, _ int64) (bool, error) {
		start, ok = int64(binary.BigEndian.Uint64(found[len(s.prefix):])), true
		return false, nil
	})
	return start, ok, err
}

// Mark makes the present state the one that Undo returns to.
func (s *windowStore[K, V]) Mark() {
	s.rows.Mark()
	s.markTime, s.markFirst = s.time, s.first
	if s.byKey != nil {
		s.byKey.Mark()
	}
}

// Undo takes back every write since Mark.
func (s *windowStore[K, V]) Undo() {
	s.rows.Undo()
	s.time, s.first = s.markTime, s.markFirst
	if s.byKey != nil {
		s.byKey.Undo()
	}
}

// Flush encodes what was written since the last commit, and removes what has expired once that is worth a range
// deletion.
func (s *windowStore[K, V]) Flush(b store.Batch, log Changelog) error {
	err := s.flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[timeSize:]...), key[:timeSize]...)
		return append(dst, 0, 0, 0, 0)
	})
	if err == nil && s.byKey != nil {
		err = s.byKey.flush(b, s.oldest())
	}
	if err != nil {
		return err
	}
	if s.flushing = s.removed; s.oldest()-s.removed > s.retention/8 {
		s.flushing = s.oldest()
		s.expire(s.startKey(s.flushing))
		return b.DeleteRange(s.startKey(0), s.startKey(s.flushing))
	}
	return nil
}

// Committed tells that the batch is in the database.
func (s *windowStore[K, V]) Committed() {
	s.removed = s.flushing
	s.rows.Committed()
	if s.byKey != nil {
		s.byKey.Committed()
	}
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (s *windowStore[K, V]) Abort() {
	s.rows.Abort()
	s.clock, s.front = newClock(), front{}
	if s.byKey != nil {
		s.byKey.Abort()
	}
}

// Restore enters a changelog record: key, start, sequence number.
func (s *windowStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n := len(key) - timeSize - 4
	if n < 0 {
		return fmt.Errorf("state: store %s: %w: key of %d bytes", s.name, store.ErrMalformed, len(key))
	}
	s.buf = append(append(append(s.buf[:0], s.prefix...), key[n:n+timeSize]...), key[:n]...)
	if err := s.restore(b, s.buf, value, timestamp); err != nil || s.byKey == nil {
		return err
	}
	return s.byKey.restore(b, key[:n], int64(binary.BigEndian.Uint64(key[n:])), nil, value != nil)
}
