package state

import (
	"iter"
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Window declares a window store.
type Window[K, V any] struct {
	spec *declared
	open func(stores Stores) WindowStore[K, V]
}

// NewWindow declares a window store: rows under a key and the start of a window. The name is that of its changelog
// topic, <application>-<name>-changelog, and must not change as long as the state matters. Changelog records have the
// bytes of Kafka Streams' window stores: key, start (int64), sequence number 0 (int32); the plain value; the row's
// timestamp.
//
// A windowed aggregation keeps its windows for their size and grace period. Retain keeps them longer, for queries; a
// processor that uses a window store by itself must say how long.
func NewWindow[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Window[K, V] {
	d := storage.NewDeclared(storage.KindWindow, name, key, value, func(d *declared, env storage.Env) opened {
		return openWindow(d, env, key, value)
	})
	return Window[K, V]{d, in[WindowStore[K, V]](name)}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Window[K, V]) InMemory() Window[K, V] {
	return Window[K, V]{s.spec.InMemory(), s.open}
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Window[K, V]) NoChangelog() Window[K, V] {
	return Window[K, V]{s.spec.NoChangelog(), s.open}
}

// Retain is the same store keeping windows until stream time has passed their start by d.
func (s Window[K, V]) Retain(d time.Duration) Window[K, V] {
	return Window[K, V]{s.spec.Retain(d), s.open}
}

// ByKey is the same store with a second order of its rows, by key: Fetch then costs what it finds, not what other keys
// have in the same time. Sliding windows have it always; windows that begin at few times do without.
func (s Window[K, V]) ByKey() Window[K, V] {
	return Window[K, V]{s.spec.FindByKey(), s.open}
}

// In is the open store within a processor, or within a test.
func (s Window[K, V]) In(stores Stores) WindowStore[K, V] { return s.open(stores) }

// Spec is the declaration without its types.
func (s Window[K, V]) Spec() Spec { return s.spec.Sealed(storage.KindWindow) }

// WindowDeclaration is a Window. Methods of streams and tables take it, so that types without such a store compile
// none.
type WindowDeclaration[K, V any] interface {
	Declaration
	ofWindow(K, V)
}

func (s Window[K, V]) ofWindow(K, V) {}

func openWindow[K, V any](d *declared, env storage.Env, keys serde.Serde[K], values serde.Serde[V]) opened {
	core, part := newWindowCore(d.Name(), env, d.Options())
	handle := &windowStore[K, V]{core: core, column: newColumn(d.Name(), part, values), keys: steadyKeys(env, keys)}
	core.rows, core.handle = handle.column.rows, handle
	return core
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
	// Put writes a row, with its timestamp in milliseconds, unless it has expired. A negative start is an error.
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
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

type windowStore[K, V any] struct {
	core   *windowCore
	column *column[V]
	keys   serde.Serde[K]
}

func (s *windowStore[K, V]) key(key K, start int64) ([]byte, error) {
	return appendKey(&s.core.core, s.core.atTime(start), s.keys, key)
}

func (s *windowStore[K, V]) Get(key K, start int64) (value V, ok bool, err error) {
	row, ok, err := s.Row(key, start)
	return row.Value, ok, err
}

func (s *windowStore[K, V]) Row(key K, start int64) (row WindowRow[K, V], ok bool, err error) {
	if start < s.core.oldest() {
		return row, false, nil
	}
	b, err := s.key(key, start)
	if err != nil {
		return row, false, err
	}
	row.Key, row.Start = key, start
	row.Value, row.Timestamp, ok, err = s.column.get(b)
	return row, ok, err
}

func (s *windowStore[K, V]) Put(key K, start int64, value V, timestamp int64) error {
	if ok, err := s.core.takes(start); !ok {
		return err
	}
	b, err := s.key(key, start)
	if err != nil {
		return err
	}
	s.core.fronts[0].Wrote(start)
	if err := s.column.put(b, value, timestamp); err != nil {
		return err
	}
	return s.core.put(b, start)
}

func (s *windowStore[K, V]) Delete(key K, start, timestamp int64) error {
	b, err := s.key(key, start)
	if err != nil {
		return err
	}
	return s.core.delete(b, start, timestamp)
}

func (s *windowStore[K, V]) Between(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.walk(from, to, false)
}

func (s *windowStore[K, V]) BetweenReverse(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.walk(from, to, true)
}

//go:noinline
func (s *windowStore[K, V]) walk(from, to int64, reverse bool) iter.Seq2[WindowRow[K, V], error] {
	return walking(func(show func(WindowRow[K, V]) (bool, error)) error {
		return s.core.between(from, to, reverse, func(at *rows.At) (bool, error) { return s.show(at, show) })
	})
}

func (s *windowStore[K, V]) Waits(to int64) bool { return to >= s.core.fronts[0].First() }

//go:noinline
func (s *windowStore[K, V]) Sweep(from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return walking(func(show func(WindowRow[K, V]) (bool, error)) error { return s.SweepEach(from, to, show) })
}

//go:noinline
func (s *windowStore[K, V]) SweepEach(from, to int64, show func(WindowRow[K, V]) (bool, error)) error {
	return s.core.sweep(from, to, func(at *rows.At) (bool, error) { return s.show(at, show) })
}

// show shows a row with its types.
func (s *windowStore[K, V]) show(at *rows.At, show func(WindowRow[K, V]) (bool, error)) (more bool, err error) {
	row := WindowRow[K, V]{Start: s.core.timeOf(at.Key), Timestamp: at.Timestamp}
	if row.Value, err = s.column.shown(at); err != nil {
		return false, err
	}
	if row.Key, err = decodeKey(&s.core.core, s.keys, s.core.keyOf(at.Key)); err != nil {
		return false, err
	}
	return show(row)
}

func (s *windowStore[K, V]) Fetch(key K, from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.fetch(key, from, to, false)
}

func (s *windowStore[K, V]) FetchReverse(key K, from, to int64) iter.Seq2[WindowRow[K, V], error] {
	return s.fetch(key, from, to, true)
}

//go:noinline
func (s *windowStore[K, V]) fetch(key K, from, to int64, reverse bool) iter.Seq2[WindowRow[K, V], error] {
	return walking(func(show func(WindowRow[K, V]) (bool, error)) error {
		return s.fetchEach(key, from, to, reverse, show)
	})
}

//go:noinline
func (s *windowStore[K, V]) fetchEach(
	key K, from, to int64, reverse bool, show func(WindowRow[K, V]) (bool, error),
) error {
	b, err := s.key(key, 0)
	if err != nil {
		return err
	}
	return s.core.fetch(s.core.keyOf(b), from, to, reverse, func(id int, start, timestamp int64) (bool, error) {
		return show(WindowRow[K, V]{Key: key, Start: start, Value: *s.column.at(id), Timestamp: timestamp})
	})
}

func (s *windowStore[K, V]) Collect(dst []WindowRow[K, V], key K, from, to int64) ([]WindowRow[K, V], error) {
	err := s.fetchEach(key, from, to, false, func(row WindowRow[K, V]) (bool, error) {
		dst = append(dst, row)
		return true, nil
	})
	return dst, err
}

func (s *windowStore[K, V]) Observe(streamTime int64) { s.core.Observe(streamTime) }

func (s *windowStore[K, V]) Time() (int64, bool) { return s.core.Time() }

func (s *windowStore[K, V]) Silence() *rows.Silence { return s.core.Silence() }
