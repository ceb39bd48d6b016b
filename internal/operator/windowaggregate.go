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
	store state.Window[K, A], windows window.Time, fold Fold[K, V, A],
) processor[K, V, window.Windowed[K], change[A]] {
	return &windowAggregate[K, V, A]{declared: store, windows: windows, fold: fold}
}

type windowAggregate[K, V, A any] struct {
	topology.Contextual[window.Windowed[K], change[A]]
	declared state.Window[K, A]
	store    *state.WindowStore[K, A]
	windows  window.Time
	fold     Fold[K, V, A]
}

func (a *windowAggregate[K, V, A]) Init(ctx *topology.Context[window.Windowed[K], change[A]]) error {
	a.store = a.declared.In(ctx)
	return a.Contextual.Init(ctx)
}

func (a *windowAggregate[K, V, A]) Process(r record[K, V]) error {
	if !r.NullKey {
		a.store.Observe(r.Timestamp)
	}
	if reason, missing := missing(r); missing {
		a.Ctx.Drop(reason)
		return nil
	}
	streamTime, _ := a.store.Time()
	first, last := a.windows.Starts(r.Timestamp)
	for start := first; ; start += a.windows.Advance() {
		if a.windows.CloseTime(start) <= streamTime {
			a.Ctx.Drop(topology.DropLate)
		} else if err := a.update(r, start); err != nil {
			return err
		}
		if start == last { // not a bound on start, which would wrap around at the end of time
			return nil
		}
	}
}

// update adds a record to one of its windows.
func (a *windowAggregate[K, V, A]) update(r record[K, V], start int64) error {
	row, ok, err := a.store.Row(r.Key, start)
	if err != nil {
		return err
	}
	c := change[A]{Old: optional[A]{Value: row.Value, OK: ok}}
	if c.New, err = a.fold(r, c.Old); err != nil || !c.Old.OK && !c.New.OK {
		return err
	}
	ts := r.Timestamp
	if ok {
		ts = max(ts, row.Timestamp)
	}
	if c.New.OK {
		err = a.store.Put(r.Key, start, c.New.Value, ts)
	} else {
		err = a.store.Delete(r.Key, start, ts)
	}
	if err != nil {
		return err
	}
	out := topology.WithValue(topology.WithKey(r, window.Windowed[K]{Key: r.Key, Window: a.windows.Window(start)}), c)
	out.Timestamp = ts
	return a.Ctx.Forward(out)
}
