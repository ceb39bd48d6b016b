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

// Versioned declares a versioned key-value store: rows as they were at a time.
type Versioned[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
	open    func(Versioned[K, V], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewVersioned declares a store that keeps each row's versions for the given history: what was valid at a time can be
// asked until stream time has passed that time by history (KIP-889). The name is that of its changelog topic,
// <application>-<name>-changelog; its records have the plain key and value and the version's timestamp, a delete is a
// null value.
func NewVersioned[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], history time.Duration,
) Versioned[K, V] {
	return Versioned[K, V]{
		name: name, key: key, value: value, open: openVersioned[K, V],
		options: Options{Retention: history, Keys: key, Values: []any{value}},
	}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Versioned[K, V]) InMemory() Versioned[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Versioned[K, V]) NoChangelog() Versioned[K, V] {
	s.options.NoChangelog = true
	return s
}

// In is the open store within a processor, or within a test.
func (s Versioned[K, V]) In(stores Stores) VersionedStore[K, V] {
	return in[VersionedStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s Versioned[K, V]) Name() string { return s.name }

// Kind is KindVersioned.
func (s Versioned[K, V]) Kind() Kind { return KindVersioned }

// Format names kind and serdes.
func (s Versioned[K, V]) Format() string { return format(KindVersioned, s.key, s.value) }

// Options are the settings of the declaration.
func (s Versioned[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Versioned[K, V]) Err() error {
	if h := s.options.Retention; h < 0 || h%time.Millisecond != 0 {
		return errors.Join(checkSerdes(s.key, s.value), fmt.Errorf("history %v: must be whole milliseconds, 0 or more", h))
	}
	return checkSerdes(s.key, s.value)
}

// Open makes the store for one task.
func (s Versioned[K, V]) Open(env Env) Store { return s.open(s, env) }

func openVersioned[K, V any](s Versioned[K, V], env Env) Store {
	return &versionedStore[K, V]{
		rows: newRows(s.name, env.part(rowsPart), versions[V]{s.value}), deleted: newIndex(s.name, env),
		clock: newClock(), keys: steadyKeys(env, s.key), values: s.value, history: eventtime.Keep(s.options.Retention),
	}
}

// VersionedStore is an open versioned store of one task. It is used by that task's goroutine only.
type VersionedStore[K, V any] interface {
	// Get is the newest version of key; ok is false if there is none, or it is a delete.
	Get(key K) (value V, timestamp int64, ok bool, err error)
	// AsOf is the version of key that was valid at a time; ok is false if there was none, or it was a delete. What was
	// valid before stream time less the history is not known, unless it still is.
	AsOf(key K, at int64) (value V, timestamp int64, ok bool, err error)
	// Put enters a version that is valid from its timestamp on, in milliseconds. One that is older than the history is
	// refused: stored is false. newest is true if no version of the key is later.
	Put(key K, value V, timestamp int64) (stored, newest bool, err error)
	// Delete enters a delete that is valid from its timestamp on, as Put does.
	Delete(key K, timestamp int64) (stored, newest bool, err error)
	// All walks the newest version of all keys, those that are deleted left out, in the order of their encoded keys. A
	// walk ends after an error.
	All() iter.Seq2[Row[K, V], error]
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

type versionedStore[K, V any] struct {
	*rows[[]version[V]]
	clock
	deleted index // keys whose newest version is a delete, by its time
	keys    serde.Serde[K]
	values  serde.Serde[V]
	history int64

	puts     []put[V] // since the last commit: each is a record of the changelog
	markPuts int
	batch    store.Batch // of a restore, with the rows that it has
	batched  map[string][]version[V]
	buf      []byte
}

// version is a row from a time on, until the next version. There is no value from a delete on.
type version[V any] struct {
	from  int64
	value V
	there bool
}

type put[V any] struct {
	key []byte
	version[V]
}

func (s *versionedStore[K, V]) encodeKey(key K) ([]byte, error) {
	b, err := s.keys.Append(append(s.buf[:0], s.prefix...), key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

func (s *versionedStore[K, V]) Get(key K) (value V, timestamp int64, ok bool, err error) {
	return s.AsOf(key, math.MaxInt64)
}

func (s *versionedStore[K, V]) AsOf(key K, at int64) (value V, timestamp int64, ok bool, err error) {
	b, err := s.encodeKey(key)
	if err != nil {
		return value, 0, false, err
	}
	list, _, _, err := s.get(b)
	if err != nil {
		return value, 0, false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if v := &list[i]; v.from <= at {
			if at < s.time-s.history && i < len(list)-1 {
				return value, 0, false, nil
			}
			return v.value, v.from, v.there, nil
		}
	}
	return value, 0, false, nil
}

func (s *versionedStore[K, V]) Put(key K, value V, timestamp int64) (stored, newest bool, err error) {
	return s.enter(key, version[V]{from: timestamp, value: owned(s.values, value), there: true})
}

func (s *versionedStore[K, V]) Delete(key K, timestamp int64) (stored, newest bool, err error) {
	return s.enter(key, version[V]{from: timestamp})
}

func (s *versionedStore[K, V]) enter(key K, v version[V]) (stored, newest bool, err error) {
	s.Observe(v.from)
	if v.from < s.time-s.history {
		return false, false, nil
	}
	b, err := s.encodeKey(key)
	if err != nil {
		return false, false, err
	}
	list, _, _, err := s.get(b)
	if err != nil {
		return false, false, err
	}
	list, newest = s.insert(list, v)
	if err := s.put(b, list, list[len(list)-1].from); err != nil {
		return false, false, err
	}
	k := append([]byte(nil), b[len(s.prefix):]...)
	s.puts = append(s.puts, put[V]{k, v})
	s.dirtyBytes += int64(len(k)) + s.sizes.average()
	if newest && !v.there {
		err = s.deleted.put(s.deletedKey(k, v.from), none{}, 0)
	}
	return true, newest, err
}

func (s *versionedStore[K, V]) deletedKey(key []byte, at int64) []byte {
	b := append(make([]byte, 0, len(s.deleted.prefix)+timeSize+len(key)), s.deleted.prefix...)
	return append(binary.BigEndian.AppendUint64(b, uint64(at)), key...)
}

// insert is a new list with v in its place, and without the versions that nobody can ask for any more.
func (s *versionedStore[K, V]) insert(list []version[V], v version[V]) (out []version[V], newest bool) {
	out = make([]version[V], 0, len(list)+1)
	for i, old := range list {
		if old.from >= v.from {
			break
		}
		if i+1 < len(list) && list[i+1].from <= s.time-s.history && list[i+1].from <= v.from {
			continue
		}
		out = append(out, old)
	}
	out = append(out, v)
	for _, old := range list {
		if old.from > v.from {
			out = append(out, old)
		}
	}
	return out, out[len(out)-1].from == v.from
}

func (s *versionedStore[K, V]) All() iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) bool) error {
		return s.each(s.prefix, s.upper, false, func(b []byte, list []version[V], _ int64) (bool, error) {
			v := list[len(list)-1]
			if !v.there {
				return true, nil
			}
			key, err := s.keys.Decode(b[len(s.prefix):])
			if err != nil {
				return false, fmt.Errorf("state: store %s: key: %w", s.name, err)
			}
			return show(Row[K, V]{Key: key, Value: v.value, Timestamp: v.from}), nil
		})
	})
}

// Mark makes the present state the one that Undo returns to.
func (s *versionedStore[K, V]) Mark() {
	s.rows.Mark()
	s.deleted.Mark()
	s.markTime, s.markPuts = s.time, len(s.puts)
}

// Undo takes back every write since Mark.
func (s *versionedStore[K, V]) Undo() {
	s.rows.Undo()
	s.deleted.Undo()
	clear(s.puts[s.markPuts:])
	s.time, s.puts = s.markTime, s.puts[:s.markPuts]
}

// Flush encodes what was written since the last commit: the rows for the database, each version for the changelog.
func (s *versionedStore[K, V]) Flush(b store.Batch, log Changelog) error {
	if err := s.bury(); err != nil {
		return err
	}
	if err := s.flush(b, unlogged{log}, func(dst, _ []byte) []byte { return dst }); err != nil {
		return err
	}
	for _, p := range s.puts {
		var value []byte
		if p.there {
			v, err := s.values.Append(log.Room(), p.value)
			if err != nil {
				return fmt.Errorf("state: store %s, key %q: %w: %w", s.name, p.key, ErrEncode, err)
			}
			value = log.Keep(v)
		}
		log.Append(log.Keep(append(log.Room(), p.key...)), value, p.from)
	}
	return s.deleted.flush(b)
}

// bury removes the rows whose newest version is a delete that is older than the history.
func (s *versionedStore[K, V]) bury() error {
	upper := s.deletedKey(nil, max(0, s.time-s.history))
	return s.deleted.walk(s.deleted.prefix, upper, false, func(b []byte) (bool, error) {
		at, key := int64(binary.BigEndian.Uint64(b)), append(append([]byte(nil), s.prefix...), b[timeSize:]...)
		list, _, ok, err := s.get(key)
		if err != nil {
			return false, err
		}
		if last := len(list) - 1; ok && list[last].from == at && !list[last].there {
			if err := s.delete(key, at); err != nil {
				return false, err
			}
		}
		return true, s.deleted.delete(s.deletedKey(b[timeSize:], at), 0)
	})
}

// unlogged keeps rows out of the changelog.
type unlogged struct{ Changelog }

func (unlogged) Append(_, _ []byte, _ int64) {}

// Committed tells that the batch is in the database.
func (s *versionedStore[K, V]) Committed() {
	s.rows.Committed()
	s.deleted.Committed()
	clear(s.puts)
	s.puts, s.markPuts = s.puts[:0], 0
	s.batch, s.batched = nil, nil
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (s *versionedStore[K, V]) Abort() {
	s.rows.Abort()
	s.deleted.Abort()
	s.clock = newClock()
	s.puts, s.markPuts = nil, 0
}

// Restore enters a changelog record.
func (s *versionedStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	v := version[V]{from: timestamp, there: value != nil}
	if v.there {
		var err error
		if v.value, err = s.values.Decode(value); err != nil {
			return fmt.Errorf("state: store %s: %w: value: %w", s.name, store.ErrMalformed, err)
		}
		v.value = owned(s.values, v.value)
	}
	s.Observe(timestamp)
	s.doubt()
	list, err := s.restored(b, append(append([]byte(nil), s.prefix...), key...), v)
	if err != nil {
		return err
	}
	if list[len(list)-1].from == timestamp && !v.there {
		return s.deleted.restore(b, s.deletedKey(key, timestamp), []byte{}, 0)
	}
	return nil
}

// restored adds a version to a row in a batch, which may have changed the row before.
func (s *versionedStore[K, V]) restored(b store.Batch, key []byte, v version[V]) ([]version[V], error) {
	if s.batch != b {
		s.batch, s.batched = b, map[string][]version[V]{}
	}
	list, ok := s.batched[string(key)]
	if !ok {
		var err error
		if list, _, _, err = s.read(key); err != nil {
			return nil, err
		}
	}
	list, _ = s.insert(list, v)
	s.batched[string(key)] = list
	row, err := s.encode(nil, key, list, list[len(list)-1].from)
	if err != nil {
		return nil, err
	}
	return list, b.Set(key, row)
}
