package worker

import (
	"maps"
	"slices"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// View is what a worker has, as of a moment. It does not change.
type View struct {
	Worker  int
	At      time.Time
	Busy    time.Duration // in steps, since the worker was made
	Member  string        // that the group counts the worker as; empty before it has
	Running []task.View   // tasks that run
	Waiting []string      // tasks that do not run yet, as their state is restored or something is in their way
}

func (View) event() {}

// showEvery is the time between two views while something happens. A worker that has nothing to do shows itself once a
// second, as often as it looks up.
const showEvery = 250 * time.Millisecond

// show tells what the worker has, unless it did so a moment ago.
func (s *session) show() {
	now := time.Now()
	if s.worker.turnedAt.Store(now.UnixNano()); now.Sub(s.shownAt) < showEvery {
		return
	}
	s.shownAt, s.unseen = now, false
	v := View{Worker: s.config.Index, At: now, Busy: s.worker.busy, Member: s.member.id, Running: s.set.View()}
	ids := slices.Collect(maps.Keys(s.restores))
	ids = slices.DeleteFunc(ids, func(id graph.TaskID) bool { return s.set.Task(id) != nil })
	sortTasks(ids)
	v.Waiting = names(ids)
	s.config.Report(v)
}

// Turned is when the worker was last between two steps; the zero time before its first session has begun. It may be
// called from any goroutine.
func (w *Worker) Turned() time.Time {
	at := w.turnedAt.Load()
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(0, at)
}

// Wait is something that a worker waits for.
type Wait struct {
	For   string
	Since time.Time
}

// Waits are what the worker waits for, but for the code of a step, the longest first. It may be called from any
// goroutine.
func (w *Worker) Waits() []Wait { return w.waits.all() }

// InCode is since when the code of a step is at work, and for which task; the zero time: it is not.
func (w *Worker) InCode() (task string, since time.Time) {
	if since = w.inCode.began(); since.IsZero() {
		return "", since
	}
	if t := w.pace.Working.Load(); t != nil {
		task = t.ID.String()
	}
	return task, since
}

// all are the waits that are open, but for the code of a step.
func (w *waits) all() (open []Wait) {
	w.mu.Lock()
	for what, wait := range w.mu.open {
		open = append(open, Wait{what, wait.since})
	}
	w.mu.Unlock()
	for _, b := range w.brief {
		if since := b.began(); !since.IsZero() && b.what != forCode {
			open = append(open, Wait{b.what, since})
		}
	}
	slices.SortFunc(open, func(x, y Wait) int { return x.Since.Compare(y.Since) })
	return open
}

// began is since when the wait lasts; the zero time: there is none.
func (b *brief) began() time.Time {
	since := b.since.Load()
	if since == 0 {
		return time.Time{}
	}
	return b.made.Add(time.Duration(since))
}
