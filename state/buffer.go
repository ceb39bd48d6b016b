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

// Buffer declares a buffer of records: any number under each key and time.
type Buffer[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	byTime  bool
	options Options
	open    func(Buffer[K, V], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewBuffer declares a buffer whose records are found by key and time, as a join of streams needs it. The name is that
// of its changelog topic, <application>-<name>-changelog. Changelog records have the bytes of Kafka Streams' window
// stores with duplicates: key, time (int64), sequence number (int32); the plain value; the record's time.
func NewBuffer[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Buffer[K, V] {
	return Buffer[K, V]{name: name, key: key, value: value, options: writtenBy(key, value), open: openBuffer[K, V]}
}

// ByTime is the same buffer with its records in the order of their times over all keys, for records that wait for a
// time. Fetch must not be used on it, nor Until on one without.
func (s Buffer[K, V]) ByTime() Buffer[K, V] {
	s.byTime = true
	return s
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Buffer[K, V]) InMemory() Buffer[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Buffer[K, V]) NoChangelog() Buffer[K, V] {
	s.options.NoChangelog = true
	return s
}

// Retain is the same buffer keeping records until stream time has passed their time by d.
func (s Buffer[K, V]) Retain(d time.Duration) Buffer[K, V] {
	s.options.Retention = d
	return s
}

// In is the open store within a processor, or within a test.
func (s Buffer[K, V]) In(stores Stores) BufferStore[K, V] {
	return in[BufferStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s Buffer[K, V]) Name() string { return s.name }

// Kind is KindBuffer.
func (s Buffer[K, V]) Kind() Kind { return KindBuffer }

// Format names kind and serdes.
func (s Buffer[K, V]) Format() string { return format(KindBuffer, s.key, s.value) }

// Layout tells the order of the rows.
func (s Buffer[K, V]) Layout() string {
	if s.byTime {
		return "by time"
	}
	return ""
}

// Options are the settings of the declaration.
func (s Buffer[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Buffer[K, V]) Err() error {
	return errors.Join(checkSerdes(s.key, s.value), checkRetention(s.options.Retention))
}

// Open makes the store for one task.
func (s Buffer[K, V]) Open(env Env) Store { return s.open(s, env) }

func openBuffer[K, V any](s Buffer[K, V], env Env) Store {
	retention := eventtime.Keep(s.options.Retention)
	return &bufferStore[K, V]{
		rows: newRows(s.name, env.part(rowsPart), s.value), segments: newSegments(retention), clock: newClock(),
		numbers: newSequence(env), keys: steadyKeys(env, s.key), byTime: s.byTime, retention: retention,
	}
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
	// Waits is false if Until has nothing to show.
	Waits(to int64) bool
	// Until walks the records up to a time, included, of all keys, by time and then as they came. Rows may be removed on
	// the way. A walk ends after an error.
	Until(to int64) iter.Seq2[BufferRow[K, V], error]
	// UntilEach is Until for who looks often, and has made the function that records are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	UntilEach(to int64, show func(BufferRow[K, V]) (more bool, err error)) error
	// Remove takes a record out that a walk has shown.
	Remove(row BufferRow[K, V]) error
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

type bufferStore[K, V any] struct {
	*rows[V]
	segments
	clock
	front
	numbers   sequence
	keys      serde.Serde[K]
	byTime    bool
	retention int64
	removed   int64 // segments, or times, below have been removed from the database
	flushing  int64
	buf, row  []byte
}

const sequenceSize = 4

func (s *bufferStore[K, V]) oldest() int64 { return max(0, s.time-s.retention) }

// encodeKey appends the user's part of a key to the store's scratch.
func (s *bufferStore[K, V]) encodeKey(key K) ([]byte, error) {
	b, err := s.keys.Append(s.buf[:0], key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

// rowKey makes the key of a row, in scratch of its own.
func (s *bufferStore[K, V]) rowKey(key []byte, at int64, sequence uint32) []byte {
	b := append(s.row[:0], s.prefix...)
	if s.byTime {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
		s.row = append(binary.BigEndian.AppendUint32(b, sequence), key...)
	} else {
		s.row = binary.BigEndian.AppendUint32(s.append(b, key, at), sequence)
	}
	return s.row
}

// from is the lower bound of the rows of a time and later ones.
func (s *bufferStore[K, V]) from(at int64) []byte {
	if !s.byTime {
		return s.prefix
	}
	return binary.BigEndian.AppendUint64(append(s.row[:0], s.prefix...), uint64(at))
}

// parse splits a row's key, without the prefix.
func (s *bufferStore[K, V]) parse(b []byte) (key []byte, at int64, sequence uint32) {
	if s.byTime {
		return b[timeSize+sequenceSize:], int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[timeSize:])
	}
	key, at, rest, _ := s.segments.parse(b)
	return key, at, binary.BigEndian.Uint32(rest)
}

func (s *bufferStore[K, V]) Put(key K, value V, timestamp int64) error {
	s.Observe(timestamp)
	if timestamp < s.oldest() {
		return nil
	}
	b, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	s.wrote(timestamp)
	n, err := s.numbers.next()
	if err != nil {
		return fmt.Errorf("state: store %s: %w", s.name, err)
	}
	return s.put(s.rowKey(b, timestamp, n), value, timestamp)
}

func (s *bufferStore[K, V]) Fetch(key K, from, to int64) iter.Seq2[BufferRow[K, V], error] {
	return walking(func(show func(BufferRow[K, V]) bool) error {
		b, err := s.encodeKey(key)
		if from, to := max(from, s.oldest()), min(to, s.time); err == nil && from <= to {
			err = s.bounds(s.prefix, b, from, to, false, func(lower, upper []byte) (more bool, err error) {
				more = true
				err = s.each(lower, upper, false, func(b []byte, value V, _ int64) (bool, error) {
					_, at, n := s.parse(b[len(s.prefix):])
					row := BufferRow[K, V]{Key: key, Value: value, Timestamp: at, sequence: n}
					more = at < s.oldest() || show(row)
					return more, nil
				})
				return more, err
			})
		}
		return err
	})
}

func (s *bufferStore[K, V]) Collect(dst []BufferRow[K, V], key K, from, to int64) ([]BufferRow[K, V], error) {
	for row, err := range s.Fetch(key, from, to) {
		if err != nil {
			return dst, err
		}
		dst = append(dst, row)
	}
	return dst, nil
}

func (s *bufferStore[K, V]) Waits(to int64) bool { return to >= s.first }

func (s *bufferStore[K, V]) Until(to int64) iter.Seq2[BufferRow[K, V], error] {
	return walking(func(show func(BufferRow[K, V]) bool) error {
		return s.UntilEach(to, func(row BufferRow[K, V]) (bool, error) { return show(row), nil })
	})
}

func (s *bufferStore[K, V]) UntilEach(to int64, show func(BufferRow[K, V]) (bool, error)) error {
	if !s.Waits(to) {
		return nil
	}
	outer, next, whole := s.begin(), int64(math.MaxInt64), true
	err := s.each(s.from(s.first), s.upper, false, func(b []byte, value V, _ int64) (more bool, err error) {
		if _, at, _ := s.parse(b[len(s.prefix):]); at > to {
			next = at
			return false, nil
		}
		whole, err = s.leave(b, value, show)
		return whole, err
	})
	s.end(outer, next, whole && err == nil)
	return err
}

// leave shows a row, and remembers if it was left where it is.
func (s *bufferStore[K, V]) leave(
	b []byte, value V, show func(BufferRow[K, V]) (bool, error),
) (more bool, err error) {
	k, at, n := s.parse(b[len(s.prefix):])
	key, err := s.keys.Decode(k)
	if err != nil {
		return false, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	more, err = show(BufferRow[K, V]{Key: key, Value: value, Timestamp: at, sequence: n})
	if err != nil {
		return false, err
	}
	_, _, left, err := s.get(b)
	if left {
		s.wrote(at)
	}
	return more, err
}

func (s *bufferStore[K, V]) Remove(row BufferRow[K, V]) error {
	b, err := s.encodeKey(row.Key)
	if err != nil {
		return err
	}
	return s.delete(s.rowKey(b, row.Timestamp, row.sequence), row.Timestamp)
}

// Mark makes the present state the one that Undo returns to.
func (s *bufferStore[K, V]) Mark() {
	s.rows.Mark()
	s.markTime, s.markFirst = s.time, s.first
	s.numbers.Mark()
}

// Undo takes back every write since Mark.
func (s *bufferStore[K, V]) Undo() {
	s.rows.Undo()
	s.time, s.first = s.markTime, s.markFirst
	s.numbers.Undo()
}

// Flush encodes what was written since the last commit, and removes what has expired.
func (s *bufferStore[K, V]) Flush(b store.Batch, log Changelog) error {
	err := s.flush(b, log, func(dst, key []byte) []byte {
		k, at, n := s.parse(key)
		dst = binary.BigEndian.AppendUint64(append(dst, k...), uint64(at))
		return binary.BigEndian.AppendUint32(dst, n)
	})
	if err != nil {
		return err
	}
	if err := s.numbers.flush(b); err != nil {
		return err
	}
	if s.flushing = s.oldest() / s.interval; s.byTime || s.flushing == s.removed {
		return nil
	}
	lower, upper := s.expired(s.prefix, s.oldest())
	s.expire(upper)
	return b.DeleteRange(lower, upper)
}

// Committed tells that the batch is in the database.
func (s *bufferStore[K, V]) Committed() {
	s.removed = s.flushing
	s.rows.Committed()
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (s *bufferStore[K, V]) Abort() {
	s.rows.Abort()
	s.clock, s.front = newClock(), front{}
	s.numbers.Abort()
}

// Restore enters a changelog record: key, time, sequence number.
func (s *bufferStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n := len(key) - timeSize - sequenceSize
	if n < 0 {
		return fmt.Errorf("state: store %s: %w: key of %d bytes", s.name, store.ErrMalformed, len(key))
	}
	at, sequence := int64(binary.BigEndian.Uint64(key[n:])), binary.BigEndian.Uint32(key[n+timeSize:])
	if err := s.restore(b, s.rowKey(key[:n], at, sequence), value, timestamp); err != nil {
		return err
	}
	return s.numbers.restore(b, sequence)
}
