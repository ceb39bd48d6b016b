package operator

import "github.com/millstream-go/millstream/internal/graph"

// Sides says which rows of a join of two tables have a result although the other side has none.
type Sides struct{ Left, Right bool }

// result is true if rows of these sides have one.
func (s Sides) result(left, right bool) bool {
	return left && right || left && s.Left || right && s.Right
}

// Joiner makes the result of two rows of a key, of which at least one is there.
type Joiner[K, L, R, V any] func(key K, left optional[L], right optional[R]) (optional[V], error)

// TableJoinLeft takes the changes of the left table of a join and looks the right row up; TableJoinRight the other way
// round. A result has the higher timestamp of both rows. A change that leaves no result where none was goes no further.
func TableJoinLeft[K, L, R, V any](
	right View[K, R], alone Sides, join Joiner[K, L, R, V],
) processor[K, change[L], K, change[V]] {
	return &tableJoin[K, L, R, V]{view: right, ownAlone: alone.Left, otherAlone: alone.Right, join: join}
}

// TableJoinRight takes the changes of the right table.
func TableJoinRight[K, L, R, V any](
	left View[K, L], alone Sides, join Joiner[K, L, R, V],
) processor[K, change[R], K, change[V]] {
	return &tableJoin[K, R, L, V]{
		view: left, ownAlone: alone.Right, otherAlone: alone.Left,
		join: func(key K, r optional[R], l optional[L]) (optional[V], error) { return join(key, l, r) },
	}
}

type tableJoin[K, V, U, R any] struct {
	view       View[K, U]
	get        Getter[K, U]
	ownAlone   bool // a row of this side has a result without one of the other side
	otherAlone bool // a row of the other side has a result without one of this side
	join       Joiner[K, V, U, R]
}

func (j *tableJoin[K, V, U, R]) Init(ctx *context[K, change[R]]) error {
	j.get = j.view(ctx)
	return nil
}

func (j *tableJoin[K, V, U, R]) Process(ctx *context[K, change[R]], r record[K, change[V]]) (err error) {
	if r.Value.Stale {
		return nil
	}
	var other optional[U]
	var ts int64
	if other.Value, ts, other.OK, err = j.get(r.Key, Newest); err != nil {
		return err
	}
	var c change[R]
	if c.Old, err = j.result(r.Key, r.Value.Old, other); err != nil {
		return err
	}
	if c.New, err = j.result(r.Key, r.Value.New, other); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	if other.OK {
		r.Timestamp = max(r.Timestamp, ts)
	}
	return ctx.Forward(graph.WithValue(r, c))
}

// result is the row of the join for one state of this side.
func (j *tableJoin[K, V, U, R]) result(key K, own optional[V], other optional[U]) (optional[R], error) {
	if alone := (Sides{Left: j.ownAlone, Right: j.otherAlone}); !alone.result(own.OK, other.OK) {
		return optional[R]{}, nil
	}
	return Clean(j.join(key, own, other))
}

// JoinView looks a row of a join of two tables up.
func JoinView[K, L, R, V any](left View[K, L], right View[K, R], alone Sides, join Joiner[K, L, R, V]) View[K, V] {
	return func(stores Stores) Getter[K, V] {
		getLeft, getRight := left(stores), right(stores)
		return func(key K, at int64) (value V, timestamp int64, ok bool, err error) {
			var l optional[L]
			var r optional[R]
			var tl, tr int64
			if l.Value, tl, l.OK, err = getLeft(key, at); err != nil {
				return value, 0, false, err
			}
			if r.Value, tr, r.OK, err = getRight(key, at); err != nil {
				return value, 0, false, err
			}
			if !alone.result(l.OK, r.OK) {
				return value, 0, false, nil
			}
			out, err := Clean(join(key, l, r))
			return out.Value, max(when(l.OK, tl), when(r.OK, tr)), out.OK, err
		}
	}
}

func when(ok bool, timestamp int64) int64 {
	if !ok {
		return 0
	}
	return timestamp
}
