package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/window"
)

// WindowAggregate keeps one row for each key and window. A record changes the windows that hold it, in ascending order
// of their start; for those that are closed it is late: it is dropped, and counted once for each.
//
// Stream time is that of the store: the highest timestamp of the records with a key that came here, over all keys, null
// values included. It survives restarts, as it is committed with the offsets.
func WindowAggregate(store storage.Spec, windows windows.Aligned, fold Fold) graph.Step {
	return &windowAggregate{windowRows: windowRows{declared: store, fold: fold}, windows: windows}
}

type windowAggregate struct {
	windowRows
	windows windows.Aligned
}

func (a *windowAggregate) Process(ctx *flowContext, r *flow) error {
	streamTime, ok := a.accept(ctx, r)
	if !ok {
		return nil
	}
	first, last := a.windows.Starts(r.Timestamp)
	if first > last {
		ctx.Drop(graph.DropLate)
		return nil
	}
	open := a.windows.Closed(streamTime)
	for start := first; ; start += a.windows.Advance() {
		if start < open {
			ctx.Drop(graph.DropLate)
		} else if err := a.update(ctx, r, a.windows.Window(start)); err != nil {
			return err
		}
		if start == last { // not a bound on start, which would wrap around at the end of time
			return nil
		}
	}
}

// update adds a record to one of its windows.
func (a *windowAggregate) update(ctx *flowContext, r *flow, at window.Window) error {
	timestamp, ok, err := a.store.Load(r.Key, at, a.before)
	if err != nil {
		return err
	}
	c := *r
	c.Old = there(a.before, ok)
	if ok {
		c.Timestamp = max(c.Timestamp, timestamp)
	}
	if ok, err = a.fold(r, c.Old, a.after); err != nil {
		return err
	}
	c.Value = there(a.after, ok)
	return a.put(ctx, c, at)
}

// windowRows is what aggregations by windows and sessions share: the store, and how a change of a row goes on.
type windowRows struct {
	declared      storage.Spec
	store         rows.ByWindow
	fold          Fold
	before, after any // variables for the row
	windowed      any // and for its key
	out           flow
}

func (a *windowRows) Init(ctx *flowContext) error {
	a.store = handleOf[rows.ByWindow](ctx, a.declared)
	a.before, a.after, a.windowed = a.store.NewValue(), a.store.NewValue(), a.store.NewWindowed()
	return nil
}

// accept moves stream time on; it is false for a record that cannot be aggregated, which it counts.
func (a *windowRows) accept(ctx *flowContext, r *flow) (streamTime int64, ok bool) {
	if r.Key != nil {
		a.store.Observe(r.Timestamp)
	}
	if reason, missing := r.Missing(); missing {
		ctx.Drop(reason)
		return 0, false
	}
	streamTime, _ = a.store.Time()
	return streamTime, true
}

// put writes a row that has changed and passes the change on.
func (a *windowRows) put(ctx *flowContext, c flow, at window.Window) error {
	if c.Old == nil && c.Value == nil {
		return nil
	}
	if err := a.store.Keep(c.Key, at, c.Value, c.Timestamp); err != nil {
		return err
	}
	return a.forward(ctx, c, at)
}

// forward passes a change on under its windowed key.
func (a *windowRows) forward(ctx *flowContext, c flow, at window.Window) error {
	a.store.SetWindowed(a.windowed, c.Key, at)
	a.out = c
	a.out.Key = a.windowed
	return ctx.Forward(&a.out)
}
