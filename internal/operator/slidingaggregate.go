package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// SlidingAggregate keeps one row for each key and sliding window. A record changes the windows that hold it and makes
// those that exist because of it, in ascending order of their start, each once. For those that are closed it is late;
// it is dropped and counted if even the last window that could hold it is closed.
//
// Windows are made from windows, as no record is kept (Kafka's KStreamSlidingWindowAggregate). For a record at t and
// windows of difference d:
//
//   - the window that ends at t, if it is new, holds what the latest window that ends before t held of [t-d, t): its
//     records are later than any that begins there, or it would begin later;
//   - the window that begins right after the record before t, if it is new, holds nothing yet;
//   - the window that begins right after t, if it is new, holds what the latest window around t held after t: that
//     window holds no record before t, or there would be one that begins after it.
func SlidingAggregate[K, V, A any](
	store state.Window[K, A], windows window.SlidingTime, fold Fold[K, V, A],
) processor[K, V, window.Windowed[K], change[A]] {
	return &slidingAggregate[K, V, A]{
		windowRows: windowRows[K, V, A]{declared: store, windows: windows, fold: fold}, sliding: windows,
	}
}

type slidingAggregate[K, V, A any] struct {
	windowRows[K, V, A]
	sliding window.SlidingTime
	found   []state.WindowRow[K, A] // by start; reused for each record
	plan    slidePlan
}

func (a *slidingAggregate[K, V, A]) Process(ctx *context[window.Windowed[K], change[A]], r record[K, V]) error {
	streamTime, ok := a.accept(ctx, r)
	if !ok {
		return nil
	}
	open := a.sliding.Closed(streamTime)
	if r.Timestamp < open {
		ctx.Drop(topology.DropLate)
		return nil
	}
	if err := a.find(r); err != nil {
		return err
	}
	a.plan.make(r.Timestamp)
	for _, w := range a.plan.changes {
		if err := a.apply(ctx, r, w, open); err != nil {
			return err
		}
	}
	return nil
}

// find reads the windows that a record can have to do with.
func (a *slidingAggregate[K, V, A]) find(r record[K, V]) (err error) {
	d := a.sliding.Difference()
	a.found, err = a.store.Collect(a.found[:0], r.Key, max(0, r.Timestamp-2*d), eventtime.Add(r.Timestamp, 1))
	a.plan.begin(d)
	for i := range a.found {
		a.plan.add(a.found[i].Start, a.found[i].Timestamp)
	}
	return err
}

// apply writes one window. One that is closed is kept up for the sake of windows that will be made from it, but nobody
// hears of it: its result is final.
func (a *slidingAggregate[K, V, A]) apply(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], w slide, open int64,
) (err error) {
	var c change[A]
	ts := int64(0)
	if w.base >= 0 {
		c.New, ts = topology.Some(a.found[w.base].Value), a.found[w.base].Timestamp
	}
	if w.exists {
		c.Old = c.New
	}
	if w.holds {
		ts = max(r.Timestamp, ts)
		if c.New, err = a.fold(r, c.New); err != nil {
			return err
		}
	}
	r.Timestamp = ts
	switch {
	case w.start >= open:
		return a.put(ctx, r, w.start, c)
	case c.New.OK:
		return a.store.Put(r.Key, w.start, c.New.Value, ts)
	}
	return a.store.Delete(r.Key, w.start, ts)
}
