package streams

import (
	"slices"
	"strconv"
	"time"
)

type show = func(value float64, attributes ...string)

// Metrics is the table of all metrics, by level. Each call makes it anew.
func Metrics() []Metric {
	return slices.Concat(stateMetrics(), recordMetrics(), commitMetrics(), workerMetrics(), taskMetrics(), storeMetrics(),
		connectorMetrics())
}

// one is a metric of the client level with one value.
func one(name string, kind MetricKind, unit, help string, read func(s Snapshot) float64) Metric {
	return Metric{name, kind, ClientLevel, unit, nil, help, func(s Snapshot, show show) { show(read(s)) }}
}

func stateMetrics() []Metric {
	return []Metric{
		{"millstream.state", MetricGauge, ClientLevel, "", []string{"state"}, "1 for the state of the application, else 0",
			func(s Snapshot, show show) {
				for is := Created; is <= Failed; is++ {
					show(truth(is == s.State), is.String())
				}
			}},
		one("millstream.state.age", MetricGauge, "s", "Time since the application came into its state",
			func(s Snapshot) float64 { return age(s, s.Since) }),
		one("millstream.workers", MetricGauge, "{worker}", "Workers of the process",
			func(s Snapshot) float64 { return float64(len(s.Workers)) }),
		{"millstream.tasks", MetricGauge, ClientLevel, "{task}", []string{"status"}, "Tasks that run, and that do not yet",
			func(s Snapshot, show show) {
				running := sum(s.Tasks, func(t TaskStatus) float64 { return truth(t.Running) })
				show(running, "running")
				show(float64(len(s.Tasks))-running, "waiting")
			}},
		one("millstream.tasks.assigned", MetricCounter, "{task}", "Tasks that the group has given to the process",
			func(s Snapshot) float64 {
				return sum(s.Workers, func(w WorkerStatus) float64 { return float64(w.Assigned) })
			}),
		one("millstream.tasks.revoked", MetricCounter, "{task}", "Tasks that the group has taken from the process",
			func(s Snapshot) float64 {
				return sum(s.Workers, func(w WorkerStatus) float64 { return float64(w.Revoked) })
			}),
		one("millstream.sessions.ended", MetricCounter, "{session}", "Sessions that workers have ended",
			func(s Snapshot) float64 {
				return sum(s.Workers, func(w WorkerStatus) float64 { return float64(w.Sessions) })
			}),
		one("millstream.restores", MetricGauge, "{restore}", "Restores of stores that are under way",
			func(s Snapshot) float64 { return float64(len(s.Restores)) }),
		one("millstream.restore.remaining", MetricGauge, "{offset}", "Offsets of changelogs that restores have left to read",
			func(s Snapshot) float64 {
				return sum(s.Restores, func(r Restore) float64 { return float64(r.Remaining()) })
			}),
	}
}

func recordMetrics() []Metric {
	return []Metric{
		one("millstream.records", MetricCounter, "{record}", "Records that were processed and committed",
			func(s Snapshot) float64 { return total(s, func(c Commit) float64 { return float64(c.Records) }) }),
		one("millstream.produced", MetricCounter, "{record}", "Records of outputs and changelogs that were committed",
			func(s Snapshot) float64 { return total(s, func(c Commit) float64 { return float64(c.Produced) }) }),
		one("millstream.produced.bytes", MetricCounter, "By", "Bytes of those records",
			func(s Snapshot) float64 { return total(s, func(c Commit) float64 { return float64(c.Bytes) }) }),
		{"millstream.dropped", MetricCounter, ClientLevel, "{record}", []string{"reason"}, "Records that were dropped",
			func(s Snapshot, show show) {
				by := map[string]float64{}
				for _, reason := range dropReasons {
					by[string(reason)] = 0
				}
				for _, d := range s.Drops {
					by[string(d.Reason)] += float64(d.Records)
				}
				for reason, n := range by {
					show(n, reason)
				}
			}},
		one("millstream.lag", MetricGauge, "{offset}", "Offsets from where tasks are to the ends of their inputs, in all",
			func(s Snapshot) float64 { return sum(s.Tasks, func(t TaskStatus) float64 { return float64(t.Lag()) }) }),
		one("millstream.lag.max", MetricGauge, "{offset}", "The same of the input that has most",
			func(s Snapshot) (most float64) {
				for _, t := range s.Tasks {
					for _, in := range t.Inputs {
						most = max(most, float64(in.Lag))
					}
				}
				return most
			}),
		one("millstream.stream_time.lag.max", MetricGauge, "s", "How far stream time is behind the wall clock at most",
			func(s Snapshot) (most float64) {
				for _, t := range s.Tasks {
					most = max(most, t.Behind(s.At).Seconds())
				}
				return most
			}),
	}
}

// dropReasons are shown from the start: to Prometheus, a counter that begins with 1 has never risen.
var dropReasons = []DropReason{
	DropLate, DropNullKey, DropNullValue, DropDeserialize, DropProcess, DropTimestamp, DropTimeJump,
}

func commitMetrics() []Metric {
	return []Metric{
		one("millstream.commits", MetricCounter, "{commit}", "Commits",
			func(s Snapshot) float64 { return total(s, func(c Commit) float64 { return float64(c.Commits) }) }),
		one("millstream.commit.age", MetricGauge, "s", "Time since the last commit, 0 before the first one",
			func(s Snapshot) float64 {
				if len(s.Commits) == 0 {
					return 0
				}
				last := s.Commits[len(s.Commits)-1]
				return age(s, last.Began.Add(last.Took()))
			}),
		{"millstream.commit.duration", MetricHistogram, ClientLevel, "s", []string{"phase"},
			"How long the phases of commits took", func(s Snapshot, show show) {
				for _, phase := range commitPhases {
					show(s.CommitTimes[phase].Sum, phase)
				}
			}},
		{"millstream.time", MetricCounter, ClientLevel, "s", []string{"phase"},
			"What workers have spent in steps (process) and in the phases of commits", func(s Snapshot, show show) {
				for _, phase := range phases {
					show(sum(s.Workers, phase.of), phase.name)
				}
			}},
	}
}

// phases are what a worker's time goes into.
var phases = []struct {
	name string
	of   func(w WorkerStatus) float64
}{
	{"process", func(w WorkerStatus) float64 { return w.Busy.Seconds() }},
	{"encode", func(w WorkerStatus) float64 { return w.Total.Encode.Seconds() }},
	{"flush", func(w WorkerStatus) float64 { return w.Total.Flush.Seconds() }},
	{"offsets", func(w WorkerStatus) float64 { return w.Total.Offsets.Seconds() }},
	{"transaction", func(w WorkerStatus) float64 { return w.Total.Transaction.Seconds() }},
	{"local", func(w WorkerStatus) float64 { return w.Total.Local.Seconds() }},
}

// ofWorkers is a metric of the worker level with one value for each worker.
func ofWorkers(name string, kind MetricKind, unit, help string, read func(s Snapshot, w WorkerStatus) float64) Metric {
	return Metric{name, kind, WorkerLevel, unit, []string{"worker"}, help, func(s Snapshot, show show) {
		for _, w := range s.Workers {
			show(read(s, w), strconv.Itoa(w.Worker))
		}
	}}
}

func workerMetrics() []Metric {
	return []Metric{
		ofWorkers("millstream.worker.records", MetricCounter, "{record}", "Records that the worker has committed",
			func(_ Snapshot, w WorkerStatus) float64 { return float64(w.Total.Records) }),
		ofWorkers("millstream.worker.commits", MetricCounter, "{commit}", "Commits of the worker",
			func(_ Snapshot, w WorkerStatus) float64 { return float64(w.Total.Commits) }),
		ofWorkers("millstream.worker.call.age", MetricGauge, "s", "How long the code of a step is at work on one call",
			func(s Snapshot, w WorkerStatus) float64 { return age(s, w.CodeSince) }),
		ofWorkers("millstream.worker.wait.age", MetricGauge, "s", "How long the longest wait of the worker lasts",
			func(s Snapshot, w WorkerStatus) float64 {
				if len(w.Waits) == 0 {
					return 0
				}
				return age(s, w.Waits[0].Since)
			}),
		{"millstream.worker.time", MetricCounter, WorkerLevel, "s", []string{"worker", "phase"},
			"What the worker has spent in steps (process) and in the phases of commits", func(s Snapshot, show show) {
				for _, w := range s.Workers {
					for _, phase := range phases {
						show(phase.of(w), strconv.Itoa(w.Worker), phase.name)
					}
				}
			}},
	}
}

// ofInputs is a metric of the task level with one value for each input partition.
func ofInputs(name, unit, help string, read func(in InputStatus) float64) Metric {
	attributes := []string{"task", "topic", "partition"}
	return Metric{name, MetricGauge, TaskLevel, unit, attributes, help, func(s Snapshot, show show) {
		for _, t := range s.Tasks {
			for _, in := range t.Inputs {
				show(read(in), t.Task, in.Topic, strconv.Itoa(int(in.Partition)))
			}
		}
	}}
}

func taskMetrics() []Metric {
	return []Metric{
		{"millstream.task.running", MetricGauge, TaskLevel, "", []string{"task"}, "1 for a task that runs, else 0",
			func(s Snapshot, show show) {
				for _, t := range s.Tasks {
					show(truth(t.Running), t.Task)
				}
			}},
		{"millstream.task.records", MetricCounter, TaskLevel, "{record}", []string{"task"}, "Records since the task runs",
			func(s Snapshot, show show) {
				for _, t := range s.Tasks {
					show(float64(t.Records), t.Task)
				}
			}},
		{"millstream.task.stream_time.lag", MetricGauge, TaskLevel, "s", []string{"task"},
			"How far the stream time of the task is behind the wall clock", func(s Snapshot, show show) {
				for _, t := range s.Tasks {
					show(t.Behind(s.At).Seconds(), t.Task)
				}
			}},
		ofInputs("millstream.task.lag", "{offset}", "Offsets from where the task is to the end of the input; -1: not known",
			func(in InputStatus) float64 { return float64(in.Lag) }),
		ofInputs("millstream.task.committed", "{offset}", "Offset that is committed for the input; -1: none yet",
			func(in InputStatus) float64 { return float64(in.Committed) }),
		ofInputs("millstream.task.buffered", "{record}", "Records of the input that were fetched and wait",
			func(in InputStatus) float64 { return float64(in.Buffered) }),
		{"millstream.step.dropped", MetricCounter, TaskLevel, "{record}", []string{"step", "reason"},
			"Records that the step has dropped",
			func(s Snapshot, show show) {
				for _, d := range s.Drops {
					show(float64(d.Records), d.Step, string(d.Reason))
				}
			}},
	}
}

// ofStores is a metric of the store level with one value for each store of each task.
func ofStores(name, unit, help string, read func(s StoreStatus) float64) Metric {
	return Metric{name, MetricGauge, StoreLevel, unit, []string{"task", "store"}, help, func(s Snapshot, show show) {
		for _, t := range s.Tasks {
			for _, store := range t.Stores {
				show(read(store), t.Task, store.Store)
			}
		}
	}}
}

// ofRestores is a metric of the store level with one value for each restore.
func ofRestores(name, unit, help string, read func(r Restore) float64) Metric {
	return Metric{name, MetricGauge, StoreLevel, unit, []string{"task", "store"}, help, func(s Snapshot, show show) {
		for _, r := range s.Restores {
			show(read(r), r.Task, r.Store)
		}
	}}
}

func storeMetrics() []Metric {
	return []Metric{
		ofStores("millstream.store.cached", "{row}", "Rows of the store that are kept decoded",
			func(s StoreStatus) float64 { return float64(s.CachedRows) }),
		ofStores("millstream.store.cached.bytes", "By", "Memory of those rows",
			func(s StoreStatus) float64 { return float64(s.CachedBytes) }),
		ofStores("millstream.store.disk.bytes", "By", "What the store takes on disk, about; -1: not known",
			func(s StoreStatus) float64 { return float64(s.DiskBytes) }),
		ofStores("millstream.store.changelog.offset", "{offset}", "Offset of its changelog that the store has come to",
			func(s StoreStatus) float64 { return float64(s.Offset) }),
		ofRestores("millstream.store.restore.remaining", "{offset}", "Offsets that the restore of the store has left to read",
			func(r Restore) float64 { return float64(r.Remaining()) }),
		ofRestores("millstream.store.restore.age", "s", "Time since the restore of the store began",
			func(r Restore) float64 { return r.Took.Seconds() }),
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// age is the time since at, 0 for the zero time.
func age(s Snapshot, at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0, s.At.Sub(at).Seconds())
}

func sum[E any](of []E, value func(E) float64) (n float64) {
	for _, e := range of {
		n += value(e)
	}
	return n
}

// total is the sum over the commits of all workers.
func total(s Snapshot, value func(c Commit) float64) float64 {
	return sum(s.Workers, func(w WorkerStatus) float64 { return value(w.Total) })
}
