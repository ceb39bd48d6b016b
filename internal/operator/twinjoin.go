package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// Twin is a change of one side of a join of two tables.
type Twin[L, R any] struct {
	Left    change[L]
	Right   change[R]
	IsRight bool // it is of the right side
}

// LeftTwin and RightTwin hand the changes of a side to TwinJoin.
func LeftTwin[K, L, R any]() processor[K, change[L], K, Twin[L, R]] {
	return &twinSide[K, L, L, R]{twin: func(c change[L]) Twin[L, R] { return Twin[L, R]{Left: c} }}
}

// RightTwin is LeftTwin for the right side.
func RightTwin[K, L, R any]() processor[K, change[R], K, Twin[L, R]] {
	return &twinSide[K, R, L, R]{twin: func(c change[R]) Twin[L, R] { return Twin[L, R]{Right: c, IsRight: true} }}
}

type twinSide[K, V, L, R any] struct {
	twin func(change[V]) Twin[L, R]
}

func (s *twinSide[K, V, L, R]) Process(ctx *context[K, Twin[L, R]], r record[K, change[V]]) error {
	return ctx.Forward(graph.WithValue(r, s.twin(r.Value)))
}

// TwinJoin joins two tables that one record may change both, as they stem from one table: when the change of one side
// comes, the store that the other is looked up in has the new row already, although its change is still to come. So the
// join waits until the record has been through all steps; then it knows both rows as they were and as they are, and
// makes one result. Two keys are one if keys gives them the same bytes.
func TwinJoin[K, L, R, V any](
	left View[K, L], right View[K, R], alone Sides, keys serde.Serde[K], join Joiner[K, L, R, V],
) processor[K, Twin[L, R], K, change[V]] {
	return &twinJoin[K, L, R, V]{
		left: left, right: right, keys: keys, index: newKeyIndex(), alone: alone, joiner: join,
	}
}

type twinJoin[K, L, R, V any] struct {
	left     View[K, L]
	right    View[K, R]
	getLeft  Getter[K, L]
	getRight Getter[K, R]
	alone    Sides
	joiner   Joiner[K, L, R, V]
	keys     serde.Serde[K]
	key      []byte // scratch
	held     []twins[K, L, R]
	index    keyIndex // of the keys of held
}

// twins are the changes of both sides of a key by one record.
type twins[K, L, R any] struct {
	last  record[K, Twin[L, R]] // its key, timestamp and headers count
	left  sideChange[L]
	right sideChange[R]
}

// sideChange is what a record has made of a row, in one step or several.
type sideChange[V any] struct {
	change[V]
	changed bool
}

func (s *sideChange[V]) add(c change[V]) {
	if s.changed {
		c.Old = s.Old
	}
	s.change, s.changed = c, true
}

func (j *twinJoin[K, L, R, V]) Init(ctx *context[K, change[V]]) error {
	j.getLeft, j.getRight, j.keys = j.left(ctx), j.right(ctx), graph.Checked(ctx, j.keys)
	return nil
}

func (j *twinJoin[K, L, R, V]) Process(_ *context[K, change[V]], r record[K, Twin[L, R]]) (err error) {
	if r.Value.Left.Stale || r.Value.Right.Stale {
		return nil
	}
	if j.key, err = j.keys.Append(j.key[:0], r.Key); err != nil {
		return err
	}
	i, known := j.index.find(j.key)
	if !known {
		j.held = append(j.held, twins[K, L, R]{last: r})
	}
	t := &j.held[i]
	at := max(t.last.Timestamp, r.Timestamp)
	if t.last = r; r.Value.IsRight {
		t.right.add(r.Value.Right)
	} else {
		t.left.add(r.Value.Left)
	}
	t.last.Timestamp = at
	return nil
}

// Settle makes the results of the record that has been through all steps.
func (j *twinJoin[K, L, R, V]) Settle(ctx *context[K, change[V]]) error {
	for i := range j.held {
		if err := j.join(ctx, &j.held[i]); err != nil {
			return err
		}
	}
	j.Undo()
	return nil
}

// Mark has nothing to remember: between records nothing is held.
func (j *twinJoin[K, L, R, V]) Mark() {}

// Undo forgets the changes of a record.
func (j *twinJoin[K, L, R, V]) Undo() {
	clear(j.held)
	j.held = j.held[:0]
	j.index.clear()
}

func (j *twinJoin[K, L, R, V]) join(ctx *context[K, change[V]], t *twins[K, L, R]) (err error) {
	key := t.last.Key
	if err := lookUnchanged(&t.left, j.getLeft, key, &t.last.Timestamp); err != nil {
		return err
	}
	if err := lookUnchanged(&t.right, j.getRight, key, &t.last.Timestamp); err != nil {
		return err
	}
	var c change[V]
	if c.Old, err = j.result(key, t.left.Old, t.right.Old); err != nil {
		return err
	}
	if c.New, err = j.result(key, t.left.New, t.right.New); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	return ctx.Forward(graph.WithValue(t.last, c))
}

// result is the row of the join for two rows; none if they have none.
func (j *twinJoin[K, L, R, V]) result(key K, left optional[L], right optional[R]) (optional[V], error) {
	if !j.alone.result(left.OK, right.OK) {
		return optional[V]{}, nil
	}
	return Clean(j.joiner(key, left, right))
}

// lookUnchanged looks the row of a side up that the record has not changed. The result is not older than it.
func lookUnchanged[K, V any](s *sideChange[V], get Getter[K, V], key K, result *int64) error {
	if s.changed {
		return nil
	}
	value, at, ok, err := get(key, Newest)
	if err != nil || !ok {
		return err
	}
	s.Old, s.New, *result = graph.Some(value), graph.Some(value), max(*result, at)
	return nil
}
