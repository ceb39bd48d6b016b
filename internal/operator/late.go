package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
)

// Late passes the records that an aggregation drops as late for one of their windows or all, or for their session, each
// once. It stands in front of the aggregation and judges as that will.
func Late(store storage.Spec, windows Closing) graph.Step {
	return &late{declared: store, windows: windows}
}

type late struct {
	declared storage.Spec
	windows  Closing
	store    rows.ByWindow
	isLate   judge
}

// judge is true for a record that is late at a stream time.
type judge func(r *flow, streamTime int64) (bool, error)

func (l *late) Init(ctx *flowContext) error {
	l.store = handleOf[rows.ByWindow](ctx, l.declared)
	l.isLate = l.windows.judge(l.store)
	return nil
}

func (l *late) Process(ctx *flowContext, r *flow) error {
	if _, missing := r.Missing(); missing {
		return nil
	}
	streamTime, _ := l.store.Time()
	isLate, err := l.isLate(r, max(streamTime, r.Timestamp))
	if err != nil || !isLate {
		return err
	}
	return ctx.Forward(r)
}

func (w ClosingWindows) judge(rows.ByWindow) judge {
	return func(r *flow, streamTime int64) (bool, error) {
		return lateForWindows(w.Windows, r.Timestamp, streamTime), nil
	}
}

func lateForWindows(w windows.Windows, ts, streamTime int64) bool {
	aligned, ok := w.(windows.Aligned)
	if !ok {
		return ts < w.Closed(streamTime) // even the last window that could hold it
	}
	first, last := aligned.Starts(ts)
	return first > last || first < aligned.Closed(streamTime)
}

func (w ClosingSessions) judge(store rows.ByWindow) judge {
	found := store.Finder()
	return func(r *flow, streamTime int64) (bool, error) {
		open := w.Closed(streamTime)
		if r.Timestamp >= open {
			return false, nil
		}
		gap := w.Gap()
		err := found.Find(r.Key, max(open, r.Timestamp-gap), eventtime.Add(r.Timestamp, gap))
		return found.Len() == 0, err // else it joins an open session, which makes it one
	}
}
