package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/state"
)

// StreamJoin describes a join of two streams. StreamJoinLeft and StreamJoinRight make its two nodes, which share the
// stores.
//
// A record moves the join's stream time, even if it is dropped. What has waited for a partner until then comes out,
// before the record's own results, at its own time and without headers. The record is late, dropped and counted, if
// stream time has passed its window; else it joins each record that the other side has had within the window, in the
// order of their times, and is kept for those to come. Results have the higher timestamp of both, and the headers of
// the record that came last. A record that came out alone is final and meets nothing any more.
type StreamJoin[K, L, R, V any] struct {
	Windows   windows.Join
	Left      state.Buffer[K, L]
	Right     state.Buffer[K, R]
	Unmatched storage.Unmatched[K, L, R] // of a left or outer join
	Alone     Sides
	Join      StreamJoiner[K, L, R, V]
}

// StreamJoiner makes the result of two records, or of one that has no partner. A null key comes with such a record
// only.
type StreamJoiner[K, L, R, V any] func(key optional[K], left optional[L], right optional[R]) (optional[V], error)

func (j StreamJoin[K, L, R, V]) outer() bool { return j.Alone.Left || j.Alone.Right }

// StreamJoinLeft takes the left records.
func StreamJoinLeft[K, L, R, V any](j StreamJoin[K, L, R, V]) processor[K, L, K, V] {
	n := &joinSide[K, L, R, V]{windows: j.Windows, left: true, alone: j.Alone.Left, join: j.Join}
	n.open = func(ctx *context[K, V]) {
		n.own, n.other, n.within = j.Left.In(ctx), j.Right.In(ctx), j.Windows.Right
		if j.outer() {
			n.waiting = newWaiting(j, ctx)
			n.wait = n.waiting.(*waiting[K, L, R, V]).store.PutLeft
		}
	}
	return n
}

// StreamJoinRight takes the right records.
func StreamJoinRight[K, L, R, V any](j StreamJoin[K, L, R, V]) processor[K, R, K, V] {
	n := &joinSide[K, R, L, V]{windows: j.Windows, alone: j.Alone.Right}
	n.join = func(key optional[K], r optional[R], l optional[L]) (optional[V], error) { return j.Join(key, l, r) }
	n.open = func(ctx *context[K, V]) {
		n.own, n.other, n.within = j.Right.In(ctx), j.Left.In(ctx), j.Windows.Left
		if j.outer() {
			n.waiting = newWaiting(j, ctx)
			n.wait = n.waiting.(*waiting[K, L, R, V]).store.PutRight
		}
	}
	return n
}

// joinSide is the node of one side of a join.
type joinSide[K, T, U, V any] struct {
	open    func(ctx *context[K, V])
	windows windows.Join
	left    bool
	alone   bool // records of this side come out without a partner
	join    StreamJoiner[K, T, U, V]

	own     state.BufferStore[K, T]
	other   state.BufferStore[K, U]
	found   []state.BufferRow[K, U]                     // reused for each record
	within  func(timestamp int64) (from, to int64)      // of the other side's records
	waiting unmatched[K]                                // nil for an inner join
	wait    func(key K, value T, timestamp int64) error // puts a record among those
}

// unmatched is what a side of a join does with the records that wait for a partner.
type unmatched[K any] interface {
	emit(streamTime int64) error
	matched(key K, timestamp int64, left bool) error
}

func (j *joinSide[K, T, U, V]) Init(ctx *context[K, V]) error {
	j.open(ctx)
	return nil
}

func (j *joinSide[K, T, U, V]) Process(ctx *context[K, V], r record[K, T]) error {
	j.own.Observe(r.Timestamp)
	j.other.Observe(r.Timestamp)
	streamTime, _ := j.own.Time()
	if j.waiting != nil {
		if err := j.waiting.emit(streamTime); err != nil {
			return err
		}
	}
	reason, missing := missing(r)
	switch {
	case reason == graph.DropNullKey && !r.NullValue && j.alone:
		return j.forward(ctx, r, none[U](), r.Timestamp)
	case missing:
		ctx.Drop(reason)
		return nil
	case r.Timestamp < j.windows.Closed(streamTime, j.left):
		ctx.Drop(graph.DropLate)
		return nil
	}
	return j.meet(ctx, r)
}

// meet joins a record with what the other side has, and keeps it.
func (j *joinSide[K, T, U, V]) meet(ctx *context[K, V], r record[K, T]) error {
	from, to := j.within(r.Timestamp)
	found, err := j.other.Collect(j.found[:0], r.Key, from, to)
	if j.found = found; err != nil {
		return err
	}
	for _, row := range found {
		if j.waiting != nil {
			if err := j.waiting.matched(r.Key, row.Timestamp, !j.left); err != nil {
				return err
			}
		}
		if err := j.forward(ctx, r, graph.Some(row.Value), max(r.Timestamp, row.Timestamp)); err != nil {
			return err
		}
	}
	if len(found) == 0 && j.alone {
		if err := j.wait(r.Key, r.Value, r.Timestamp); err != nil {
			return err
		}
	}
	return j.own.Put(r.Key, r.Value, r.Timestamp)
}

func (j *joinSide[K, T, U, V]) forward(
	ctx *context[K, V], r record[K, T], other optional[U], timestamp int64,
) error {
	out, err := j.join(optional[K]{Value: r.Key, OK: !r.NullKey}, graph.Some(r.Value), other)
	if err != nil {
		return err
	}
	result := graph.WithOptional(r, out)
	result.Timestamp = timestamp
	return ctx.Forward(result)
}

// waiting are the records of both sides that no record of the other has met.
type waiting[K, L, R, V any] struct {
	StreamJoin[K, L, R, V]
	ctx   *context[K, V]
	store storage.UnmatchedStore[K, L, R]
	left  clearing[K, L]
	right clearing[K, R]
	show  func(storage.UnmatchedRow[K, L, R]) (bool, error) // settle, made once
}

func newWaiting[K, L, R, V any](j StreamJoin[K, L, R, V], ctx *context[K, V]) unmatched[K] {
	w := &waiting[K, L, R, V]{StreamJoin: j, ctx: ctx, store: j.Unmatched.In(ctx)}
	w.left.buffer, w.right.buffer, w.show = j.Left.In(ctx), j.Right.In(ctx), w.settle
	return w
}

func (w *waiting[K, L, R, V]) matched(key K, timestamp int64, left bool) error {
	return w.store.Remove(key, timestamp, left)
}

// emit sends the records out whose window stream time has passed.
func (w *waiting[K, L, R, V]) emit(streamTime int64) error {
	left, right := w.Windows.Closed(streamTime, true), w.Windows.Closed(streamTime, false)
	if !w.store.Waits(left, right) {
		return nil
	}
	return w.store.DueEach(left, right, w.show)
}

// settle makes the results of records that are final, and takes them out of reach of others.
func (w *waiting[K, L, R, V]) settle(row storage.UnmatchedRow[K, L, R]) (more bool, err error) {
	if err := w.store.Remove(row.Key, row.Timestamp, row.IsLeft); err != nil {
		return false, err
	}
	if row.IsLeft {
		err = w.left.clear(row.Key, row.Timestamp)
	} else {
		err = w.right.clear(row.Key, row.Timestamp)
	}
	if err != nil {
		return false, err
	}
	for _, v := range row.Left {
		if err := w.send(row, graph.Some(v), none[R]()); err != nil {
			return false, err
		}
	}
	for _, v := range row.Right {
		if err := w.send(row, none[L](), graph.Some(v)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// clearing takes records out of a buffer.
type clearing[K, V any] struct {
	buffer state.BufferStore[K, V]
	found  []state.BufferRow[K, V] // reused for each record
}

// clear removes the records of a key and time.
func (c *clearing[K, V]) clear(key K, timestamp int64) (err error) {
	if c.found, err = c.buffer.Collect(c.found[:0], key, timestamp, timestamp); err != nil {
		return err
	}
	for _, row := range c.found {
		if err := c.buffer.Remove(row); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiting[K, L, R, V]) send(row storage.UnmatchedRow[K, L, R], left optional[L], right optional[R]) error {
	out, err := w.Join(graph.Some(row.Key), left, right)
	if err != nil {
		return err
	}
	return w.ctx.Forward(record[K, V]{
		Key: row.Key, Value: out.Value, NullValue: !out.OK, Timestamp: row.Timestamp,
	})
}

func none[T any]() optional[T] { return graph.None[T]() }
