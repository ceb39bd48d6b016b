package state

import (
	"bytes"
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

// Session declares a session store.
type Session[K, V any] struct {
	name    string
	key     serde.Serde[K]
	value   serde.Serde[V]
	options Options
	open    func(Session[K, V], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewSession declares a session store: rows under a key and the bounds of a session. The name is that of its changelog
// topic, <application>-<name>-changelog, and must not change as long as the state matters. Changelog records have the
// bytes of Kafka Streams' session stores: key, end, start (int64 each); the plain value; the row's timestamp.
//
// An aggregation keeps sessions for their gap and grace period after their end. Retain keeps them longer, for queries;
// a processor that uses a session store by itself must say how long.
func NewSession[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Session[K, V] {
	return Session[K, V]{name: name, key: key, value: value, options: writtenBy(key, value), open: openSession[K, V]}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Session[K, V]) InMemory() Session[K, V] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Session[K, V]) NoChangelog() Session[K, V] {
	s.options.NoChangelog = true
	return s
}

// Retain is the same store keeping sessions until stream time has passed their end by d.
func (s Session[K, V]) Retain(d time.Duration) Session[K, V] {
	s.options.Retention = d
	return s
}

// In is the open store within a processor, or within a test.
func (s Session[K, V]) In(stores Stores) SessionStore[K, V] {
	return in[SessionStore[K, V]](stores, s.name)
}

// Name is the name of the store.
func (s Session[K, V]) Name() string { return s.name }

// Kind is KindSession.
func (s Session[K, V]) Kind() Kind { return KindSession }

// Format names kind and serdes.
func (s Session[K, V]) Format() string { return format(KindSession, s.key, s.value) }

// Options are the settings of the declaration.
func (s Session[K, V]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Session[K, V]) Err() error {
	return errors.Join(checkSerdes(s.key, s.value), checkRetention(s.options.Retention))
}

// Open makes the store for one task.
func (s Session[K, V]) Open(env Env) Store { return s.open(s, env) }

func openSession[K, V any](s Session[K, V], env Env) Store {
	retention := eventtime.Keep(s.options.Retention)
	return &sessionStore[K, V]{
		rows: newRows(s.name, env.part(rowsPart), s.value), byKey: newKeyIndex(s.name, env, retention),
		keys: steadyKeys(env, s.key), clock: newClock(), retention: retention,
	}
}

// SessionRow is a row of a session store.
type SessionRow[K, V any] struct {
	Key        K
	Start, End int64 // of the session, both included, milliseconds
	Value      V
	Timestamp  int64 // milliseconds
}

// SessionStore is an open session store of one task. It is used by that task's goroutine only.
//
// Rows lie in the order of their end, and are found by key, too. A row has expired when stream time has passed its end
// by more than the retention; from then on no read shows it.
type SessionStore[K, V any] interface {
	// Row is the session of key with these bounds; ok is false if there is none, or it has expired.
	Row(key K, start, end int64) (row SessionRow[K, V], ok bool, err error)
	// Put writes a session, with its timestamp in milliseconds, unless it has expired.
	Put(key K, start, end int64, value V, timestamp int64) error
	// Delete removes a session; if there is none, nothing happens.
	Delete(key K, start, end, timestamp int64) error
	// Find walks the sessions of a key that end at or after from and start at or before to, by end and then start. Rows
	// may be written and deleted on the way. A walk ends after an error.
	Find(key K, from, to int64) iter.Seq2[SessionRow[K, V], error]
	// FindReverse walks the same sessions in the opposite order.
	FindReverse(key K, from, to int64) iter.Seq2[SessionRow[K, V], error]
	// Collect appends the rows that Find walks: for who wants them all, and wants them often, as a walk has its cost.
	Collect(dst []SessionRow[K, V], key K, from, to int64) ([]SessionRow[K, V], error)
	// Between walks the sessions of all keys that end from one time to another, both included, by end and then by encoded
	// key. Rows may be written and deleted on the way. A walk ends after an error.
	Between(from, to int64) iter.Seq2[SessionRow[K, V], error]
	// BetweenReverse walks the same sessions in the opposite order.
	BetweenReverse(from, to int64) iter.Seq2[SessionRow[K, V], error]
	// All walks all sessions that have not expired, by end and then by encoded key.
	All() iter.Seq2[SessionRow[K, V], error]
	// Waits is false if Sweep has nothing to show up to a time.
	Waits(to int64) bool
	// Sweep walks the same sessions as Between, for a caller that goes forward in time and leaves nothing behind. It
	// remembers where the next session is: until there is one to show, a sweep costs nothing.
	Sweep(from, to int64) iter.Seq2[SessionRow[K, V], error]
	// SweepEach is Sweep for who sweeps often, and has made the function that sessions are shown to once: it allocates
	// nothing. It ends when that returns false or an error, which it returns.
	SweepEach(from, to int64, show func(SessionRow[K, V]) (more bool, err error)) error
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
	// Silence is for processors that move the time on while no record comes; several that share the store share it. It
	// is not kept.
	Silence() *Silence
}

type sessionStore[K, V any] struct {
	*rows[V]
	clock
	front
	keys      serde.Serde[K]
	byKey     *keyIndex
	retention int64
	removed   int64 // rows with a lower end have been removed from the database
	flushing  int64 // what removed will be once the flush is committed
	buf       []byte
}

func (s *sessionStore[K, V]) oldest() int64 { return max(0, s.time-s.retention) }

// encodeKey makes the key of a row: prefix, end, key, start.
func (s *sessionStore[K, V]) encodeKey(key K, start, end int64) ([]byte, error) {
	b := binary.BigEndian.AppendUint64(append(s.buf[:0], s.prefix...), uint64(end))
	b, err := s.keys.Append(b, key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = binary.BigEndian.AppendUint64(b, uint64(start))
	return s.buf, nil
}

// split is the user's part of a row's key, and the start of its session.
func (s *sessionStore[K, V]) split(b []byte) (key, start []byte) {
	b = b[len(s.prefix)+timeSize:]
	return b[:len(b)-timeSize], b[len(b)-timeSize:]
}

func (s *sessionStore[K, V]) Row(key K, start, end int64) (row SessionRow[K, V], ok bool, err error) {
	if end < s.oldest() {
		return row, false, nil
	}
	b, err := s.encodeKey(key, start, end)
	if err != nil {
		return row, false, err
	}
	row.Key, row.Start, row.End = key, start, end
	row.Value, row.Timestamp, ok, err = s.get(b)
	return row, ok, err
}

func (s *sessionStore[K, V]) Put(key K, start, end int64, value V, timestamp int64) error {
	if start < 0 || end < start {
		return fmt.Errorf("state: store %s: session from %d to %d: the start must be 0 or more, and not after the end",
			s.name, start, end)
	}
	s.Observe(end)
	if end < s.oldest() {
		return nil
	}
	b, err := s.encodeKey(key, start, end)
	if err != nil {
		return err
	}
	s.wrote(end)
	if err := s.put(b, value, timestamp); err != nil {
		return err
	}
	k, rest := s.split(b)
	return s.byKey.put(k, end, rest)
}

func (s *sessionStore[K, V]) Delete(key K, start, end, timestamp int64) error {
	b, err := s.encodeKey(key, start, end)
	if err != nil {
		return err
	}
	if err := s.delete(b, timestamp); err != nil {
		return err
	}
	k, rest := s.split(b)
	return s.byKey.delete(k, end, rest)
}

func (s *sessionStore[K, V]) Find(key K, from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.find(key, from, to, false)
}

func (s *sessionStore[K, V]) FindReverse(key K, from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.find(key, from, to, true)
}

func (s *sessionStore[K, V]) find(key K, from, to int64, reverse bool) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) bool) error {
		b, err := s.encodeKey(key, 0, 0)
		if err == nil {
			k, _ := s.split(b)
			err = s.byKey.find(k, max(from, s.oldest()), s.time, reverse, func(end int64, rest []byte) (bool, error) {
				start := int64(binary.BigEndian.Uint64(rest))
				if start > to {
					return true, nil
				}
				row, ok, err := s.Row(key, start, end)
				return err == nil && (!ok || show(row)), err
			})
		}
		return err
	})
}

func (s *sessionStore[K, V]) Collect(dst []SessionRow[K, V], key K, from, to int64) ([]SessionRow[K, V], error) {
	for row, err := range s.Find(key, from, to) {
		if err != nil {
			return dst, err
		}
		dst = append(dst, row)
	}
	return dst, nil
}

func (s *sessionStore[K, V]) Between(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.walk(from, to, false)
}

func (s *sessionStore[K, V]) BetweenReverse(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.walk(from, to, true)
}

func (s *sessionStore[K, V]) Waits(to int64) bool { return to >= s.first }

func (s *sessionStore[K, V]) Sweep(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) bool) error {
		return s.SweepEach(from, to, func(row SessionRow[K, V]) (bool, error) { return show(row), nil })
	})
}

func (s *sessionStore[K, V]) SweepEach(from, to int64, show func(SessionRow[K, V]) (bool, error)) error {
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
		case row.End > to:
			next = row.End
			return false, nil
		case row.End >= s.oldest():
			whole, err = show(row)
		}
		return whole, err
	})
	s.end(outer, next, whole && err == nil)
	return err
}

func (s *sessionStore[K, V]) All() iter.Seq2[SessionRow[K, V], error] {
	return s.walk(0, math.MaxInt64, false)
}

func (s *sessionStore[K, V]) walk(from, to int64, reverse bool) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) bool) error {
		lower, upper := s.timeKey(max(from, s.oldest())), after(s.timeKey(max(to, 0)))
		if to < max(from, 0) {
			upper = lower
		}
		return s.each(lower, upper, reverse, func(b []byte, value V, ts int64) (bool, error) {
			row, err := s.row(b, value, ts)
			return err == nil && (row.End < s.oldest() || show(row)), err
		})
	})
}

func (s *sessionStore[K, V]) timeKey(at int64) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(s.prefix), uint64(at))
}

func (s *sessionStore[K, V]) row(b []byte, value V, ts int64) (row SessionRow[K, V], err error) {
	k, start := s.split(b)
	if row.Key, err = s.keys.Decode(k); err != nil {
		return row, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	row.End, row.Start = int64(binary.BigEndian.Uint64(b[len(s.prefix):])), int64(binary.BigEndian.Uint64(start))
	row.Value, row.Timestamp = value, ts
	return row, nil
}

// Mark makes the present state the one that Undo returns to.
func (s *sessionStore[K, V]) Mark() {
	s.rows.Mark()
	s.byKey.Mark()
	s.markTime, s.markFirst = s.time, s.first
}

// Undo takes back every write since Mark.
func (s *sessionStore[K, V]) Undo() {
	s.rows.Undo()
	s.byKey.Undo()
	s.time, s.first = s.markTime, s.markFirst
}

// Flush encodes what was written since the last commit, and removes what has expired once that is worth a range
// deletion.
func (s *sessionStore[K, V]) Flush(b store.Batch, log Changelog) error {
	err := s.flush(b, log, func(dst, key []byte) []byte {
		n := len(key) - timeSize
		dst = append(append(dst, key[timeSize:n]...), key[:timeSize]...)
		return append(dst, key[n:]...)
	})
	if err != nil {
		return err
	}
	if err := s.byKey.flush(b, s.oldest()); err != nil {
		return err
	}
	if s.flushing = s.removed; s.oldest()-s.removed > s.retention/8 {
		s.flushing = s.oldest()
		s.expire(s.timeKey(s.flushing))
		return b.DeleteRange(s.timeKey(0), s.timeKey(s.flushing))
	}
	return nil
}

// Committed tells that the batch is in the database.
func (s *sessionStore[K, V]) Committed() {
	s.removed = s.flushing
	s.rows.Committed()
	s.byKey.Committed()
}

// Abort drops everything since the last commit. The time that was committed must be set again.
func (s *sessionStore[K, V]) Abort() {
	s.rows.Abort()
	s.byKey.Abort()
	s.clock, s.front = newClock(), front{}
}

// Restore enters a changelog record: key, end, start.
func (s *sessionStore[K, V]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	n := len(key) - 2*timeSize
	if n < 0 {
		return fmt.Errorf("state: store %s: %w: key of %d bytes", s.name, store.ErrMalformed, len(key))
	}
	end, start := key[n:n+timeSize], key[n+timeSize:]
	s.buf = append(append(append(s.buf[:0], s.prefix...), end...), key[:n]...)
	s.buf = append(s.buf, start...)
	if err := s.restore(b, s.buf, value, timestamp); err != nil {
		return err
	}
	return s.byKey.restore(b, key[:n], int64(binary.BigEndian.Uint64(end)), start, value != nil)
}
