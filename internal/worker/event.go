package worker

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
)

// Event is something that a worker tells by Config.Report: a State, or one of the types below.
type Event interface{ event() }

// Assigned tells of tasks that the group has given to a worker.
type Assigned struct {
	Worker int
	Tasks  []string
}

// Revoked tells of tasks that the group has taken from a worker.
type Revoked struct {
	Worker int
	Tasks  []string
}

// RestorePhase is how far a restore is.
type RestorePhase int

// The phases of a restore.
const (
	RestoreBegun RestorePhase = iota
	RestoreGoesOn
	RestoreEnded // at the end of the changelog, or given up before
)

// Restore tells of a changelog that is read into a store.
type Restore struct {
	Phase     RestorePhase
	Worker    int
	Task      string
	Store     string
	Changelog string // the topic
	Partition int32
	From      int64 // offset of the first record that the store lacked
	Offset    int64 // to read next
	End       int64 // of the changelog, when the restore was planned
	Records   int64 // read so far
	Began     time.Time
	Took      time.Duration // so far
}

// Commit tells of what a worker has committed, since the commit before.
type Commit struct {
	Worker   int
	Commits  int   // more than 1 where several are told as one
	Records  int64 // taken from inputs
	Produced int64 // records of outputs and changelogs
	Bytes    int64 // of those, keys and values
	Began    time.Time
	// What took how long.
	Encode      time.Duration // rows are encoded
	Flush       time.Duration // brokers acknowledge what was produced
	Offsets     time.Duration // the group gets the offsets
	Transaction time.Duration // the transaction ends; 0 without one
	Local       time.Duration // the databases get rows and offsets
}

// SessionEnd tells that a worker has ended a session: it has no tasks and no client any more. A new session begins,
// unless the worker stops.
type SessionEnd struct {
	Worker int
	Err    error // why; nil: it stops
}

func (State) event()      {}
func (Assigned) event()   {}
func (Revoked) event()    {}
func (Restore) event()    {}
func (Commit) event()     {}
func (SessionEnd) event() {}

// assignedTasks and revokedTasks tell which tasks have come and gone.
func (w *Worker) assignedTasks(ids []graph.TaskID) {
	sortTasks(ids)
	w.config.Report(Assigned{w.config.Index, names(ids)})
}

func (w *Worker) revokedTasks(ids []graph.TaskID) {
	if len(ids) > 0 {
		w.config.Report(Revoked{w.config.Index, names(ids)})
	}
}

// report tells how far the restore of one changelog is.
func (r *restore) report(p *replay, phase RestorePhase) {
	c := p.changelog
	r.session.config.Report(Restore{
		Phase: phase, Worker: r.session.config.Index, Task: p.of.id.String(), Store: c.Store, Changelog: c.Topic,
		Partition: c.Partition, From: p.from, Offset: p.at(), End: p.end, Records: int64(p.records), Began: p.began,
		Took: time.Since(p.began),
	})
}

// lap is the time since the last call.
type lap time.Time

func (l *lap) time() time.Duration {
	now := time.Now()
	took := now.Sub(time.Time(*l))
	*l = lap(now)
	return took
}
