package state

import (
	"bytes"
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
}

// NewUnmatched declares a store for a left or outer join. The name is that of its changelog topic,
// <application>-<name>-changelog. Changelog records have the bytes of the store that Kafka Streams' outer joins share:
// time (int64), side (1 left, 0 right), key; a list of values, each behind its side.
func NewUnmatched[K, L, R any](name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R]) Unmatched[K, L, R] {
	return Unmatched[K, L, R]{name: name, key: key, values: sides[L, R]{left, right}}
}

// InMemory is the same store with its rows in memory: they are restored from the changelog at each start.
func (s Unmatched[K, L, R]) InMemory() Unmatched[K, L, R] {
	s.options.InMemory = true
	return s
}

// NoChangelog is the same store without a changelog topic: its rows are lost with the state directory, and do not move
// with the task.
func (s Unmatched[K, L, R]) NoChangelog() Unmatched[K, L, R] {
	s.options.NoChangelog = true
	return s
}

// In is the open store within a processor, or within a test.
func (s Unmatched[K, L, R]) In(stores Stores) *UnmatchedStore[K, L, R] {
	return in[*UnmatchedStore[K, L, R]](stores, s.name)
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
func (s Unmatched[K, L, R]) Open(env Env) Store {
	return &UnmatchedStore[K, L, R]{rows: newRows(s.name, env, s.values), keys: s.key}
}

// UnmatchedRow are the records of one side, key and time that none of the other side has met, in the order in which they
// came.
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
type UnmatchedStore[K, L, R any] struct {
	*rows[side[L, R]]
	keys  serde.Serde[K]
	first [2]int64 // no row of a side is earlier
	mark  [2]int64
	buf   []byte
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

func (s *UnmatchedStore[K, L, R]) encodeKey(key K, at int64, side byte) ([]byte, error) {
	b := append(append(s.buf[:0], s.prefix...), side)
	b, err := s.keys.Append(binary.BigEndian.AppendUint64(b, uint64(at)), key)
	if err != nil {
		return nil, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	s.buf = b
	return b, nil
}

// PutLeft adds a left record.
func (s *UnmatchedStore[K, L, R]) PutLeft(key K, value L, timestamp int64) error {
	return s.add(key, timestamp, leftSide, func(row side[L, R]) side[L, R] {
		return side[L, R]{isLeft: true, left: append(row.left[:len(row.left):len(row.left)], value)}
	})
}

// PutRight adds a right record.
func (s *UnmatchedStore[K, L, R]) PutRight(key K, value R, timestamp int64) error {
	return s.add(key, timestamp, rightSide, func(row side[L, R]) side[L, R] {
		return side[L, R]{right: append(row.right[:len(row.right):len(row.right)], value)}
	})
}

// add puts a changed copy of a row: the values of the one in the store belong to it.
func (s *UnmatchedStore[K, L, R]) add(key K, at int64, n byte, change func(side[L, R]) side[L, R]) error {
	b, err := s.encodeKey(key, at, n)
	if err != nil {
		return err
	}
	row, _, _, err := s.get(b)
	if err != nil {
		return err
	}
	s.first[n] = min(s.first[n], at)
	return s.put(b, change(row), at)
}

// Remove takes out the records of a side, key and time.
func (s *UnmatchedStore[K, L, R]) Remove(key K, timestamp int64, left bool) error {
	b, err := s.encodeKey(key, timestamp, sideOf(left))
	if err != nil {
		return err
	}
	return s.delete(b, timestamp)
}

// Due walks the left records before one time and the right records before another, together: by time, right before left,
// then by encoded key. Rows may be removed on the way. A walk ends after an error.
//
// The store remembers what it has seen to be the earliest: looking again costs nothing until there is something.
func (s *UnmatchedStore[K, L, R]) Due(left, right int64) iter.Seq2[UnmatchedRow[K, L, R], error] {
	return func(yield func(UnmatchedRow[K, L, R], error) bool) {
		if left <= s.first[leftSide] && right <= s.first[rightSide] {
			return
		}
		if err := s.walkDue([2]int64{right, left}, yield); err != nil {
			yield(UnmatchedRow[K, L, R]{}, err)
		}
	}
}

func (s *UnmatchedStore[K, L, R]) walkDue(due [2]int64, yield func(UnmatchedRow[K, L, R], error) bool) (err error) {
	var heads [2]*scan[side[L, R]]
	for n := range heads {
		if due[n] <= s.first[n] {
			continue
		}
		lower := append(bytes.Clone(s.prefix), byte(n))
		walk, err := s.scan(lower, after(lower), false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, walk.close()) }()
		heads[n] = s.advance(walk, n, due[n])
	}
	for {
		n := s.earlier(heads)
		if heads[n] == nil {
			return nil
		}
		row, err := s.row(heads[n])
		if err != nil || !yield(row, nil) {
			return err
		}
		heads[n] = s.advance(heads[n], n, due[n])
	}
}

// advance is the scan on its next due row, nil if there is none: then what is now the earliest of the side is known.
func (s *UnmatchedStore[K, L, R]) advance(walk *scan[side[L, R]], n int, due int64) *scan[side[L, R]] {
	if !walk.next() {
		s.first[n] = math.MaxInt64
		return nil
	}
	if at := s.timeOf(walk); at >= due {
		s.first[n] = at
		return nil
	}
	return walk
}

func (s *UnmatchedStore[K, L, R]) timeOf(walk *scan[side[L, R]]) int64 {
	return int64(binary.BigEndian.Uint64(walk.key[len(s.prefix)+1:]))
}

// earlier is the side whose row comes first.
func (s *UnmatchedStore[K, L, R]) earlier(heads [2]*scan[side[L, R]]) int {
	l, r := heads[leftSide], heads[rightSide]
	if r == nil || l != nil && s.timeOf(l) < s.timeOf(r) {
		return leftSide
	}
	return rightSide
}

func (s *UnmatchedStore[K, L, R]) row(walk *scan[side[L, R]]) (row UnmatchedRow[K, L, R], err error) {
	if row.Key, err = s.keys.Decode(walk.key[len(s.prefix)+1+timeSize:]); err != nil {
		return row, fmt.Errorf("state: store %s: key: %w", s.name, err)
	}
	row.Timestamp, row.IsLeft, row.Left, row.Right = s.timeOf(walk), walk.value.isLeft, walk.value.left, walk.value.right
	return row, nil
}

// Mark makes the present state the one that Undo returns to.
func (s *UnmatchedStore[K, L, R]) Mark() {
	s.rows.Mark()
	s.mark = s.first
}

// Undo takes back every write since Mark.
func (s *UnmatchedStore[K, L, R]) Undo() {
	s.rows.Undo()
	s.first = s.mark
}

// Flush encodes what was written since the last commit.
func (s *UnmatchedStore[K, L, R]) Flush(b store.Batch, log Changelog) error {
	return s.flush(b, log, func(dst, key []byte) []byte {
		dst = append(append(dst, key[1:1+timeSize]...), key[0])
		return append(dst, key[1+timeSize:]...)
	})
}

// Abort drops everything since the last commit.
func (s *UnmatchedStore[K, L, R]) Abort() {
	s.rows.Abort()
	s.first, s.mark = [2]int64{}, [2]int64{}
}

// Restore enters a changelog record: time, side, key.
func (s *UnmatchedStore[K, L, R]) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	if len(key) < timeSize+1 || key[timeSize] > leftSide {
		return fmt.Errorf("state: store %s: %w: changelog key %x", s.name, store.ErrCorrupt, key)
	}
	s.buf = append(append(append(s.buf[:0], s.prefix...), key[timeSize]), key[:timeSize]...)
	s.buf = append(s.buf, key[timeSize+1:]...)
	return s.restore(b, s.buf, value, timestamp)
}

// Time is not kept by this store.
func (s *UnmatchedStore[K, L, R]) Time() (int64, bool) { return 0, false }

// SetTime does nothing.
func (s *UnmatchedStore[K, L, R]) SetTime(int64) {}
