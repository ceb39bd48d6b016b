package operator

import (
	"slices"

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
	changes []slide[A]
}

// slide is a window that a record changes or makes.
type slide[A any] struct {
	start     int64
	exists    bool
	base      optional[A] // its row so far; of a new one, what it begins with
	timestamp int64       // of the base
	holds     bool        // the window holds the record
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
	a.plan(r.Timestamp)
	for _, w := range a.changes {
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
	return err
}

// plan works out what becomes of which window.
func (a *slidingAggregate[K, V, A]) plan(t int64) {
	a.changes = a.changes[:0]
	d := a.sliding.Difference()
	left := max(0, t-d)                       // start of the window that ends at t, or of the first one
	var before, around *state.WindowRow[K, A] // latest window that ends before t; latest around t
	previous := int64(-1)                     // time of the record before t, if that is known
	for i := range a.found {
		row := &a.found[i]
		if row.Timestamp < t {
			previous = max(previous, row.Timestamp)
		}
		switch {
		case row.Start < t-d:
			before = row
		case row.Start <= t:
			around = row
			w := slide[A]{start: row.Start, base: topology.Some(row.Value), timestamp: row.Timestamp}
			w.exists, w.holds = true, true
			a.changes = append(a.changes, w)
		}
	}
	if !a.exists(left) {
		w := slide[A]{start: left, holds: true}
		if before != nil && previous >= left {
			w.base, w.timestamp = topology.Some(before.Value), before.Timestamp
		}
		a.changes = append(a.changes, w)
	}
	if after := previous + 1; previous >= 0 && after > left && after <= t && !a.exists(after) {
		a.changes = append(a.changes, slide[A]{start: after, holds: true})
	}
	if around != nil && around.Timestamp > t && !a.exists(t+1) {
		w := slide[A]{start: t + 1, base: topology.Some(around.Value), timestamp: around.Timestamp}
		a.changes = append(a.changes, w)
	}
	for i := range a.changes { // the last few are out of order
		for ; i > 0 && a.changes[i].start < a.changes[i-1].start; i-- {
			a.changes[i], a.changes[i-1] = a.changes[i-1], a.changes[i]
		}
	}
}

func (a *slidingAggregate[K, V, A]) exists(start int64) bool {
	return slices.ContainsFunc(a.found, func(w state.WindowRow[K, A]) bool { return w.Start == start })
}

// apply writes one window. One that is closed is kept up for the sake of windows that will be made from it, but nobody
// hears of it: its result is final.
func (a *slidingAggregate[K, V, A]) apply(
	ctx *context[window.Windowed[K], change[A]], r record[K, V], w slide[A], open int64,
) (err error) {
	c := change[A]{New: w.base}
	if w.exists {
		c.Old = w.base
	}
	ts := w.timestamp
	if w.holds {
		ts = max(r.Timestamp, w.timestamp)
		if c.New, err = a.fold(r, w.base); err != nil {
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
