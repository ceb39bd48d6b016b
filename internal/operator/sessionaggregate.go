package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// Merger joins the aggregates of two sessions of a key, the earlier one first.
type Merger[K, A any] func(key K, a, b A) (A, error)

// SessionAggregate keeps one row for each key and session. A record merges with the open sessions that are no further
// from it than the gap: their aggregates are merged in ascending order, beginning with initial, and the record is
// added; without an initial, beginning with the first. The sessions that were merged are deleted, unless the bounds
// stay. A session's timestamp is its end.
//
// A closed session never changes and merges with nothing. A record is late, dropped and counted if the session that it
// would make or join is closed. Stream time is that of the store, as in WindowAggregate.
func SessionAggregate[K, V, A any](
	store state.Session[K, A], windows window.Session, initial func() A, fold Fold[K, V, A], merge Merger[K, A],
) processor[K, V, window.Windowed[K], change[A]] {
	return &sessionAggregate[K, V, A]{
		declared: store, windows: windows, initial: initial, fold: fold, merge: merge,
	}
}

type sessionAggregate[K, V, A any] struct {
	declared state.Session[K, A]
	store    state.SessionStore[K, A]
	windows  window.Session
	initial  func() A // nil: a session begins with its first record
	fold     Fold[K, V, A]
	merge    Merger[K, A]
	found    []state.SessionRow[K, A] // reused for each record
}

func (a *sessionAggregate[K, V, A]) Init(ctx *context[window.Windowed[K], change[A]]) error {
	a.store = a.declared.In(ctx)
	return nil
}

func (a *sessionAggregate[K, V, A]) Process(
	ctx *context[window.Windowed[K], change[A]], r record[K, V],
) (err error) {
	if !r.NullKey {
		a.store.Observe(r.Timestamp)
	}
	if reason, missing := missing(r); missing {
		ctx.Drop(reason)
		return nil
	}
	streamTime, _ := a.store.Time()
	start, end, err := a.find(r, a.windows.Closed(streamTime))
	if err != nil {
		return err
	}
	if end < a.windows.Closed(streamTime) {
		ctx.Drop(topology.DropLate)
		return nil
	}
	row, err := a.combine(r)
	if err != nil {
		return err
	}
	return a.replace(ctx, r, start, end, row)
}

// find reads the open sessions that a record merges with, and is the bounds of what they become together.
func (a *sessionAggregate[K, V, A]) find(r record[K, V], open int64) (start, end int64, err error) {
	start, end = r.Timestamp, r.Timestamp
	gap := a.windows.Gap()
	a.found, err = a.store.Collect(a.found[:0], r.Key, max(open, r.Timestamp-gap), eventtime.Add(r.Timestamp, gap))
	for _, row := range a.found {
		start, end = min(start, row.Start), max(end, row.End)
	}
	return start, end, err
}

// combine is the aggregate of the sessions found and the record.
func (a *sessionAggregate[K, V, A]) combine(r record[K, V]) (row optional[A], err error) {
	if a.initial != nil {
		row = topology.Some(a.initial())
	}
	for _, s := range a.found {
		if !row.OK {
			row = topology.Some(s.Value)
		} else if row.Value, err = a.merge(r.Key, row.Value, s.Value); err != nil {
			return row, err
		}
	}
	return a.fold(r, row)
}

// replace puts a session in the place of those that were found.
func (a *sessionAggregate[K, V, A]) replace(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], start, end int64, row optional[A],
) error {
	c := change[A]{New: row}
	for _, s := range a.found {
		if s.Start == start && s.End == end {
			c.Old = topology.Some(s.Value)
			continue
		}
		if err := a.store.Delete(r.Key, s.Start, s.End, s.End); err != nil {
			return err
		}
		if err := a.forward(ctx, r, s.Start, s.End, change[A]{Old: topology.Some(s.Value)}); err != nil {
			return err
		}
	}
	switch {
	case row.OK:
		if err := a.store.Put(r.Key, start, end, row.Value, end); err != nil {
			return err
		}
	case !c.Old.OK:
		return nil
	default:
		if err := a.store.Delete(r.Key, start, end, end); err != nil {
			return err
		}
	}
	return a.forward(ctx, r, start, end, c)
}

func (a *sessionAggregate[K, V, A]) forward(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], start, end int64, c change[A],
) error {
	r.Timestamp = end
	key := window.Windowed[K]{Key: r.Key, Window: a.windows.Window(start, end)}
	return ctx.Forward(topology.WithValue(topology.WithKey(r, key), c))
}
