package operator

import (
	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// Late passes the records that a windowed aggregation drops as late for one of their windows or all, each once. It
// stands in front of the aggregation and judges as that will.
func Late[K, V, A any](store state.Window[K, A], windows window.Windows) processor[K, V, K, V] {
	return &late[K, V, A]{declared: store, windows: windows}
}

type late[K, V, A any] struct {
	declared state.Window[K, A]
	store    state.WindowStore[K, A]
	windows  window.Windows
}

func (l *late[K, V, A]) Init(ctx *context[K, V]) error {
	l.store = l.declared.In(ctx)
	return nil
}

func (l *late[K, V, A]) Process(ctx *context[K, V], r record[K, V]) error {
	streamTime, _ := l.store.Time()
	if _, missing := missing(r); missing || !l.isLate(r.Timestamp, max(streamTime, r.Timestamp)) {
		return nil
	}
	return ctx.Forward(r)
}

func (l *late[K, V, A]) isLate(ts, streamTime int64) bool {
	aligned, ok := l.windows.(window.Aligned)
	if !ok {
		return ts < l.windows.Closed(streamTime) // even the last window that could hold it
	}
	first, last := aligned.Starts(ts)
	return first > last || first < aligned.Closed(streamTime)
}

// LateForSessions passes the records that an aggregation by sessions drops as late.
func LateForSessions[K, V, A any](store state.Session[K, A], windows window.Session) processor[K, V, K, V] {
	return &lateForSessions[K, V, A]{declared: store, windows: windows}
}

type lateForSessions[K, V, A any] struct {
	declared state.Session[K, A]
	store    state.SessionStore[K, A]
	windows  window.Session
	found    []state.SessionRow[K, A] // reused for each record
}

func (l *lateForSessions[K, V, A]) Init(ctx *context[K, V]) error {
	l.store = l.declared.In(ctx)
	return nil
}

func (l *lateForSessions[K, V, A]) Process(ctx *context[K, V], r record[K, V]) error {
	streamTime, _ := l.store.Time()
	open := l.windows.Closed(max(streamTime, r.Timestamp))
	if _, missing := missing(r); missing || r.Timestamp >= open {
		return nil
	}
	gap := l.windows.Gap()
	var err error
	l.found, err = l.store.Collect(l.found[:0], r.Key, max(open, r.Timestamp-gap), eventtime.Add(r.Timestamp, gap))
	if err != nil || len(l.found) > 0 {
		return err // it joins an open session, which makes it one
	}
	return ctx.Forward(r)
}
