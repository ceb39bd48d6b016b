package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// Unmatched declares a store for the records of two streams that no record of the other has met yet.
type Unmatched[K, L, R any] struct {
	name    string
	key     serde.Serde[K]
	values  sides[L, R]
	options Options
	open    func(Unmatched[K, L, R], Env) Store // made where the declaration is: who only names its type compiles no store
}

// NewUnmatched declares a store for a left or outer join. The name is that of its changelog topic,
// <application>-<name>-changelog. Changelog records have the bytes of the store that Kafka Streams' outer joins share:
// time (int64), side (1 left, 0 right), key; a list of values, each behind its side.
func NewUnmatched[K, L, R any](
	name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R],
) Unmatched[K, L, R] {
	return Unmatched[K, L, R]{
		name: name, key: key, values: sides[L, R]{left, right}, options: writtenBy(key, left, right),
		open: openUnmatched[K, L, R],
	}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Unmatched[K, L, R]) InMemory() Unmatched[K, L, R] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task. An application that finds them missing ends, unless its Config.Accept says otherwise.
func (s Unmatched[K, L, R]) NoChangelog() Unmatched[K, L, R] {
	s.options.NoChangelog = true
	return s
}

// In is the open store within a processor, or within a test.
func (s Unmatched[K, L, R]) In(stores Stores) UnmatchedStore[K, L, R] {
	return in[UnmatchedStore[K, L, R]](stores, s.name)
}

// Name is the name of the store.
func (s Unmatched[K, L, R]) Name() string { return s.name }

// Kind is KindUnmatched.
func (s Unmatched[K, L, R]) Kind() Kind { return KindUnmatched }

// Format names kind and serdes.
func (s Unmatched[K, L, R]) Format() string { return format(KindUnmatched, s.key, s.values) }

// Options are the settings of the declaration.
func (s Unmatched[K, L, R]) Options() Options { return s.options }

// Err is what is wrong with the declaration.
func (s Unmatched[K, L, R]) Err() error {
	return errors.Join(checkSerdes(s.key, s.values.left), checkSerdes(s.key, s.values.right))
}

// Open makes the store for one task.
func (s Unmatched[K, L, R]) Open(env Env) Store { return s.open(s, env) }

func openUnmatched[K, L, R any](s Unmatched[K, L, R], env Env) Store {
	u := &unmatchedStore[K, L, R]{rows: newRows(s.name, env, s.values), keys: steadyKeys(env, s.key), values: s.values}
	for n := range u.ends {
		u.ends[n] = after(append(u.prefix[:len(u.prefix):len(u.prefix)], byte(n)))
	}
	return u
}

// UnmatchedRow are the records of one side, key and time that none of the other side has met, in the order in which
// they came.
type UnmatchedRow[K, L, R any] struct {
	Key       K
	Timestamp int64 // milliseconds
	IsLeft    bool
	Left      []L
	Right     []R
}

// side holds the values of an UnmatchedRow: those of one of its sides.
type side[L, R any] struct {
	isLeft bool
	left   []L
	right  []R
}

// UnmatchedStore is an open store of unmatched records. It is used by that task's goroutine only. Rows lie in the order
// of side, time and key.
type UnmatchedStore[K, L, R any] interface {
	// PutLeft adds a left record.
	PutLeft(key K, value L, timestamp int64) error
	// PutRight adds a right record.
	PutRight(key K, value R, timestamp int64) error
	// Remove takes out the records of a side, key and time.
	Remove(key K, timestamp int64, left bool) error
	// Waits is false if Due has nothing to show.
	Waits(left, right int64) bool
	// Due walks the left records before one time and the right records before another, together: by time, right before
	// left, then by encoded key. Rows may be removed on the way. A walk ends after an error.
	//
	// The store remembers what it has seen to be the earliest: looking again costs nothing until there is something.
	Due(left, right int64) iter.Seq2[UnmatchedRow[K, L, R], error]
	// DueEach is Due for who looks often, and has made the function that rows are shown to once: it allocates nothing. It
	// ends when that returns false or an error, which it returns.
	DueEach(left, right int64, show func(UnmatchedRow[K, L, R]) (more bool, err error)) error
}

type unmatchedStore[K, L, R any] struct {
	*rows[side[L, R]]
	keys   serde.Serde[K]
	values sides[L, R]
	sides  [2]front
	ends   [2][]byte // of the rows of each side
	buf    []byte
}

const (
	rightSide = 0
	leftSide  = 1
)

func sideOf(left bool) byte {
	if left {
		return leftSide
	}
	return rightSide
}

func (s *unmatchedStore[K, L, R]) encodeKey(key K, at int64, side byte) ([]byte, error) {
	b := append(append(s.buf[:0], s.prefix...), side)
	b, err := s.keys.Append(binary.BigEndian.AppendUint64(b, uint64(at)), key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

func (s *unmatchedStore[K, L, R]) PutLeft(key K, value L, timestamp int64) error {
	value = owned(s.values.left, value)
	return s.add(key, timestamp, leftSide, func(row side[L, R]) side[L, R] {
		return side[L, R]{isLeft: true, left: append(row.left[:len(row.left):len(row.left)], value)}
	})
}

func (s *unmatchedStore[K, L, R]) PutRight(key K, value R, timestamp int64) error {
	value = owned(s.values.right, value)
	return s.add(key, timestamp, rightSide, func(row side[L, R]) side[L, R] {
		return side[L, R]{right: append(row.right[:len(row.right):len(row.right)], value)}
	})
}

// add puts a changed copy of a row: the values of the one in the store belong to it.
func (s *unmatchedStore[K, L, R]) add(key K, at int64, n byte, change func(side[L, R]) side[L, R]) error {
	b, err := s.encodeKey(key, at, n)
	if err != nil {
		return err
	}
	row, _, _, err := s.get(b)
	if err != nil {
		return err
	}
	s.sides[n].wrote(at)
	return s.put(b, change(row), at)
}

func (s *unmatchedStore[K, L, R]) Remove(key K, timestamp int64, left bool) error {
	b, err := s.encodeKey(key, timestamp, sideOf(left))
	if err != nil {
		return err
	}
	return s.delete(b, timestamp)
}

func (s *unmatchedStore[K, L, R]) Waits(left, right int64) bool {
	return left > s.sides[leftSide].first || right > s.sides[rightSide].first
}

func (s *unmatchedStore[K, L, R]) Due(left, right int64) iter.Seq2[UnmatchedRow[K, L, R], error] {
	return walking(func(show func(UnmatchedRow[K, L, R]) bool) error {
		return s.DueEach(left, right, func(row UnmatchedRow[K, L, R]) (bool, error) { return show(row), nil })
	})
}

func (s *unmatchedStore[K, L, R]) DueEach(
	left, right int64, show func(UnmatchedRow[K, L, R]) (bool, error),
) error {
	if !s.Waits(left, right) {
		return nil
	}
	due := [2]int64{right, left}
	l, r := &s.sides[leftSide], &s.sides[rightSide]
	next := [2]int64{r.first, l.first}
	outerLeft, outerRight := l.begin(), r.begin()
	whole, err := s.merge(due, &next, show)
	l.end(outerLeft, next[leftSide], whole && err == nil)
	r.end(outerRight, next[rightSide], whole && err == nil)
	return err
}

// merge shows what is due of both sides. It is whole unless its reader breaks it off.
func (s *unmatchedStore[K, L, R]) merge(
	due [2]int64, next *[2]int64, show func(UnmatchedRow[K, L, R]) (bool, error),
) (whole bool, err error) {
	var walks, heads [2]*scan[side[L, R]]
	defer func() {
		for _, walk := range walks {
			if walk == nil {
				continue
			}
			if failed := walk.close(); failed != nil {
				err = errors.Join(err, failed)
			}
		}
	}()
	for n := range heads {
		if due[n] <= next[n] {
			continue
		}
		walks[n] = s.scan(s.startOf(n, next[n]), s.ends[n], false)
		heads[n] = s.advance(walks[n], due[n], &next[n])
	}
	for {
		n := s.earlier(heads)
		if heads[n] == nil {
			return true, nil
		}
		if more, err := s.leave(heads[n].key, n, show); err != nil || !more {
			return false, err
		}
		heads[n] = s.advance(heads[n], due[n], &next[n])
	}
}

// startOf is the lower bound of the rows of a side from a time on, in the store's scratch.
func (s *unmatchedStore[K, L, R]) startOf(n int, at int64) []byte {
	b := append(append(s.buf[:0], s.prefix...), byte(n))
	s.buf = binary.BigEndian.AppendUint64(b, uint64(at))
	return s.buf
}

// advance is the scan on its next due row. It is nil if there is none: then next is the time of the row behind.
func (s *unmatchedStore[K, L, R]) advance(walk *scan[side[L, R]], due int64, next *int64) *scan[side[L, R]] {
	*next = math.MaxInt64
	if !walk.next() {
		return nil
	}
	if at := s.timeOf(walk.key); at >= due {
		*next = at
		return nil
	}
	return walk
}

func (s *unmatchedStore[K, L, R]) timeOf(b []byte) int64 {
	return int64(binary.BigEndian.Uint64(b[len(s.prefix)+1:]))
}

// earlier is the side whose row comes first.
func (s *unmatchedStore[K, L, R]) earlier(heads [2]*scan[side[L, R]]) int {
	l, r := heads[leftSide], heads[rightSide]
	if r == nil || l != nil && s.timeOf(l.key) < s.timeOf(r.key) {
		return leftSide
	}
	return rightSide
}

// leave shows a row, unless it has been removed since its scan found it, and remembers if it was left where it is.
func (s *unmatchedStore[K, L, R]) leave(
	b []byte, n int, show func(UnmatchedRow[K, L, R]) (bool, error),
) (more bool, err error) {
	value, _, ok, err := s.get(b)
	if err != nil || !ok {
		return true, err
	}
	if value.isLeft != (n == leftSide) {
		return false, fmt.Errorf("state: store %s: %w: row %x has records of the other side", s.name, store.ErrCorrupt, b)
	}
	row, err := s.row(b, value)
	if err != nil {
		return false, err
	}
	if more, err = show(row); err != nil {
		return false, err
	}
	_, _, left, err := s.get(b)
	if left {
		s.sides[n].wrote(row.Timestamp)
	}
	return more, err
}

func (s *unmatchedStore[K, L, R]) row(b []byte, v side[L, R]) (row UnmatchedRow[K, L, R], err error) {
	if row.Key, err = s.keys.Decode(b[len(s.prefix)+1+timeSize:]); err != nil {
		return row, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	row.Timestamp, row.IsLeft, row.Left, row.Right = s.timeOf(b), v.isLeft, v.left, v.right
	return row, nil
}

// Mark makes the present state the one that Undo returns to.
func (s *unmatchedStore[K, L, R]) Mark() {
	s.rows.Mark()
	for n := range s.sides {
		s.sides[n].markFirst = s.sides[n].first
	}
}

// Undo takes back every write since Mark.
func (s *unmatchedStore[K, L, R]) Undo() {
	s.rows.Undo()
	for n := range s.sides {
		s.sides[n].first = s.sides[n].markFirst
	}
}

// Flush encodes what was written since the last commit.
func (s *unmatchedStore[K, L, R]) Flush(b store.Batch, log Changelog) error {
	return s.flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[1:1+timeSize]...), key[0])
		return append(dst, key[1+timeSize:]...)
	})
}

// Abort drops everything since the last commit.
func (s *unmatchedStore[K, L, R]) Abort() {
	s.rows.Abort()
	s.sides = [2]front{}
}

// Restore enters a changelog record: time, side, key.
func (s *unmatchedStore[K, L, R]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	if len(key) < timeSize+1 || key[timeSize] > leftSide {
		return fmt.Errorf("state: store %s: %w: key %x", s.name, store.ErrMalformed, key)
	}
	s.buf = append(append(append(s.buf[:0], s.prefix...), key[timeSize]), key[:timeSize]...)
	s.buf = append(s.buf, key[timeSize+1:]...)
	return s.restore(b, s.buf, value, timestamp)
}

// Time is not kept by this store.
func (s *unmatchedStore[K, L, R]) Time() (int64, bool) { return 0, false }

// SetTime does nothing.
func (s *unmatchedStore[K, L, R]) SetTime(int64) {}
