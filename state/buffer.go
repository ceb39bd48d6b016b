package state

import (
	"fmt"
	"iter"
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Buffer declares a buffer of records: any number under each key and time.
type Buffer[K, V any] struct {
	spec *declared
	open func(stores Stores) BufferStore[K, V]
}

// NewBuffer declares a buffer whose records are found by key and time, as a join of streams needs it. The name is that
// of its changelog topic, <application>-<name>-changelog. Changelog records have the bytes of Kafka Streams' window
// stores with duplicates: key, time (int64), sequence number (int32); the plain value; the record's time.
func NewBuffer[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Buffer[K, V] {
	d := storage.NewDeclared(storage.KindBuffer, name, key, value, func(d *declared, env storage.Env) opened {
		return openBuffer(d, env, key, value)
	})
	return Buffer[K, V]{d, in[BufferStore[K, V]](name)}
}

// ByTime is the same buffer with its records in the order of their times over all keys, for records that wait for a
// time. Fetch must not be used on it, nor Until on one without.
func (s Buffer[K, V]) ByTime() Buffer[K, V] {
	return Buffer[K, V]{s.spec.FindByTime(), s.open}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Buffer[K, V]) InMemory() Buffer[K, V] {
	return Buffer[K, V]{s.spec.InMemory(), s.open}
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Buffer[K, V]) NoChangelog() Buffer[K, V] {
	return Buffer[K, V]{s.spec.NoChangelog(), s.open}
}

// Retain is the same buffer keeping records until stream time has passed their time by d.
func (s Buffer[K, V]) Retain(d time.Duration) Buffer[K, V] {
	return Buffer[K, V]{s.spec.Retain(d), s.open}
}

// In is the open store within a processor, or within a test.
func (s Buffer[K, V]) In(stores Stores) BufferStore[K, V] { return s.open(stores) }

// Spec is the declaration without its types.
func (s Buffer[K, V]) Spec() Spec { return s.spec.Sealed(storage.KindBuffer) }

func openBuffer[K, V any](d *declared, env storage.Env, keys serde.Serde[K], values serde.Serde[V]) opened {
	core, part := newBufferCore(env, d.Options(), d.ByTime())
	handle := &bufferStore[K, V]{core: core, column: newColumn(d.Name(), part, values), keys: steadyKeys(env, keys)}
	core.rows, core.handle = handle.column.rows, handle
	return core
}

// BufferRow is a record in a buffer.
type BufferRow[K, V any] struct {
	Key       K
	Value     V
	Timestamp int64 // milliseconds

	sequence uint32
}

// BufferStore is an open buffer of one task. It is used by that task's goroutine only. Records of one time keep the
// order in which they came. A record has expired when stream time has passed its time by more than the retention.
type BufferStore[K, V any] interface {
	// Put adds a record with its time in milliseconds, unless it has expired.
	Put(key K, value V, timestamp int64) error
	// Fetch walks the records of a key from one time to another, both included, by time and then as they came. A walk ends
	// after an error.
	Fetch(key K, from, to int64) iter.Seq2[BufferRow[K, V], error]
	// Collect appends the rows that Fetch walks: for who wants them all, and wants them often, as a walk has its cost.
	Collect(dst []BufferRow[K, V], key K, from, to int64) ([]BufferRow[K, V], error)
	// Until walks the records up to a time, included, of all keys, by time and then as they came. Rows may be removed on
	// the way. A walk ends after an error. The store remembers what it has seen to be the earliest: looking again costs
	// next to nothing until there is something.
	Until(to int64) iter.Seq2[BufferRow[K, V], error]
	// Remove takes a record out that a walk has shown.
	Remove(row BufferRow[K, V]) error
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

type bufferStore[K, V any] struct {
	core   *bufferCore
	column *column[V]
	keys   serde.Serde[K]
}

func (s *bufferStore[K, V]) key(key K) ([]byte, error) {
	return appendKey(&s.core.core, s.core.buf[:0], s.keys, key)
}

func (s *bufferStore[K, V]) Put(key K, value V, timestamp int64) error {
	if timestamp < 0 {
		return fmt.Errorf("state: store %s: timestamp %d: must be 0 or more", s.core.Name(), timestamp)
	}
	if ok, err := s.core.takes(timestamp); !ok {
		return err
	}
	b, err := s.key(key)
	if err == nil {
		b, err = s.core.next(b, timestamp)
	}
	if err != nil {
		return err
	}
	return s.column.put(b, value, timestamp)
}

func (s *bufferStore[K, V]) Fetch(key K, from, to int64) iter.Seq2[BufferRow[K, V], error] {
	return walking(func(show func(BufferRow[K, V]) (bool, error)) error { return s.fetchEach(key, from, to, show) })
}

func (s *bufferStore[K, V]) fetchEach(key K, from, to int64, show func(BufferRow[K, V]) (bool, error)) error {
	b, err := s.key(key)
	if err != nil {
		return err
	}
	return s.core.fetch(b, from, to, func(at *rows.At, time int64, n uint32) (bool, error) {
		value, err := s.column.shown(at)
		if err != nil {
			return false, err
		}
		return show(BufferRow[K, V]{Key: key, Value: value, Timestamp: time, sequence: n})
	})
}

func (s *bufferStore[K, V]) Collect(dst []BufferRow[K, V], key K, from, to int64) ([]BufferRow[K, V], error) {
	err := s.fetchEach(key, from, to, func(row BufferRow[K, V]) (bool, error) {
		dst = append(dst, row)
		return true, nil
	})
	return dst, err
}

// Waits is false if Until has nothing to show. It is the library's own, as UntilEach is, which allocates nothing, and
// ends when show returns false or an error.
func (s *bufferStore[K, V]) Waits(to int64) bool { return to >= s.core.fronts[0].First() }

func (s *bufferStore[K, V]) Until(to int64) iter.Seq2[BufferRow[K, V], error] {
	return walking(func(show func(BufferRow[K, V]) (bool, error)) error { return s.UntilEach(to, show) })
}

func (s *bufferStore[K, V]) UntilEach(to int64, show func(BufferRow[K, V]) (bool, error)) error {
	return s.core.until(to, func(at *rows.At) (more bool, err error) {
		k, time, n := s.core.parse(at.Key)
		row := BufferRow[K, V]{Timestamp: time, sequence: n}
		if row.Value, err = s.column.shown(at); err != nil {
			return false, err
		}
		if row.Key, err = decodeKey(&s.core.core, s.keys, k); err != nil {
			return false, err
		}
		return show(row)
	})
}

func (s *bufferStore[K, V]) Remove(row BufferRow[K, V]) error {
	b, err := s.key(row.Key)
	if err != nil {
		return err
	}
	return s.core.rows.Delete(s.core.rowKey(b, row.Timestamp, row.sequence), row.Timestamp)
}

func (s *bufferStore[K, V]) Observe(streamTime int64) { s.core.Observe(streamTime) }

func (s *bufferStore[K, V]) Time() (int64, bool) { return s.core.Time() }
