package worker

import (
	"context"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
)

// progress is what a worker is doing, and since when it has something to commit without a commit.
type progress struct {
	sync.Mutex       // held while the state is reported, so that the last report is the last state
	state            State
	uncommittedSince time.Time // zero: nothing to commit
	stalled          bool
}

// report tells what the worker is doing, unless it stalls: that is told until a commit.
func (w *Worker) report(s State) {
	w.progress.Lock()
	defer w.progress.Unlock()
	w.progress.state = s
	if !w.progress.stalled {
		w.config.Report(s)
	}
}

// noteProgress notes whether there is something to commit. A session that begins has nothing at first, as it has not
// read what the one before could not commit: that is believed once nothing has come for a while.
func (s *session) noteProgress(idle bool) {
	switch {
	case s.set.Pending():
		s.quiet = time.Time{}
		s.worker.noteUncommitted()
	case !idle || !s.told || len(s.restores) > 0:
		s.quiet = time.Time{}
	case s.quiet.IsZero():
		s.quiet = time.Now()
	case time.Since(s.quiet) >= quietFor:
		s.worker.noteCommitted()
	}
}

// quietFor is how long nothing may come before it is believed that there is nothing.
const quietFor = time.Second

// noteUncommitted notes that there is something to commit, from now on.
func (w *Worker) noteUncommitted() {
	w.progress.Lock()
	defer w.progress.Unlock()
	if w.progress.uncommittedSince.IsZero() {
		w.progress.uncommittedSince = time.Now()
	}
}

// noteCommitted notes a commit, or that there is nothing to commit.
func (w *Worker) noteCommitted() {
	w.progress.Lock()
	defer w.progress.Unlock()
	w.progress.uncommittedSince = time.Time{}
	if w.progress.stalled {
		w.progress.stalled = false
		w.config.Logger.Info("commits go on")
		w.config.Report(w.progress.state)
	}
}

// checkProgress reports a worker that has had something to commit for too long.
func (w *Worker) checkProgress(now time.Time) {
	w.progress.Lock()
	defer w.progress.Unlock()
	p := &w.progress
	if p.stalled || p.uncommittedSince.IsZero() || w.config.StallTimeout <= 0 ||
		now.Sub(p.uncommittedSince) < w.config.StallTimeout {
		return
	}
	p.stalled = true
	w.config.Logger.Warn("no commit, although there is something to commit", "since", now.Sub(p.uncommittedSince).String())
	w.config.Report(Stalled)
}

// watch looks at what the worker waits for and whether it commits, until stop is called.
func (w *Worker) watch() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	// Beside the worker, which may be what stands still; owns nothing.
	watching.Go(func() {
		for cluster.Sleep(ctx, min(time.Second, max(time.Millisecond, w.config.StallTimeout/4))) == nil {
			w.checkProgress(time.Now())
			w.waits.tell(ctx, time.Now())
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// What a worker may wait for by itself.
const (
	forGroup  = "tasks of the group"
	forCode   = "the code of a step"
	forBuffer = "room for what was produced"
	forCommit = "a commit"
)

// whyCode is the cause of a wait for the user's code.
func (w *Worker) whyCode(context.Context) string { return "it has not returned" }
