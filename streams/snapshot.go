package streams

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
	"github.com/millstream-go/millstream/state"
)

// Snapshot is what an App of one process is doing. It is the caller's own and marshals to JSON, with durations in
// nanoseconds.
//
// What it says of tasks is at most a second old, or as old as the step in work: see WorkerStatus.At.
type Snapshot struct {
	App      string         `json:"app"`
	Instance string         `json:"instance"` // the id that is kept in the state directory; empty before it was read
	At       time.Time      `json:"at"`
	State    State          `json:"state"`
	Since    time.Time      `json:"since"`           // of the state
	Error    string         `json:"error,omitempty"` // why the App failed, or a worker began again last
	ErrorAt  time.Time      `json:"error_at,omitzero"`
	Workers  []WorkerStatus `json:"workers"`
	Tasks    []TaskStatus   `json:"tasks"`    // of all workers, by sub-topology and partition
	Restores []Restore      `json:"restores"` // under way
	Commits  []Commit       `json:"commits"`  // the last 100, the newest one last
	// CommitTimes tell how long each phase of commits took since the start: encode, flush, offsets, transaction, local.
	CommitTimes map[string]Histogram `json:"commit_times"`

	Connectors []ConnectorStatus `json:"connectors"` // those of Config.Connectors

	Drops    []Drops     `json:"drops"`    // since the start, by step and reason, late records too
	Failures []Failure   `json:"failures"` // the last 50, the newest one last
	History  []Happening `json:"history"`  // the last 200 things that happened, the newest one last
}

// WorkerStatus is a worker of the process.
type WorkerStatus struct {
	Worker int       `json:"worker"`
	State  State     `json:"state"`            // Joining, Restoring, Running or Stalled
	Member string    `json:"member,omitempty"` // that the group counts it as; empty before it does
	At     time.Time `json:"at,omitzero"`      // of what is said of its tasks
	Turned time.Time `json:"turned,omitzero"`  // when it was last between two steps
	// CodeSince is since when the code of a step is at work, for CodeTask; zero: it is not.
	CodeSince time.Time `json:"code_since,omitzero"`
	CodeTask  string    `json:"code_task,omitempty"`
	Waits     []Wait    `json:"waits"`
	// Sums since the start: sessions that have ended, tasks that came and went, commits with their records, bytes and
	// times.
	Sessions int64  `json:"sessions"`
	Assigned int64  `json:"assigned"`
	Revoked  int64  `json:"revoked"`
	Total    Commit `json:"total"`
	// Busy is how long it was in steps and in what they call since the start, without commits.
	Busy time.Duration `json:"busy_ns"`
}

// Wait is something that a worker waits for. The log tells the cause of one that lasts.
type Wait struct {
	For   string    `json:"for"`
	Since time.Time `json:"since"`
}

// TaskStatus is a task of the process.
type TaskStatus struct {
	Task    string `json:"task"` // as in Tasks
	Worker  int    `json:"worker"`
	Running bool   `json:"running"` // false: its state is restored, or something is in its way; the rest is not known then
	// StreamTime is the highest time of its records so far; zero before the first one.
	StreamTime time.Time     `json:"stream_time,omitzero"`
	Records    int64         `json:"records"` // processed since it runs
	Dropped    int64         `json:"dropped"` // times that a step dropped a record since it runs
	Inputs     []InputStatus `json:"inputs"`
	Stores     []StoreStatus `json:"stores"`
	// Error is that of the last record that it left out, empty if there was none.
	Error   string    `json:"error,omitempty"`
	ErrorAt time.Time `json:"error_at,omitzero"`
}

// Behind is how far stream time is behind the wall clock at a time, 0 before the first record.
func (t TaskStatus) Behind(now time.Time) time.Duration {
	if t.StreamTime.IsZero() {
		return 0
	}
	return now.Sub(t.StreamTime)
}

// Lag is the sum over the inputs whose lag is known.
func (t TaskStatus) Lag() (lag int64) {
	for _, in := range t.Inputs {
		lag += max(0, in.Lag)
	}
	return lag
}

// InputStatus is a partition that a task reads.
type InputStatus struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Committed int64     `json:"committed"`     // offset; -1: none yet
	Position  int64     `json:"position"`      // offset of the record to process next
	End       int64     `json:"end"`           // of the partition, without open transactions, as last heard; -1: not known
	Lag       int64     `json:"lag"`           // offsets from Position to End; -1: not known
	Time      time.Time `json:"time,omitzero"` // highest time of its records so far
	Buffered  int       `json:"buffered"`      // records that were fetched and wait
	Paused    bool      `json:"paused"`        // nothing is fetched, as too much waits
}

// StoreStatus is a store of a task.
type StoreStatus struct {
	Store       string     `json:"store"`
	Kind        state.Kind `json:"kind"`
	InMemory    bool       `json:"in_memory"`
	Changelog   string     `json:"changelog,omitempty"` // the topic; empty: none
	Offset      int64      `json:"offset"`              // in the changelog, up to which its records are in the database
	CachedRows  int        `json:"cached_rows"`         // that are kept decoded, with keys that are known to have none
	CachedBytes int64      `json:"cached_bytes"`
	DiskBytes   int64      `json:"disk_bytes"` // about, every 30 s; -1: not known
}

// Snapshot shows what the App is doing. It may be called at any time, from any goroutine; no worker waits for it.
func (a *App) Snapshot() Snapshot {
	now := time.Now()
	s := Snapshot{App: a.config.AppID, At: now, Drops: []Drops{}, Tasks: []TaskStatus{}}
	s.Connectors = a.config.connectorStatus()
	for _, d := range a.drops.All() {
		s.Drops = append(s.Drops, dropsOf(d))
	}
	s.Failures = failuresOf(a.failures.Last())
	a.mu.Lock()
	defer a.mu.Unlock()
	s.History = slices.Clone(a.mu.history.last)
	s.Instance, s.State, s.Since = a.mu.process, a.mu.state, a.mu.since
	s.Error, s.ErrorAt = a.mu.err, a.mu.errAt
	s.Commits, s.CommitTimes = slices.Clone(a.mu.commits), a.mu.times.all()
	s.Workers, s.Restores = []WorkerStatus{}, []Restore{}
	for i := range a.mu.workers {
		w := &a.mu.workers[i]
		s.Workers = append(s.Workers, w.status(i))
		s.Tasks = append(s.Tasks, w.tasks(i)...)
		for _, r := range w.restores {
			r.Took = now.Sub(r.Began)
			s.Restores = append(s.Restores, r)
		}
	}
	s.sort()
	return s
}

// sort brings tasks and restores into their order. One that has moved is there twice until its former worker looks up:
// what was seen last stays.
func (s *Snapshot) sort() {
	seen := func(t TaskStatus) time.Time { return s.Workers[t.Worker].At }
	slices.SortFunc(s.Tasks, func(x, y TaskStatus) int {
		return cmp.Or(compareTasks(x.Task, y.Task), seen(y).Compare(seen(x)))
	})
	s.Tasks = slices.CompactFunc(s.Tasks, func(x, y TaskStatus) bool { return x.Task == y.Task })
	same := func(x, y Restore) int { return cmp.Or(compareTasks(x.Task, y.Task), cmp.Compare(x.Store, y.Store)) }
	slices.SortFunc(s.Restores, func(x, y Restore) int { return cmp.Or(same(x, y), y.Began.Compare(x.Began)) })
	s.Restores = slices.CompactFunc(s.Restores, func(x, y Restore) bool { return same(x, y) == 0 })
}

// Late is how many records were dropped as they came too late.
func (s Snapshot) Late() (records int64) {
	for _, d := range s.Drops {
		if d.Reason == graph.DropLate {
			records += d.Records
		}
	}
	return records
}

// picture is what a worker has told of itself.
type picture struct {
	state    worker.State
	worker   observed // nil before it runs
	view     worker.View
	restores map[string]Restore // by task and store
	sums     WorkerStatus       // of it only the sums
}

// observed is a worker that is looked at while it runs: its type would bring those of clients and databases, see run.
type observed interface {
	Turned() time.Time
	InCode() (task string, since time.Time)
	Waits() []worker.Wait
}

func (p *picture) status(i int) WorkerStatus {
	s := p.sums
	s.Busy = p.view.Busy
	s.Worker, s.State, s.Member, s.At, s.Waits = i, stateOf(p.state), p.view.Member, p.view.At, []Wait{}
	if p.worker == nil {
		return s
	}
	s.Turned = p.worker.Turned()
	s.CodeTask, s.CodeSince = p.worker.InCode()
	for _, w := range p.worker.Waits() {
		s.Waits = append(s.Waits, Wait(w))
	}
	return s
}

func (p *picture) tasks(i int) (tasks []TaskStatus) {
	for _, v := range p.view.Running {
		tasks = append(tasks, taskOf(v, i))
	}
	for _, name := range p.view.Waiting {
		tasks = append(tasks, TaskStatus{Task: name, Worker: i, Inputs: []InputStatus{}, Stores: []StoreStatus{}})
	}
	return tasks
}

func taskOf(v task.View, worker int) TaskStatus {
	t := TaskStatus{
		Task: v.ID.String(), Worker: worker, Running: true, StreamTime: timeOf(v.StreamTime), Records: v.Records,
		Dropped: v.Dropped,
		Inputs:  make([]InputStatus, len(v.Inputs)), Stores: make([]StoreStatus, len(v.Stores)),
	}
	for i, in := range v.Inputs {
		t.Inputs[i] = InputStatus{
			in.Topic, in.Partition, in.Committed, in.Position, in.End, lagOf(in), timeOf(in.Time), in.Buffered, in.Paused,
		}
	}
	for i, s := range v.Stores {
		t.Stores[i] = StoreStatus(s)
	}
	if v.LastError != nil {
		t.Error, t.ErrorAt = v.LastError.Error(), time.UnixMilli(v.ErrorAt)
	}
	return t
}

func lagOf(in task.InputView) int64 {
	if in.End < 0 {
		return -1
	}
	return max(0, in.End-in.Position)
}

// timeOf is a time in milliseconds, the zero time for none.
func timeOf(ms int64) time.Time {
	if ms < 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// compareTasks orders names of tasks by their numbers.
func compareTasks(x, y string) int {
	x1, x2, _ := strings.Cut(x, "_")
	y1, y2, _ := strings.Cut(y, "_")
	return cmp.Or(cmp.Compare(len(x1), len(y1)), cmp.Compare(x1, y1), cmp.Compare(len(x2), len(y2)), cmp.Compare(x2, y2))
}

// mostCommits is how many commits a Snapshot has.
const mostCommits = 100

// begin prepares the picture of the App.
func (a *App) begin(process string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.process, a.mu.workers = process, make([]picture, a.config.Workers)
}

// show adds a worker to the picture.
func (a *App) show(i int, w observed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.workers[i].worker = w
}

// failed notes why the App has ended.
func (a *App) failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mu.err, a.mu.errAt = err.Error(), time.Now()
}

// note takes what a worker tells into the picture of it.
func (a *App) note(i int, e worker.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &a.mu.workers[i]
	a.mu.history.note(i, e)
	switch e := e.(type) {
	case worker.View:
		p.view = e
	case worker.Assigned:
		p.sums.Assigned += int64(len(e.Tasks))
	case worker.Revoked:
		p.sums.Revoked += int64(len(e.Tasks))
	case worker.Restore:
		p.restore(e)
	case worker.Commit:
		p.sums.Total = p.sums.Total.plus(Commit(e))
		a.mu.times.add(Commit(e))
		if len(a.mu.commits) == mostCommits {
			a.mu.commits = slices.Delete(a.mu.commits, 0, 1)
		}
		a.mu.commits = append(a.mu.commits, Commit(e))
	case worker.SessionEnd:
		p.sums.Sessions++
		p.view = worker.View{At: time.Now(), Busy: p.view.Busy}
		clear(p.restores)
		if e.Err != nil {
			a.mu.err, a.mu.errAt = e.Err.Error(), time.Now()
		}
	}
}

func (p *picture) restore(e worker.Restore) {
	if p.restores == nil {
		p.restores = map[string]Restore{}
	}
	name := e.Task + " " + e.Store
	if p.restores[name] = restoreOf(e); e.Phase == worker.RestoreEnded {
		delete(p.restores, name)
	}
}
