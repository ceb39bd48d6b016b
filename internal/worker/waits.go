package worker

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// waits are what a worker waits for. Whoever waits says so; what lasts is told in the log with its cause, ever more
// rarely, until it is over.
type waits struct {
	log   *slog.Logger
	brief []*brief
	mu    struct {
		sync.Mutex
		open map[string]*wait
	}
}

// wait is one of them.
type wait struct {
	since time.Time
	told  time.Time     // zero: not yet
	pause time.Duration // before it is told again
	cause func(ctx context.Context) string
}

// brief is a wait that begins and ends with each step of a worker, and most often is over at once: neither takes a lock
// or allocates. Only one goroutine begins and ends it.
type brief struct {
	log   *slog.Logger
	what  string
	cause func(ctx context.Context) string
	made  time.Time
	since atomic.Int64 // nanoseconds after made; 0: not waiting
	told  atomic.Int64 // since of the last wait that was told
	open  wait         // the one that due has seen last
}

// newBrief is a wait that begins and ends often. It must be made before the others are told.
func (w *waits) newBrief(what string, cause func(ctx context.Context) string) *brief {
	b := &brief{log: w.log, what: what, cause: cause, made: time.Now()}
	w.brief = append(w.brief, b)
	return b
}

func (b *brief) begin() { b.since.Store(max(1, time.Since(b.made).Nanoseconds())) }

func (b *brief) end() {
	if since := b.since.Swap(0); since != 0 && since == b.told.Load() {
		b.log.Info("the wait is over", "for", b.what, "took", (time.Since(b.made) - time.Duration(since)).String())
	}
}

// due is true if the wait is to be told at a time.
func (b *brief) due(now time.Time) bool {
	since := b.since.Load()
	if since == 0 {
		return false
	}
	if at := b.made.Add(time.Duration(since)); !b.open.since.Equal(at) {
		b.open = wait{since: at, cause: b.cause, pause: tellAfter}
	}
	if !b.open.due(now) {
		return false
	}
	b.told.Store(since)
	return true
}

const (
	// tellAfter is how long a wait may last before it is told.
	tellAfter = 10 * time.Second
	// tellAtMost is the longest pause between two times that the same wait is told.
	tellAtMost = 10 * time.Minute
	// askFor is how long the brokers may take to say what the cause is.
	askFor = 5 * time.Second
)

func newWaits(log *slog.Logger) *waits {
	w := &waits{log: log}
	w.mu.open = map[string]*wait{}
	return w
}

// begin says that the worker waits for something. cause is asked when the wait is told, on another goroutine. For what
// is waited for already, only the cause changes.
func (w *waits) begin(what string, cause func(ctx context.Context) string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if open := w.mu.open[what]; open != nil {
		open.cause = cause
		return
	}
	w.mu.open[what] = &wait{since: time.Now(), cause: cause, pause: tellAfter}
}

// because is begin with a cause that is known.
func (w *waits) because(what, cause string) {
	w.begin(what, func(context.Context) string { return cause })
}

// end says that a wait is over.
func (w *waits) end(what string) {
	w.mu.Lock()
	open := w.mu.open[what]
	delete(w.mu.open, what)
	w.mu.Unlock()
	if open != nil && !open.told.IsZero() {
		w.log.Info("the wait is over", "for", what, "took", time.Since(open.since).String())
	}
}

// endAll is end for all: the session is over.
func (w *waits) endAll() {
	w.mu.Lock()
	names := slices.Sorted(maps.Keys(w.mu.open))
	w.mu.Unlock()
	for _, what := range names {
		w.end(what)
	}
	for _, b := range w.brief {
		b.end()
	}
}

// due is true if a wait is to be told at a time. It is noted as told then.
func (w *wait) due(now time.Time) bool {
	last := w.told
	if last.IsZero() {
		last = w.since
	}
	if now.Sub(last) < w.pause {
		return false
	}
	if !w.told.IsZero() {
		w.pause = min(2*w.pause, tellAtMost)
	}
	w.told = now
	return true
}

// due are the waits to tell at a time.
func (w *waits) due(now time.Time) map[string]wait {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := map[string]wait{}
	for what, open := range w.mu.open {
		if open.due(now) {
			due[what] = *open
		}
	}
	for _, b := range w.brief {
		if b.due(now) {
			due[b.what] = b.open
		}
	}
	return due
}

// tell says in the log what is waited for, and why.
func (w *waits) tell(ctx context.Context, now time.Time) {
	due := w.due(now)
	for _, what := range slices.Sorted(maps.Keys(due)) {
		ask, cancel := context.WithTimeout(ctx, askFor)
		cause := due[what].cause(ask)
		cancel()
		w.log.Warn("waiting", "for", what, "since", now.Sub(due[what].since).Round(time.Second).String(), "cause", cause)
	}
}
