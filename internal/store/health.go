package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// health is the first failure of a database, if it had one. Pebble writes in goroutines of its own, which have nobody
// to return an error to: they leave it here, and every later call finds it.
type health struct {
	dir    string
	logger *slog.Logger
	first  atomic.Pointer[error]
	// stuck is set when Pebble gave up in the middle of something. Its locks may be held for ever: it must not be
	// called any more, not even to close it.
	stuck atomic.Bool
}

func (h *health) err() error {
	if err := h.first.Load(); err != nil {
		return *err
	}
	return nil
}

// fail keeps the first failure; those after it follow from it.
func (h *health) fail(kind, cause error) {
	err := fmt.Errorf("%w: database %s: %w", kind, h.dir, cause)
	if h.first.CompareAndSwap(nil, &err) {
		h.logger.Warn("database failed", "error", err)
	}
}

// retryPause is how long Pebble waits before it tries something again on a database that has failed. By itself it does
// so at once, without end.
const retryPause = 100 * time.Millisecond

// background is told what failed in a goroutine of Pebble's own. Damage that only such a one has met would be tried
// again for ever: the database has failed then.
func (h *health) background(err error) {
	switch {
	case pebble.IsCorruptionError(err):
		h.fail(ErrCorrupt, err)
	case errors.Is(err, fs.ErrNotExist):
		h.fail(ErrDisk, err)
	}
	h.Errorf("background work: %v", err)
	if h.err() != nil {
		time.Sleep(retryPause)
	}
}

// Infof, Errorf and Fatalf are the log that Pebble is given.
func (h *health) Infof(format string, args ...any) { h.print(slog.LevelDebug, format, args) }

func (h *health) Errorf(format string, args ...any) { h.print(slog.LevelWarn, format, args) }

func (h *health) print(level slog.Level, format string, args []any) {
	if h.err() != nil {
		level = slog.LevelDebug // what follows from a failure may be told without end
	}
	if ctx := context.Background(); h.logger.Enabled(ctx, level) {
		h.logger.Log(ctx, level, "pebble: "+fmt.Sprintf(format, args...), "dir", h.dir)
	}
}

// Fatalf is where Pebble expects the process to end: its files are not what they have to be. It must not return. If a
// caller of this package waits for the answer, a panic brings it the error (see recovered). A goroutine of Pebble's own
// is held here for ever instead: one lost goroutine, where a panic would take the process along with all other tasks.
func (h *health) Fatalf(format string, args ...any) {
	h.stuck.Store(true)
	h.fail(ErrCorrupt, fmt.Errorf(format, args...))
	if calledFromPackage() {
		panic(gaveUp{})
	}
	select {}
}

// gaveUp is the panic of Fatalf.
type gaveUp struct{}

// recovered, when deferred, turns the panic of Fatalf into the error of the database.
func (h *health) recovered(err *error) {
	switch v := recover().(type) {
	case nil:
	case gaveUp:
		*err = h.err()
	default:
		panic(v)
	}
}

// calledFromPackage is true if this goroutine came to Pebble through a function of this package, and so returns to one.
func calledFromPackage() bool {
	pcs := make([]uintptr, 256)
	pcs = pcs[:runtime.Callers(3, pcs)] // without Callers, this function and Fatalf
	frames := runtime.CallersFrames(pcs)
	for prefix := reflect.TypeFor[health]().PkgPath() + "."; ; {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, prefix) {
			return true
		}
		if !more {
			return false
		}
	}
}
