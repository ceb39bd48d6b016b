package state

import (
	"iter"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// newUnmatched declares a store for a left or outer join. The name is that of its changelog topic,
// <application>-<name>-changelog. Changelog records have the bytes of the store that Kafka Streams' outer joins share:
// time (int64), side (1 left, 0 right), key; a list of values, each behind its side.
func newUnmatched[K, L, R any](
	name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R],
) *declared {
	values := sides[L, R]{left, right}
	d := storage.NewDeclared(storage.KindUnmatched, name, key, values, func(d *declared, env storage.Env) opened {
		return openUnmatched(d, env, key, values)
	})
	return d.With(storage.WrittenBy(key, left, right))
}

func openUnmatched[K, L, R any](d *declared, env storage.Env, keys serde.Serde[K], values sides[L, R]) opened {
	core := &unmatchedCore{}
	handle := &unmatchedStore[K, L, R]{
		core: core, column: newColumn(d.Name(), rows.Env(env), values), keys: steadyKeys(env, keys), values: values,
	}
	core.open(handle.column.rows, handle)
	return core
}

// side holds the values of a storage.UnmatchedRow: those of one of its sides.
type side[L, R any] struct {
	isLeft bool
	left   []L
	right  []R
}

type unmatchedStore[K, L, R any] struct {
	core   *unmatchedCore
	column *column[side[L, R]]
	keys   serde.Serde[K]
	values sides[L, R]
}

func (s *unmatchedStore[K, L, R]) key(key K, at int64, side byte) ([]byte, error) {
	return appendKey(&s.core.core, s.core.startOf(side, at), s.keys, key)
}

func (s *unmatchedStore[K, L, R]) PutLeft(key K, value L, timestamp int64) error {
	row, b, err := s.row(key, timestamp, leftSide)
	if err != nil {
		return err
	}
	left := append(row.left[:len(row.left):len(row.left)], owned(s.values.left, value))
	return s.column.put(b, side[L, R]{isLeft: true, left: left}, timestamp)
}

func (s *unmatchedStore[K, L, R]) PutRight(key K, value R, timestamp int64) error {
	row, b, err := s.row(key, timestamp, rightSide)
	if err != nil {
		return err
	}
	right := append(row.right[:len(row.right):len(row.right)], owned(s.values.right, value))
	return s.column.put(b, side[L, R]{right: right}, timestamp)
}

// row is the row of a side that is about to be written. A changed copy is put: the values in the store belong to it.
func (s *unmatchedStore[K, L, R]) row(key K, at int64, n byte) (row side[L, R], b []byte, err error) {
	if b, err = s.key(key, at, n); err != nil {
		return row, nil, err
	}
	if row, _, _, err = s.column.get(b); err == nil {
		s.core.fronts[n].Wrote(at)
	}
	return row, b, err
}

func (s *unmatchedStore[K, L, R]) Remove(key K, timestamp int64, left bool) error {
	b, err := s.key(key, timestamp, sideOf(left))
	if err != nil {
		return err
	}
	return s.core.rows.Delete(b, timestamp)
}

func (s *unmatchedStore[K, L, R]) Waits(left, right int64) bool { return s.core.waits(left, right) }

func (s *unmatchedStore[K, L, R]) Due(left, right int64) iter.Seq2[storage.UnmatchedRow[K, L, R], error] {
	return walking(func(show func(storage.UnmatchedRow[K, L, R]) (bool, error)) error {
		return s.DueEach(left, right, show)
	})
}

func (s *unmatchedStore[K, L, R]) DueEach(
	left, right int64, show func(storage.UnmatchedRow[K, L, R]) (bool, error),
) error {
	return s.core.due(left, right, func(b []byte, id int, isLeft bool) (more bool, err error) {
		v := *s.column.at(id)
		if v.isLeft != isLeft {
			return false, s.core.otherSide(b)
		}
		row := storage.UnmatchedRow[K, L, R]{Timestamp: s.core.timeOf(b), IsLeft: isLeft, Left: v.left, Right: v.right}
		if row.Key, err = decodeKey(&s.core.core, s.keys, s.core.keyOf(b)); err != nil {
			return false, err
		}
		return show(row)
	})
}
