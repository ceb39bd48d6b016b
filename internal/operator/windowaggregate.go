package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// WindowAggregate keeps one row for each key and window. A record changes the windows that hold it, in ascending order
// of their start; for those that are closed it is late: it is dropped, and counted once for each.
//
// Stream time is that of the store: the highest timestamp of the records with a key that came here, over all keys, null
// values included. It survives restarts, as it is committed with the offsets.
func WindowAggregate[K, V, A any](
	store state.Window[K, A], windows window.Aligned, fold Fold[K, V, A],
) processor[K, V, window.Windowed[K], change[A]] {
	return &windowAggregate[K, V, A]{
		windowRows: windowRows[K, V, A]{declared: store, windows: windows, fold: fold}, windows: windows,
	}
}

type windowAggregate[K, V, A any] struct {
	windowRows[K, V, A]
	windows window.Aligned
}

func (a *windowAggregate[K, V, A]) Process(ctx *context[window.Windowed[K], change[A]], r record[K, V]) error {
	streamTime, ok := a.accept(ctx, r)
	if !ok {
		return nil
	}
	first, last := a.windows.Starts(r.Timestamp)
	if first > last {
		ctx.Drop(topology.DropLate)
		return nil
	}
	open := a.windows.Closed(streamTime)
	for start := first; ; start += a.windows.Advance() {
		if start < open {
			ctx.Drop(topology.DropLate)
		} else if err := a.update(ctx, r, start); err != nil {
			return err
		}
		if start == last { // not a bound on start, which would wrap around at the end of time
			return nil
		}
	}
}

// windowRows is what aggregations by windows that a start identifies share: the store, and how a record enters a row.
type windowRows[K, V, A any] struct {
	declared state.Window[K, A]
	store    state.WindowStore[K, A]
	windows  window.Windows
	fold     Fold[K, V, A]
}

func (a *windowRows[K, V, A]) Init(ctx *context[window.Windowed[K], change[A]]) error {
	a.store = a.declared.In(ctx)
	return nil
}

// accept moves stream time on; it is false for a record that cannot be aggregated, which it counts.
func (a *windowRows[K, V, A]) accept(
	ctx *context[window.Windowed[K], change[A]], r record[K, V],
) (streamTime int64, ok bool) {
	if !r.NullKey {
		a.store.Observe(r.Timestamp)
	}
	if reason, missing := missing(r); missing {
		ctx.Drop(reason)
		return 0, false
	}
	streamTime, _ = a.store.Time()
	return streamTime, true
}

// update adds a record to one of its windows.
func (a *windowRows[K, V, A]) update(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], start int64,
) error {
	row, ok, err := a.store.Row(r.Key, start)
	if err != nil {
		return err
	}
	c := change[A]{Old: optional[A]{Value: row.Value, OK: ok}}
	if c.New, err = a.fold(r, c.Old); err != nil {
		return err
	}
	if ok {
		r.Timestamp = max(r.Timestamp, row.Timestamp)
	}
	return a.put(ctx, r, start, c)
}

// put writes a row that has changed and passes the change on, with the record's timestamp and headers.
func (a *windowRows[K, V, A]) put(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], start int64, c change[A],
) (err error) {
	if !c.Old.OK && !c.New.OK {
		return nil
	}
	if c.New.OK {
		err = a.store.Put(r.Key, start, c.New.Value, r.Timestamp)
	} else {
		err = a.store.Delete(r.Key, start, r.Timestamp)
	}
	if err != nil {
		return err
	}
	key := window.Windowed[K]{Key: r.Key, Window: a.windows.Window(start)}
	return ctx.Forward(topology.WithValue(topology.WithKey(r, key), c))
}
