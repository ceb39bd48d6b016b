package state

import (
	"bytes"
	"iter"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// KeyValue declares a key-value store.
type KeyValue[K, V any] struct {
	spec *declared
	open func(stores Stores) KeyValueStore[K, V]
}

// NewKeyValue declares a key-value store. The name is that of its changelog topic, <application>-<name>-changelog, and
// must not change as long as the state matters. The changelog's records have the plain key and value, and the row's
// timestamp.
func NewKeyValue[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) KeyValue[K, V] {
	d := storage.NewDeclared(storage.KindKeyValue, name, key, value, func(d *declared, env storage.Env) opened {
		return openKeyValue(d, env, key, value)
	})
	return KeyValue[K, V]{d, in[KeyValueStore[K, V]](name)}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s KeyValue[K, V]) InMemory() KeyValue[K, V] {
	return KeyValue[K, V]{s.spec.InMemory(), s.open}
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s KeyValue[K, V]) NoChangelog() KeyValue[K, V] {
	return KeyValue[K, V]{s.spec.NoChangelog(), s.open}
}

// TTL is the same store for a table, or an aggregation of a stream, whose rows die: one that no record has touched when
// stream time has passed its timestamp by more than d is deleted, and so is what was made of it downstream. Its
// timestamp is the highest of the records that touched it: an older one takes none of its time. Stream time is that of
// all records of the task, so that no join finds a row that is over at the time of the record that looks for it: a
// topic that is read beside the table's, and is ahead of it in time, ends rows too. A record that is over when it comes
// is a row for the steps downstream of it, and deleted before the task's next record. 0, the default, is for ever.
// Kafka Streams has none (KIP-1225).
//
// It belongs to the step that keeps the store. A store that processors alone use has none, and Build says so: they
// delete by a punctuation, or use a Window, which forgets by itself.
func (s KeyValue[K, V]) TTL(d time.Duration) KeyValue[K, V] {
	return KeyValue[K, V]{s.spec.LiveFor(d), s.open}
}

// NewestWins is the same store for a table in which the record with the highest timestamp is the row, in whatever order
// records arrive: one that is older than the row is dropped and counted as late. A delete leaves nothing to compare
// with: an older record that comes after it is a row again; a versioned store remembers deletes, too. By default the
// later arrival wins.
func (s KeyValue[K, V]) NewestWins() KeyValue[K, V] {
	return KeyValue[K, V]{s.spec.NewestWins(), s.open}
}

// In is the open store within a processor, or within a test.
func (s KeyValue[K, V]) In(stores Stores) KeyValueStore[K, V] { return s.open(stores) }

// Spec is the declaration without its types.
func (s KeyValue[K, V]) Spec() Spec { return s.spec.Sealed(storage.KindKeyValue) }

// KeyValueDeclaration is a KeyValue. Methods of streams and tables take it, so that types without such a store compile
// none.
type KeyValueDeclaration[K, V any] interface {
	Declaration
	ofKeyValue(K, V)
}

func (s KeyValue[K, V]) ofKeyValue(K, V) {}

func openKeyValue[K, V any](d *declared, env storage.Env, keys serde.Serde[K], values serde.Serde[V]) opened {
	core, part := newKeyValueCore(d.Name(), env, d.Options(), d.ByTime())
	handle := &keyValueStore[K, V]{core: core, column: newColumn(d.Name(), part, values), keys: steadyKeys(env, keys)}
	core.rows, core.handle = handle.column.rows, handle
	return core
}

// Row is a row of a key-value store.
type Row[K, V any] struct {
	Key       K
	Value     V
	Timestamp int64 // milliseconds
}

// KeyValueStore is an open key-value store of one task. It is used by that task's goroutine only.
type KeyValueStore[K, V any] interface {
	// Get is the value of key; ok is false if there is no row.
	Get(key K) (value V, ok bool, err error)
	// Row is the row of key, with its timestamp; ok is false if there is none.
	Row(key K) (row Row[K, V], ok bool, err error)
	// Put writes a row. Its timestamp, in milliseconds since the epoch, is also that of the changelog record: a negative
	// one is an error, in all stores.
	Put(key K, value V, timestamp int64) error
	// Delete removes a row; if there is none, nothing happens.
	Delete(key K, timestamp int64) error
	// All walks all rows in the order of their encoded keys. Rows may be written and deleted on the way: the walk shows
	// each row as it is when it gets there. A walk ends after an error.
	All() iter.Seq2[Row[K, V], error]
	// Reverse walks all rows in the opposite order of All.
	Reverse() iter.Seq2[Row[K, V], error]
	// Range walks the rows from one key to another, both included, in the order of their encoded keys.
	Range(from, to K) iter.Seq2[Row[K, V], error]
	// ReverseRange walks the same rows in the opposite order.
	ReverseRange(from, to K) iter.Seq2[Row[K, V], error]
	// Prefix walks the rows whose encoded key begins with the given bytes, in the order of their encoded keys.
	Prefix(encoded []byte) iter.Seq2[Row[K, V], error]
}

type keyValueStore[K, V any] struct {
	core   *keyValueCore
	column *column[V]
	keys   serde.Serde[K]
}

func (s *keyValueStore[K, V]) key(key K) ([]byte, error) {
	return appendKey(&s.core.core, s.core.prefix(), s.keys, key)
}

func (s *keyValueStore[K, V]) Get(key K) (value V, ok bool, err error) {
	b, err := s.key(key)
	if err == nil {
		value, _, ok, err = s.column.get(b)
	}
	return value, ok, err
}

func (s *keyValueStore[K, V]) Row(key K) (row Row[K, V], ok bool, err error) {
	b, err := s.key(key)
	if err != nil {
		return row, false, err
	}
	row.Key = key
	row.Value, row.Timestamp, ok, err = s.column.get(b)
	return row, ok, err
}

func (s *keyValueStore[K, V]) Put(key K, value V, timestamp int64) error {
	b, err := s.key(key)
	if err == nil {
		err = s.core.reindex(b, timestamp, true)
	}
	if err != nil {
		return err
	}
	return s.column.put(b, value, timestamp)
}

func (s *keyValueStore[K, V]) Delete(key K, timestamp int64) error {
	b, err := s.key(key)
	if err != nil {
		return err
	}
	return s.core.delete(b, timestamp)
}

func (s *keyValueStore[K, V]) All() iter.Seq2[Row[K, V], error] {
	return s.walk(s.core.rows.Prefix(), s.core.rows.Upper(), false)
}

func (s *keyValueStore[K, V]) Reverse() iter.Seq2[Row[K, V], error] {
	return s.walk(s.core.rows.Prefix(), s.core.rows.Upper(), true)
}

func (s *keyValueStore[K, V]) Prefix(encoded []byte) iter.Seq2[Row[K, V], error] {
	lower := append(bytes.Clone(s.core.rows.Prefix()), encoded...)
	return s.walk(lower, rows.After(lower), false)
}

func (s *keyValueStore[K, V]) Range(from, to K) iter.Seq2[Row[K, V], error] {
	return s.between(from, to, false)
}

func (s *keyValueStore[K, V]) ReverseRange(from, to K) iter.Seq2[Row[K, V], error] {
	return s.between(from, to, true)
}

//go:noinline
func (s *keyValueStore[K, V]) between(from, to K, reverse bool) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) (bool, error)) error {
		lower, err := s.key(from)
		if err != nil {
			return err
		}
		lower = bytes.Clone(lower)
		upper, err := s.key(to)
		if err != nil {
			return err
		}
		return s.each(lower, append(bytes.Clone(upper), 0), reverse, show)
	})
}

//go:noinline
func (s *keyValueStore[K, V]) walk(lower, upper []byte, reverse bool) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) (bool, error)) error { return s.each(lower, upper, reverse, show) })
}

//go:noinline
func (s *keyValueStore[K, V]) each(lower, upper []byte, reverse bool, show func(Row[K, V]) (bool, error)) error {
	return s.core.rows.Each(lower, upper, reverse, func(at *rows.At) (more bool, err error) {
		row := Row[K, V]{Timestamp: at.Timestamp}
		if row.Value, err = s.column.shown(at); err != nil {
			return false, err
		}
		if row.Key, err = decodeKey(&s.core.core, s.keys, s.core.user(at.Key)); err != nil {
			return false, err
		}
		return show(row)
	})
}

func (s *keyValueStore[K, V]) Expired() iter.Seq2[Row[K, V], error] { return s.Until(s.core.expired()) }

func (s *keyValueStore[K, V]) Oldest() iter.Seq2[Row[K, V], error] { return s.Until(math.MaxInt64) }

//go:noinline
func (s *keyValueStore[K, V]) Until(last int64) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) (bool, error)) error { return s.UntilEach(last, show) })
}

//go:noinline
func (s *keyValueStore[K, V]) UntilEach(last int64, show func(Row[K, V]) (bool, error)) error {
	return s.core.until(last, func(key []byte, id int, at int64) (more bool, err error) {
		row := Row[K, V]{Value: *s.column.at(id), Timestamp: at}
		if row.Key, err = decodeKey(&s.core.core, s.keys, key); err != nil {
			return false, err
		}
		return show(row)
	})
}

func (s *keyValueStore[K, V]) Waits(last int64) bool { return s.core.waits(last) }

func (s *keyValueStore[K, V]) Tally() *storage.Tally { return &s.core.tally.now }

func (s *keyValueStore[K, V]) Observe(streamTime int64) { s.core.Observe(streamTime) }

func (s *keyValueStore[K, V]) Time() (int64, bool) { return s.core.Time() }
