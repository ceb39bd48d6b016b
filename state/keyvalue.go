package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// KeyValue declares a key-value store.
type KeyValue[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
	kind    Kind                            // KindKeyValue if empty
	byTime  bool                            // rows are found by their time, too
	open    func(KeyValue[K, V], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewKeyValue declares a key-value store. The name is that of its changelog topic, <application>-<name>-changelog, and
// must not change as long as the state matters. The changelog's records have the plain key and value, and the row's
// timestamp.
func NewKeyValue[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) KeyValue[K, V] {
	return KeyValue[K, V]{name: name, key: key, value: value, options: writtenBy(key, value), open: openKeyValue[K, V]}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s KeyValue[K, V]) InMemory() KeyValue[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s KeyValue[K, V]) NoChangelog() KeyValue[K, V] {
	s.options.NoChangelog = true
	return s
}

// TTL is the same store for a table, or an aggregation of a stream, whose rows die: one that no record has touched when
// stream time has passed its timestamp by more than d is deleted, and so is what was made of it downstream. Its
// timestamp is the highest of the records that touched it: an older one takes none of its time. Stream time is that of
// all records of the task, so that no join finds a row that is over at the time of the record that looks for it: a
// topic that is read beside the table's, and is ahead of it in time, ends rows too. Kafka Streams has none (KIP-1225).
func (s KeyValue[K, V]) TTL(d time.Duration) KeyValue[K, V] {
	s.options.TTL = d
	return s
}

// NewestWins is the same store for a table in which the record with the highest timestamp is the row, in whatever order
// records arrive: one that is older than the row is dropped and counted as late. A delete leaves nothing to compare
// with: an older record that comes after it is a row again; a versioned store remembers deletes, too. By default the
// later arrival wins.
func (s KeyValue[K, V]) NewestWins() KeyValue[K, V] {
	s.options.NewestWins = true
	return s
}

// In is the open store within a processor, or within a test.
func (s KeyValue[K, V]) In(stores Stores) KeyValueStore[K, V] {
	return in[KeyValueStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s KeyValue[K, V]) Name() string { return s.name }

// Kind is KindKeyValue, or KindSuppress for the buffer of one.
func (s KeyValue[K, V]) Kind() Kind { return cmp.Or(s.kind, KindKeyValue) }

// Format names kind and serdes.
func (s KeyValue[K, V]) Format() string { return format(s.Kind(), s.key, s.value) }

// Options are the settings of the declaration.
func (s KeyValue[K, V]) Options() Options { return s.options }

// Layout tells whether rows are found by their time, too.
func (s KeyValue[K, V]) Layout() string {
	if s.byTime || s.options.TTL > 0 {
		return "by time"
	}
	return ""
}

// Err is what is wrong with the declaration.
func (s KeyValue[K, V]) Err() error {
	if d := s.options.TTL; d < 0 || d%time.Millisecond != 0 {
		return errors.Join(checkSerdes(s.key, s.value), fmt.Errorf("time to live %v: must be whole milliseconds, above 0", d))
	}
	return checkSerdes(s.key, s.value)
}

// Open makes the store for one task.
func (s KeyValue[K, V]) Open(env Env) Store { return s.open(s, env) }

func openKeyValue[K, V any](s KeyValue[K, V], env Env) Store {
	open := &keyValueStore[K, V]{keys: steadyKeys(env, s.key), ttl: s.options.TTL.Milliseconds(), clock: newClock()}
	if s.byTime || open.ttl > 0 {
		x := newIndex(s.name, env)
		open.byTime, env = &x, env.part(rowsPart)
	}
	open.rows = newRows(s.name, env, s.value)
	return open
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
	// Put writes a row. Its timestamp, in milliseconds, is also that of the changelog record.
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
	*rows[V]
	clock // of a store that finds rows by time
	front
	keys    serde.Serde[K]
	ttl     int64  // milliseconds; 0: rows live for ever
	byTime  *index // rows by timestamp, where they are found by it
	buf     []byte
	timeBuf []byte

	tally     Tally
	markTally Tally
}

// TimedStore is a key-value store that finds rows by their time, see Timed.
type TimedStore[K, V any] interface {
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
	// Expired walks the rows whose time to live is over, oldest first. They may be deleted on the way.
	Expired() iter.Seq2[Row[K, V], error]
	// Oldest walks the rows of a store that finds them by time, oldest first, then by encoded key. They may be deleted on
	// the way.
	Oldest() iter.Seq2[Row[K, V], error]
	// Waits is false if Until has nothing to show.
	Waits(timestamp int64) bool
	// Until walks those of them that are not younger than a time.
	Until(timestamp int64) iter.Seq2[Row[K, V], error]
	// UntilEach is Until for who looks often, and has made the function that rows are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	UntilEach(timestamp int64, show func(Row[K, V]) (more bool, err error)) error
	// Tally is for processors that bound what they keep in the store: what they write here is rolled back with the rows.
	Tally() *Tally
}

// Timed is the side of a store whose rows have a time to live, or of the buffer of a suppress, that goes by time.
func Timed[K, V any](s KeyValueStore[K, V]) TimedStore[K, V] { return s.(TimedStore[K, V]) }

// Tally is how much a processor keeps in a store.
type Tally struct{ Rows, Bytes int64 }

func (s *keyValueStore[K, V]) encodeKey(key K) ([]byte, error) {
	b, err := s.keys.Append(append(s.buf[:0], s.prefix...), key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

func (s *keyValueStore[K, V]) Get(key K) (value V, ok bool, err error) {
	row, ok, err := s.Row(key)
	return row.Value, ok, err
}

func (s *keyValueStore[K, V]) Row(key K) (row Row[K, V], ok bool, err error) {
	b, err := s.encodeKey(key)
	if err != nil {
		return row, false, err
	}
	row.Key = key
	row.Value, row.Timestamp, ok, err = s.get(b)
	return row, ok, err
}

func (s *keyValueStore[K, V]) Put(key K, value V, timestamp int64) error {
	b, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	if err := s.reindex(b, timestamp, true); err != nil {
		return err
	}
	return s.put(b, value, timestamp)
}

func (s *keyValueStore[K, V]) Delete(key K, timestamp int64) error {
	b, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	if err := s.reindex(b, timestamp, false); err != nil {
		return err
	}
	return s.delete(b, timestamp)
}

func (s *keyValueStore[K, V]) All() iter.Seq2[Row[K, V], error] {
	return s.walk(s.prefix, s.upper, false)
}

func (s *keyValueStore[K, V]) Reverse() iter.Seq2[Row[K, V], error] {
	return s.walk(s.prefix, s.upper, true)
}

func (s *keyValueStore[K, V]) Range(from, to K) iter.Seq2[Row[K, V], error] {
	return s.between(from, to, false)
}

func (s *keyValueStore[K, V]) ReverseRange(from, to K) iter.Seq2[Row[K, V], error] {
	return s.between(from, to, true)
}

func (s *keyValueStore[K, V]) between(from, to K, reverse bool) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) bool) error {
		lower, err := s.encodeKey(from)
		if err != nil {
			return err
		}
		lower = bytes.Clone(lower)
		upper, err := s.encodeKey(to)
		if err != nil {
			return err
		}
		return s.show(lower, append(bytes.Clone(upper), 0), reverse, show)
	})
}

func (s *keyValueStore[K, V]) Prefix(encoded []byte) iter.Seq2[Row[K, V], error] {
	lower := append(bytes.Clone(s.prefix), encoded...)
	return s.walk(lower, after(lower), false)
}

func (s *keyValueStore[K, V]) walk(lower, upper []byte, reverse bool) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) bool) error { return s.show(lower, upper, reverse, show) })
}

func (s *keyValueStore[K, V]) show(lower, upper []byte, reverse bool, show func(Row[K, V]) bool) error {
	return s.each(lower, upper, reverse, func(key []byte, value V, ts int64) (bool, error) {
		k, err := s.keys.Decode(key[len(s.prefix):])
		if err != nil {
			return false, fmt.Errorf("state: store %s: key: %w", s.name, err)
		}
		return show(Row[K, V]{Key: k, Value: value, Timestamp: ts}), nil
	})
}

func (s *keyValueStore[K, V]) Expired() iter.Seq2[Row[K, V], error] {
	return s.Until(s.time - s.ttl - 1)
}

func (s *keyValueStore[K, V]) Oldest() iter.Seq2[Row[K, V], error] { return s.Until(math.MaxInt64) }

func (s *keyValueStore[K, V]) Until(last int64) iter.Seq2[Row[K, V], error] {
	return walking(func(show func(Row[K, V]) bool) error {
		return s.UntilEach(last, func(row Row[K, V]) (bool, error) { return show(row), nil })
	})
}

func (s *keyValueStore[K, V]) Waits(last int64) bool { return s.byTime != nil && last >= s.first }

func (s *keyValueStore[K, V]) UntilEach(last int64, show func(Row[K, V]) (bool, error)) error {
	if !s.Waits(last) {
		return nil
	}
	outer, next, whole := s.begin(), int64(math.MaxInt64), true
	err := s.byTime.walk(s.timeKey(nil, s.first), s.byTime.upper, false, func(b []byte) (more bool, err error) {
		if at := int64(binary.BigEndian.Uint64(b)); at > last {
			next = at
			return false, nil
		}
		whole, err = s.leave(b, show)
		return whole, err
	})
	s.end(outer, next, whole && err == nil)
	return err
}

// leave shows the row of an entry in the order of time, and remembers if it was left where it is.
func (s *keyValueStore[K, V]) leave(b []byte, show func(Row[K, V]) (bool, error)) (more bool, err error) {
	at := int64(binary.BigEndian.Uint64(b))
	row, ok, err := s.rowAt(b[timeSize:], at)
	if err != nil || !ok {
		return true, err
	}
	if more, err = show(row); err != nil {
		return false, err
	}
	if row, ok, err = s.Row(row.Key); ok && row.Timestamp == at {
		s.wrote(at)
	}
	return more, err
}

// rowAt is the row of an entry in the order of time. An entry whose row is another one by now is removed.
func (s *keyValueStore[K, V]) rowAt(key []byte, at int64) (row Row[K, V], ok bool, err error) {
	k, err := s.keys.Decode(key)
	if err != nil {
		return row, false, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	row, ok, err = s.Row(k)
	if err == nil && (!ok || row.Timestamp != at) {
		return row, false, s.byTime.delete(s.timeKey(key, at), 0)
	}
	return row, ok, err
}

// reindex moves a row that is about to be written in the order of time.
func (s *keyValueStore[K, V]) reindex(b []byte, timestamp int64, there bool) error {
	if s.byTime == nil {
		return nil
	}
	_, old, ok, err := s.get(b)
	if err != nil || ok && there && old == timestamp {
		return err
	}
	if ok {
		if err := s.byTime.delete(s.timeKey(b[len(s.prefix):], old), 0); err != nil {
			return err
		}
	}
	if !there {
		return nil
	}
	s.wrote(timestamp)
	return s.byTime.put(s.timeKey(b[len(s.prefix):], timestamp), none{}, 0)
}

// timeKey makes a key of the order of time, in scratch of its own.
func (s *keyValueStore[K, V]) timeKey(key []byte, at int64) []byte {
	b := append(s.timeBuf[:0], s.byTime.prefix...)
	s.timeBuf = append(binary.BigEndian.AppendUint64(b, uint64(at)), key...)
	return s.timeBuf
}

// Mark makes the present state the one that Undo returns to.
func (s *keyValueStore[K, V]) Mark() {
	s.rows.Mark()
	if s.byTime != nil {
		s.byTime.Mark()
		s.markTime, s.markFirst, s.markTally = s.time, s.first, s.tally
	}
}

// Undo takes back every write since Mark.
func (s *keyValueStore[K, V]) Undo() {
	s.rows.Undo()
	if s.byTime != nil {
		s.byTime.Undo()
		s.time, s.first, s.tally = s.markTime, s.markFirst, s.markTally
	}
}

// Flush encodes what was written since the last commit.
func (s *keyValueStore[K, V]) Flush(b store.Batch, log Changelog) error {
	if s.byTime != nil {
		if err := s.byTime.flush(b); err != nil {
			return err
		}
	}
	return s.flush(b, log, func(dst, key []byte) []byte { return append(dst, key...) })
}

// Committed tells that the batch is in the database.
func (s *keyValueStore[K, V]) Committed() {
	s.rows.Committed()
	if s.byTime != nil {
		s.byTime.Committed()
	}
}

// Abort drops everything since the last commit.
func (s *keyValueStore[K, V]) Abort() {
	s.rows.Abort()
	if s.byTime != nil {
		s.byTime.Abort()
		s.clock, s.front = newClock(), front{}
	}
}

// Restore enters a changelog record. Where rows have a time to live, those of earlier records of the same key stay in
// the order of time: whoever walks it finds that the row is another one.
func (s *keyValueStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	s.buf = append(append(s.buf[:0], s.prefix...), key...)
	if s.byTime != nil && value != nil {
		if err := s.byTime.restore(b, s.timeKey(key, timestamp), []byte{}, 0); err != nil {
			return err
		}
	}
	return s.restore(b, s.buf, value, timestamp)
}

func (s *keyValueStore[K, V]) Tally() *Tally { return &s.tally }

// Time is the stream time that a store which finds rows by time has seen; other stores keep none.
func (s *keyValueStore[K, V]) Time() (int64, bool) { return s.time, s.byTime != nil }
