package state

import (
	"iter"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Versioned declares a versioned key-value store: rows as they were at a time.
type Versioned[K, V any] struct {
	spec *declared
	open func(stores Stores) VersionedStore[K, V]
}

// NewVersioned declares a store that keeps each row's versions for the given history: what was valid at a time can be
// asked until stream time has passed that time by history (KIP-889). The name is that of its changelog topic,
// <application>-<name>-changelog; its records have the plain key and value and the version's timestamp, a delete is a
// null value.
func NewVersioned[K, V any](
	name string, key serde.Serde[K], value serde.Serde[V], history time.Duration,
) Versioned[K, V] {
	d := storage.NewDeclared(storage.KindVersioned, name, key, value, func(d *declared, env storage.Env) opened {
		return openVersioned(d, env, key, value)
	})
	return Versioned[K, V]{d.Retain(history), in[VersionedStore[K, V]](name)}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Versioned[K, V]) InMemory() Versioned[K, V] {
	return Versioned[K, V]{s.spec.InMemory(), s.open}
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Versioned[K, V]) NoChangelog() Versioned[K, V] {
	return Versioned[K, V]{s.spec.NoChangelog(), s.open}
}

// In is the open store within a processor, or within a test.
func (s Versioned[K, V]) In(stores Stores) VersionedStore[K, V] { return s.open(stores) }

// Spec is the declaration without its types.
func (s Versioned[K, V]) Spec() Spec { return s.spec.Sealed(storage.KindVersioned) }

// VersionedDeclaration is a Versioned. Methods of streams take it, so that types without such a store compile
// none.
type VersionedDeclaration[K, V any] interface {
	Declaration
	ofVersioned(K, V)
}

func (s Versioned[K, V]) ofVersioned(K, V) {}

func openVersioned[K, V any](d *declared, env storage.Env, keys serde.Serde[K], values serde.Serde[V]) opened {
	core, part := newVersionedCore(d.Name(), env, d.Options())
	handle := &versionedStore[K, V]{
		core: core, column: newColumn[[]version[V]](d.Name(), part, versions[V]{values}), keys: steadyKeys(env, keys),
		values: values,
	}
	core.rows, core.handle, core.values = handle.column.rows, handle, handle
	return core
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
	core   *versionedCore
	column *column[[]version[V]]
	keys   serde.Serde[K]
	values serde.Serde[V]
	puts   []V // since the last commit, see versionedCore
}

// version is a row from a time on, until the next version. There is no value from a delete on.
type version[V any] struct {
	from  int64
	value V
	there bool
}

func (s *versionedStore[K, V]) key(key K) ([]byte, error) {
	return appendKey(&s.core.core, s.core.prefix(), s.keys, key)
}

func (s *versionedStore[K, V]) Get(key K) (value V, timestamp int64, ok bool, err error) {
	return s.AsOf(key, math.MaxInt64)
}

func (s *versionedStore[K, V]) AsOf(key K, at int64) (value V, timestamp int64, ok bool, err error) {
	b, err := s.key(key)
	if err != nil {
		return value, 0, false, err
	}
	list, _, _, err := s.column.get(b)
	if err != nil {
		return value, 0, false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if v := &list[i]; v.from <= at {
			if at < s.core.horizon() && i < len(list)-1 {
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
	if ok, err := s.core.takes(v.from); !ok {
		return false, false, err
	}
	b, err := s.key(key)
	if err != nil {
		return false, false, err
	}
	list, _, _, err := s.column.get(b)
	if err != nil {
		return false, false, err
	}
	list, newest = insert(list, v, s.core.horizon())
	if err := s.column.put(b, list, list[len(list)-1].from); err != nil {
		return false, false, err
	}
	s.puts = append(s.puts, v.value)
	return true, newest, s.core.put(b, v.from, v.there, newest)
}

// insert is a new list with v in its place, and without the versions that nobody can ask for any more: those that
// another one followed by the horizon.
func insert[V any](list []version[V], v version[V], horizon int64) (out []version[V], newest bool) {
	out = make([]version[V], 0, len(list)+1)
	for i, old := range list {
		if old.from >= v.from {
			break
		}
		if i+1 < len(list) && list[i+1].from <= horizon && list[i+1].from <= v.from {
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
	return walking(func(show func(Row[K, V]) (bool, error)) error {
		return s.core.rows.Each(s.core.rows.Prefix(), s.core.rows.Upper(), false, func(at *rows.At) (bool, error) {
			list, err := s.column.shown(at)
			if err != nil {
				return false, err
			}
			v := list[len(list)-1]
			if !v.there {
				return true, nil
			}
			key, err := decodeKey(&s.core.core, s.keys, s.core.user(at.Key))
			if err != nil {
				return false, err
			}
			return show(Row[K, V]{Key: key, Value: v.value, Timestamp: v.from})
		})
	})
}

func (s *versionedStore[K, V]) appendPut(dst []byte, n int) ([]byte, error) {
	return s.values.Append(dst, s.puts[n])
}

func (s *versionedStore[K, V]) cutPuts(n int) {
	clear(s.puts[n:])
	s.puts = s.puts[:n]
}

func (s *versionedStore[K, V]) endsInDelete(id int) bool {
	list := *s.column.at(id)
	return !list[len(list)-1].there
}

func (s *versionedStore[K, V]) decodes(value []byte) error {
	_, err := s.values.Decode(value)
	return err
}

func (s *versionedStore[K, V]) Observe(streamTime int64) { s.core.Observe(streamTime) }

func (s *versionedStore[K, V]) Time() (int64, bool) { return s.core.Time() }
