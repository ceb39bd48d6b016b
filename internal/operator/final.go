package operator

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// Final emits each window of an aggregation once, with its last value, when stream time reaches its close time.
//
// It stands in front of the aggregation and gets each record first. So when a record makes stream time jump, the
// windows that this closes come out before the aggregation moves the store's time on and they expire, however far the
// jump. It remembers nothing: the windows to emit are those that are closed at the new time and were not at the
// store's, and that time is rolled back, committed and restored with the store.
//
// With idle above 0, in milliseconds, windows also close while nothing comes, see idleClock.
func Final[K, V, A any](
	store state.Window[K, A], windows window.Windows, idle int64,
) processor[K, V, window.Windowed[K], A] {
	return &final[K, V, A]{declared: store, windows: windows, idle: idleClock{after: idle}}
}

type final[K, V, A any] struct {
	ctx      *context[window.Windowed[K], A]
	declared state.Window[K, A]
	store    state.WindowStore[K, A]
	windows  window.Windows
	idle     idleClock
	show     func(state.WindowRow[K, A]) (bool, error) // emit, made once: a record that closes a window allocates nothing
}

func (f *final[K, V, A]) Init(ctx *context[window.Windowed[K], A]) error {
	f.ctx, f.store, f.show = ctx, f.declared.In(ctx), f.emit
	f.idle.start(ctx, f.store.Silence(), f.store.Time, func(streamTime int64) error {
		err := f.closeUntil(streamTime)
		f.store.Observe(streamTime)
		return err
	})
	return nil
}

func (f *final[K, V, A]) Process(ctx *context[window.Windowed[K], A], r record[K, V]) error {
	if r.NullKey {
		return nil
	}
	f.idle.end(ctx.WallClock())
	return f.closeUntil(r.Timestamp)
}

// closeUntil emits the windows that are closed at a stream time and have not been before.
func (f *final[K, V, A]) closeUntil(streamTime int64) error {
	before, _ := f.store.Time()
	if streamTime <= before {
		return nil
	}
	from, to := f.windows.Closed(before), f.windows.Closed(streamTime)
	if !f.windows.StartsBetween(from, to) || !f.store.Waits(to-1) {
		return nil
	}
	return f.store.SweepEach(from, to-1, f.show)
}

// emit forwards a window that is closed.
func (f *final[K, V, A]) emit(row state.WindowRow[K, A]) (more bool, err error) {
	return true, f.ctx.Forward(record[window.Windowed[K], A]{
		Key:   window.Windowed[K]{Key: row.Key, Window: f.windows.Window(row.Start)},
		Value: row.Value, Timestamp: row.Timestamp,
	})
}
