package operator

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/window"
)

// Final emits each window, or session, of an aggregation once, with its last value, when stream time reaches its close
// time.
//
// It stands in front of the aggregation and gets each record first. So when a record makes stream time jump, the
// windows that this closes come out before the aggregation moves the store's time on and they expire, however far the
// jump. It remembers nothing: the windows to emit are those that are closed at the new time and were not at the
// store's, and that time is rolled back, committed and restored with the store.
//
// With idle above 0, in milliseconds, windows also close while nothing comes, see idleClock.
func Final(store storage.Spec, windows Closing, idle int64) graph.Step {
	return &final{declared: store, windows: windows, idle: idleClock{after: idle}}
}

// Closing tells when windows or sessions close.
type Closing interface {
	// Between are the lowest and highest time of the windows, as their store orders them, that one stream time closes and
	// an earlier one does not; ok is false if there can be none.
	Between(before, streamTime int64) (from, to int64, ok bool)
	// Window is the window of a row.
	Window(at window.Window) window.Window
	// judge tells which records are late for the windows in a store.
	judge(store rows.ByWindow) judge
}

// ClosingWindows are windows that a start identifies; their store orders them by it.
type ClosingWindows struct{ windows.Windows }

// Between is Closing's.
func (w ClosingWindows) Between(before, streamTime int64) (from, to int64, ok bool) {
	from, to = w.Closed(before), w.Closed(streamTime)
	return from, to - 1, w.StartsBetween(from, to)
}

// Window is Closing's.
func (w ClosingWindows) Window(at window.Window) window.Window { return w.Windows.Window(at.Start) }

// ClosingSessions are sessions; their store orders them by their end.
type ClosingSessions struct{ windows.Session }

// Between is Closing's.
func (w ClosingSessions) Between(before, streamTime int64) (from, to int64, ok bool) {
	from, to = w.Closed(before), w.Closed(streamTime)-1
	return from, to, from <= to
}

// Window is Closing's.
func (w ClosingSessions) Window(at window.Window) window.Window {
	return w.Session.Window(at.Start, at.End)
}

type final struct {
	ctx      *flowContext
	declared storage.Spec
	store    rows.ByWindow
	windows  Closing
	idle     idleClock
	sweep    func(from, to int64) error // calls emit, made once: a record that closes a window allocates nothing
	windowed any                        // variable for keys
	out      flow
}

func (f *final) Init(ctx *flowContext) error {
	f.ctx, f.store = ctx, handleOf[rows.ByWindow](ctx, f.declared)
	f.sweep, f.windowed = f.store.Sweeping(f.emit), f.store.NewWindowed()
	if due := f.store.Silence().Due; due > 0 {
		if err := f.closeUntil(due); err != nil {
			return err
		}
	}
	f.idle.start(ctx, f.store.Silence(), f.store.Time, func(streamTime int64) error {
		err := f.closeUntil(streamTime)
		f.store.Observe(streamTime)
		return err
	})
	return nil
}

func (f *final) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		return nil
	}
	f.idle.end(ctx.WallClock())
	return f.closeUntil(r.Timestamp)
}

// closeUntil emits the windows that are closed at a stream time and have not been before.
func (f *final) closeUntil(streamTime int64) error {
	before, _ := f.store.Time()
	if streamTime <= before {
		return nil
	}
	from, to, ok := f.windows.Between(before, streamTime)
	if !ok || !f.store.Waits(to) {
		return nil
	}
	return f.sweep(from, to)
}

// emit forwards a window that is closed.
func (f *final) emit(key any, at window.Window, value any, timestamp int64) error {
	f.store.SetWindowed(f.windowed, key, f.windows.Window(at))
	f.out = flow{Key: f.windowed, Value: value, Timestamp: timestamp}
	return f.ctx.Forward(&f.out)
}
