package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// FinalSession emits each session of an aggregation once, with its last value, when it is closed. It stands in front of
// the aggregation and remembers nothing, as Final does.
func FinalSession[K, V, A any](
	store state.Session[K, A], windows window.Session, idle int64,
) processor[K, V, window.Windowed[K], A] {
	return &finalSession[K, V, A]{declared: store, windows: windows, idle: idleClock{after: idle}}
}

type finalSession[K, V, A any] struct {
	ctx      *context[window.Windowed[K], A]
	declared state.Session[K, A]
	store    state.SessionStore[K, A]
	windows  window.Session
	idle     idleClock
	show     func(state.SessionRow[K, A]) (bool, error) // emit, made once
}

func (f *finalSession[K, V, A]) Init(ctx *context[window.Windowed[K], A]) error {
	f.ctx, f.store, f.show = ctx, f.declared.In(ctx), f.emit
	f.idle.start(ctx, f.store.Silence(), f.store.Time, func(streamTime int64) error {
		err := f.closeUntil(streamTime)
		f.store.Observe(streamTime)
		return err
	})
	return nil
}

func (f *finalSession[K, V, A]) Process(ctx *context[window.Windowed[K], A], r record[K, V]) error {
	if r.NullKey {
		return nil
	}
	f.idle.end(ctx.WallClock())
	return f.closeUntil(r.Timestamp)
}

// closeUntil emits the sessions that are closed at a stream time and have not been before.
func (f *finalSession[K, V, A]) closeUntil(streamTime int64) error {
	before, _ := f.store.Time()
	if streamTime <= before {
		return nil
	}
	from, to := f.windows.Closed(before), f.windows.Closed(streamTime)-1
	if from > to || !f.store.Waits(to) {
		return nil
	}
	return f.store.SweepEach(from, to, f.show)
}

// emit forwards a session that is closed.
func (f *finalSession[K, V, A]) emit(row state.SessionRow[K, A]) (more bool, err error) {
	return true, f.ctx.Forward(record[window.Windowed[K], A]{
		Key:   window.Windowed[K]{Key: row.Key, Window: f.windows.Window(row.Start, row.End)},
		Value: row.Value, Timestamp: row.Timestamp,
	})
}
