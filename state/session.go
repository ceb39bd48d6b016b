package state

import (
	"iter"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Session declares a session store.
type Session[K, V any] struct {
	spec *declared
	open func(stores Stores) SessionStore[K, V]
}

// NewSession declares a session store: rows under a key and the bounds of a session. The name is that of its changelog
// topic, <application>-<name>-changelog, and must not change as long as the state matters. Changelog records have the
// bytes of Kafka Streams' session stores: key, end, start (int64 each); the plain value; the row's timestamp.
//
// An aggregation keeps sessions for their gap and grace period after their end. Retain keeps them longer, for queries;
// a processor that uses a session store by itself must say how long.
func NewSession[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) Session[K, V] {
	d := storage.NewDeclared(storage.KindSession, name, key, value, func(d *declared, env storage.Env) opened {
		return openSession(d, env, key, value)
	})
	return Session[K, V]{d, in[SessionStore[K, V]](name)}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Session[K, V]) InMemory() Session[K, V] {
	return Session[K, V]{s.spec.InMemory(), s.open}
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Session[K, V]) NoChangelog() Session[K, V] {
	return Session[K, V]{s.spec.NoChangelog(), s.open}
}

// Retain is the same store keeping sessions until stream time has passed their end by d.
func (s Session[K, V]) Retain(d time.Duration) Session[K, V] {
	return Session[K, V]{s.spec.Retain(d), s.open}
}

// In is the open store within a processor, or within a test.
func (s Session[K, V]) In(stores Stores) SessionStore[K, V] { return s.open(stores) }

// Spec is the declaration without its types.
func (s Session[K, V]) Spec() Spec { return s.spec.Sealed(storage.KindSession) }

// SessionDeclaration is a Session. Methods of streams and tables take it, so that types without such a store compile
// none.
type SessionDeclaration[K, V any] interface {
	Declaration
	ofSession(K, V)
}

func (s Session[K, V]) ofSession(K, V) {}

func openSession[K, V any](d *declared, env storage.Env, keys serde.Serde[K], values serde.Serde[V]) opened {
	core, part := newSessionCore(d.Name(), env, d.Options())
	handle := &sessionStore[K, V]{core: core, column: newColumn(d.Name(), part, values), keys: steadyKeys(env, keys)}
	core.rows, core.handle = handle.column.rows, handle
	return core
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
	// Observe moves the store's stream time on; an earlier time changes nothing.
	Observe(streamTime int64)
	// Time is the highest time that the store has seen, -1 if none.
	Time() (streamTime int64, ok bool)
}

type sessionStore[K, V any] struct {
	core   *sessionCore
	column *column[V]
	keys   serde.Serde[K]
}

func (s *sessionStore[K, V]) key(key K, start, end int64) ([]byte, error) {
	b, err := appendKey(&s.core.core, s.core.atTime(end), s.keys, key)
	if err == nil {
		b = s.core.appendStart(b, start)
	}
	return b, err
}

func (s *sessionStore[K, V]) Row(key K, start, end int64) (row SessionRow[K, V], ok bool, err error) {
	if end < s.core.oldest() {
		return row, false, nil
	}
	b, err := s.key(key, start, end)
	if err != nil {
		return row, false, err
	}
	row.Key, row.Start, row.End = key, start, end
	row.Value, row.Timestamp, ok, err = s.column.get(b)
	return row, ok, err
}

func (s *sessionStore[K, V]) Put(key K, start, end int64, value V, timestamp int64) error {
	if ok, err := s.core.takes(start, end); !ok {
		return err
	}
	b, err := s.key(key, start, end)
	if err != nil {
		return err
	}
	s.core.fronts[0].Wrote(end)
	if err := s.column.put(b, value, timestamp); err != nil {
		return err
	}
	return s.core.put(b, end)
}

func (s *sessionStore[K, V]) Delete(key K, start, end, timestamp int64) error {
	b, err := s.key(key, start, end)
	if err != nil {
		return err
	}
	return s.core.delete(b, end, timestamp)
}

func (s *sessionStore[K, V]) Find(key K, from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.find(key, from, to, false)
}

func (s *sessionStore[K, V]) FindReverse(key K, from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.find(key, from, to, true)
}

//go:noinline
func (s *sessionStore[K, V]) find(key K, from, to int64, reverse bool) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) (bool, error)) error {
		return s.findEach(key, from, to, reverse, show)
	})
}

//go:noinline
func (s *sessionStore[K, V]) findEach(
	key K, from, to int64, reverse bool, show func(SessionRow[K, V]) (bool, error),
) error {
	b, err := s.key(key, 0, 0)
	if err != nil {
		return err
	}
	return s.core.find(b, from, to, reverse, func(id int, start, end, timestamp int64) (bool, error) {
		row := SessionRow[K, V]{Key: key, Start: start, End: end, Value: *s.column.at(id), Timestamp: timestamp}
		return show(row)
	})
}

func (s *sessionStore[K, V]) Collect(dst []SessionRow[K, V], key K, from, to int64) ([]SessionRow[K, V], error) {
	err := s.findEach(key, from, to, false, func(row SessionRow[K, V]) (bool, error) {
		dst = append(dst, row)
		return true, nil
	})
	return dst, err
}

func (s *sessionStore[K, V]) Between(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.walk(from, to, false)
}

func (s *sessionStore[K, V]) BetweenReverse(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return s.walk(from, to, true)
}

func (s *sessionStore[K, V]) All() iter.Seq2[SessionRow[K, V], error] {
	return s.walk(0, math.MaxInt64, false)
}

//go:noinline
func (s *sessionStore[K, V]) walk(from, to int64, reverse bool) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) (bool, error)) error {
		return s.core.between(from, to, reverse, func(at *rows.At) (bool, error) { return s.show(at, show) })
	})
}

func (s *sessionStore[K, V]) Waits(to int64) bool { return to >= s.core.fronts[0].First() }

//go:noinline
func (s *sessionStore[K, V]) Sweep(from, to int64) iter.Seq2[SessionRow[K, V], error] {
	return walking(func(show func(SessionRow[K, V]) (bool, error)) error { return s.SweepEach(from, to, show) })
}

//go:noinline
func (s *sessionStore[K, V]) SweepEach(from, to int64, show func(SessionRow[K, V]) (bool, error)) error {
	return s.core.sweep(from, to, func(at *rows.At) (bool, error) { return s.show(at, show) })
}

// show shows a row with its types.
func (s *sessionStore[K, V]) show(at *rows.At, show func(SessionRow[K, V]) (bool, error)) (more bool, err error) {
	k, start := s.core.split(at.Key)
	row := SessionRow[K, V]{Start: start, End: s.core.timeOf(at.Key), Timestamp: at.Timestamp}
	if row.Value, err = s.column.shown(at); err != nil {
		return false, err
	}
	if row.Key, err = decodeKey(&s.core.core, s.keys, k); err != nil {
		return false, err
	}
	return show(row)
}

func (s *sessionStore[K, V]) Observe(streamTime int64) { s.core.Observe(streamTime) }

func (s *sessionStore[K, V]) Time() (int64, bool) { return s.core.Time() }

func (s *sessionStore[K, V]) Silence() *rows.Silence { return s.core.Silence() }
