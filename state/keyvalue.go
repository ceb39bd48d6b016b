package state

import (
	"fmt"
	"iter"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// KeyValue declares a key-value store.
type KeyValue[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
}

// NewKeyValue declares a key-value store. The name is that of its changelog topic, <application>-<name>-changelog, and
// must not change as long as the state matters. The changelog's records have the plain key and value, and the row's
// timestamp.
func NewKeyValue[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) KeyValue[K, V] {
	return KeyValue[K, V]{name: name, key: key, value: value}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s KeyValue[K, V]) InMemory() KeyValue[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task.
func (s KeyValue[K, V]) NoChangelog() KeyValue[K, V] {
	s.options.NoChangelog = true
	return s
}

// In is the open store within a processor, or within a test.
func (s KeyValue[K, V]) In(stores Stores) *KeyValueStore[K, V] {
	return in[*KeyValueStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s KeyValue[K, V]) Name() string { return s.name }

// Kind is KindKeyValue.
func (s KeyValue[K, V]) Kind() Kind { return KindKeyValue }

// Format names kind and serdes.
func (s KeyValue[K, V]) Format() string { return format(KindKeyValue, s.key, s.value) }

// Options are the settings of the declaration.
func (s KeyValue[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s KeyValue[K, V]) Err() error { return checkSerdes(s.key, s.value) }

// Open makes the store for one task.
func (s KeyValue[K, V]) Open(env Env) Store {
	return &KeyValueStore[K, V]{rows: newRows(s.name, env, s.value), keys: s.key}
}

// Row is a row of a key-value store.
type Row[K, V any] struct {
	Key       K
	Value     V
	Timestamp int64 // milliseconds
}

// KeyValueStore is an open key-value store of one task. It is used by that task's goroutine only.
type KeyValueStore[K, V any] struct {
	*rows[V]
	keys serde.Serde[K]
	buf  []byte
}

func (s *KeyValueStore[K, V]) encodeKey(key K) ([]byte, error) {
	b, err := s.keys.Append(append(s.buf[:0], s.prefix...), key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

// Get is the value of key; ok is false if there is no row.
func (s *KeyValueStore[K, V]) Get(key K) (value V, ok bool, err error) {
	row, ok, err := s.Row(key)
	return row.Value, ok, err
}

// Row is the row of key, with its timestamp; ok is false if there is none.
func (s *KeyValueStore[K, V]) Row(key K) (row Row[K, V], ok bool, err error) {
	b, err := s.encodeKey(key)
	if err != nil {
		return row, false, err
	}
	row.Key = key
	row.Value, row.Timestamp, ok, err = s.get(b)
	return row, ok, err
}

// Put writes a row. Its timestamp, in milliseconds, is also that of the changelog record.
func (s *KeyValueStore[K, V]) Put(key K, value V, timestamp int64) error {
	b, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	return s.put(b, value, timestamp)
}

// Delete removes a row; if there is none, nothing happens.
func (s *KeyValueStore[K, V]) Delete(key K, timestamp int64) error {
	b, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	return s.delete(b, timestamp)
}

// All walks all rows in the order of their encoded keys. Rows may be written and deleted on the way: the walk shows
// each row as it is when it gets there. A walk ends after an error.
func (s *KeyValueStore[K, V]) All() iter.Seq2[Row[K, V], error] {
	return s.walk(s.prefix, s.upper, false)
}

// Reverse walks all rows in the opposite order of All.
func (s *KeyValueStore[K, V]) Reverse() iter.Seq2[Row[K, V], error] {
	return s.walk(s.prefix, s.upper, true)
}

// Range walks the rows from one key to another, both included, in the order of their encoded keys.
func (s *KeyValueStore[K, V]) Range(from, to K) iter.Seq2[Row[K, V], error] {
	lower, err := s.encodeKey(from)
	if err != nil {
		return failure[Row[K, V]](err)
	}
	lower = append([]byte(nil), lower...)
	upper, err := s.encodeKey(to)
	if err != nil {
		return failure[Row[K, V]](err)
	}
	return s.walk(lower, append(append([]byte(nil), upper...), 0), false)
}

// failure is a walk that shows nothing but an error.
func failure[R any](err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		yield(none, err)
	}
}

func (s *KeyValueStore[K, V]) walk(lower, upper []byte, reverse bool) iter.Seq2[Row[K, V], error] {
	return func(yield func(Row[K, V], error) bool) {
		err := s.each(lower, upper, reverse, func(key []byte, value V, ts int64) (bool, error) {
			k, err := s.keys.Decode(key[len(s.prefix):])
			if err != nil {
				return false, fmt.Errorf("state: store %s: key: %w", s.name, err)
			}
			return yield(Row[K, V]{Key: k, Value: value, Timestamp: ts}, nil), nil
		})
		if err != nil {
			yield(Row[K, V]{}, err)
		}
	}
}

// Flush, Restore, Time and SetTime are the task's part of the store.

// Flush encodes what was written since the last commit.
func (s *KeyValueStore[K, V]) Flush(b store.Batch, log Changelog) error {
	return s.flush(b, log, func(dst, key []byte) []byte { return append(dst, key...) })
}

// Restore enters a changelog record.
func (s *KeyValueStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	s.buf = append(append(s.buf[:0], s.prefix...), key...)
	return s.restore(b, s.buf, value, timestamp)
}

// Time is not kept by key-value stores.
func (s *KeyValueStore[K, V]) Time() (int64, bool) { return 0, false }

// SetTime does nothing: key-value stores have no time.
func (s *KeyValueStore[K, V]) SetTime(int64) {}
