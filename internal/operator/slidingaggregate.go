package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
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
func SlidingAggregate(store storage.Spec, windows windows.SlidingTime, fold Fold) graph.Step {
	return &slidingAggregate{windowRows: windowRows{declared: store, fold: fold}, windows: windows}
}

type slidingAggregate struct {
	windowRows
	windows windows.SlidingTime
	found   rows.Finder // by start
	plan    slidePlan
}

func (a *slidingAggregate) Init(ctx *flowContext) error {
	err := a.windowRows.Init(ctx)
	a.found = a.store.Finder()
	return err
}

func (a *slidingAggregate) Process(ctx *flowContext, r *flow) error {
	streamTime, ok := a.accept(ctx, r)
	if !ok {
		return nil
	}
	open := a.windows.Closed(streamTime)
	if r.Timestamp < open {
		ctx.Drop(graph.DropLate)
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
func (a *slidingAggregate) find(r *flow) error {
	d := a.windows.Difference()
	err := a.found.Find(r.Key, max(0, r.Timestamp-2*d), eventtime.Add(r.Timestamp, 1))
	a.plan.begin(d)
	for i := range a.found.Len() {
		at, _, timestamp := a.found.At(i)
		a.plan.add(at.Start, timestamp)
	}
	return err
}

// apply writes one window. One that is closed is kept up for the sake of windows that will be made from it, but nobody
// hears of it: its result is final.
func (a *slidingAggregate) apply(ctx *flowContext, r *flow, w slide, open int64) error {
	c := *r
	c.Value, c.Timestamp = nil, 0
	if w.base >= 0 {
		_, c.Value, c.Timestamp = a.found.At(w.base)
	}
	if w.exists {
		c.Old = c.Value
	}
	if w.holds {
		ok, err := a.fold(r, c.Value, a.after)
		if err != nil {
			return err
		}
		c.Value, c.Timestamp = there(a.after, ok), max(r.Timestamp, c.Timestamp)
	}
	if at := a.windows.Window(w.start); w.start >= open {
		return a.put(ctx, c, at)
	} else {
		return a.store.Keep(c.Key, at, c.Value, c.Timestamp)
	}
}
