package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
)

// Events are functions that are told what an App does. Those that are nil are left out.
//
// They are called one at a time, in the order of what happened, by a goroutine of their own: nothing waits for them,
// and they may call methods of the App. Up to 1,000 events wait for a slow function. Beyond that, changes of state,
// commits, drops and the progress of restores are added up to those that wait, so that their sums and the last state
// are right, and other events are lost: the log tells how many. Run returns when all events have been told, or
// Config.ShutdownTimeout has passed while it waited for that.
type Events struct {
	// StateChanged is told of each State. The first change is from Created to Starting, the last one to Stopped or
	// Failed.
	StateChanged func(was, is State)
	// Assigned is told of tasks that a worker has got from the group. They run once their state is restored.
	Assigned func(Tasks)
	// Revoked is told of tasks that a worker has given back to the group. Those that it has when its session ends are
	// not told here, but by SessionEnded.
	Revoked func(Tasks)
	// RestoreBegun, RestoreProgressed and RestoreEnded are told of changelogs that are read into stores: when it
	// begins, when records have come, and at the end, or when it is given up before. A store that lacks nothing is
	// not told.
	RestoreBegun, RestoreProgressed, RestoreEnded func(Restore)
	// Committed is told of commits.
	Committed func(Commit)
	// Dropped is told of records that steps have dropped, behind each commit, for all reasons but DropLate.
	Dropped func(Drops)
	// Late is Dropped for DropLate.
	Late func(Drops)
	// SessionEnded is told when a worker has lost all its tasks: it stops, or begins again from the last commit.
	SessionEnded func(SessionEnd)
}

// Tasks are tasks that come to a worker or go. A task is named as in the log and in the state directory: the number
// of its sub-topology and that of its partition, such as 0_3.
type Tasks struct {
	Worker int // number in its process, from 0
	Tasks  []string
}

// Restore is how far the restore of one store is: the changelog is read from From to End, and Offset comes next.
type Restore struct {
	Worker    int           `json:"worker"`
	Task      string        `json:"task"`
	Store     string        `json:"store"`
	Changelog string        `json:"changelog"` // the topic
	Partition int32         `json:"partition"`
	From      int64         `json:"from"`
	Offset    int64         `json:"offset"`
	End       int64         `json:"end"`
	Records   int64         `json:"records"` // read so far
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"took_ns"` // so far
}

// Remaining is how many offsets are left to read: at least as many as records, as markers of transactions and what
// was compacted have offsets, too.
func (r Restore) Remaining() int64 { return max(0, r.End-r.Offset) }

// Rate is how many offsets were read in a second, 0 if it is not known yet.
func (r Restore) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Offset-r.From) / r.Took.Seconds()
}

// Commit is what a worker has committed since its last commit, and how long each phase took. Encode: rows are encoded
// for the changelogs and the database. Flush: brokers acknowledge what was produced. Offsets: the group gets the
// offsets. Transaction: the transaction ends; 0 without one. Local: the database gets rows and offsets.
type Commit struct {
	Worker      int           `json:"worker"`
	Commits     int           `json:"commits"`  // more than 1 where several are added up
	Records     int64         `json:"records"`  // processed
	Produced    int64         `json:"produced"` // records sent to outputs and changelogs
	Bytes       int64         `json:"bytes"`    // of those, keys and values, with some 64 bytes each for the rest
	Began       time.Time     `json:"began"`
	Encode      time.Duration `json:"encode_ns"`
	Flush       time.Duration `json:"flush_ns"`
	Offsets     time.Duration `json:"offsets_ns"`
	Transaction time.Duration `json:"transaction_ns"`
	Local       time.Duration `json:"local_ns"`
}

// Took is the time of all phases.
func (c Commit) Took() time.Duration { return c.Encode + c.Flush + c.Offsets + c.Transaction + c.Local }

// Drops are records that a step has dropped for one reason. Records that are processed again after a failure are
// counted again.
type Drops struct {
	Step    string           `json:"step"`
	Reason  graph.DropReason `json:"reason"`
	Records int64            `json:"records"`
	// MaxLateness is, for DropLate, how far the latest of them was behind the stream time of its task.
	MaxLateness time.Duration `json:"max_lateness_ns"`
	// Last is one of the last records that were read of which it dropped something, at most a second before the last one.
	// It is in snapshots only; nil: none is known.
	Last *DroppedRecord `json:"last,omitempty"`
}

// DroppedRecord is a record that was read, and dropped by a step, or what became of it was.
type DroppedRecord struct {
	At        time.Time `json:"at"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	// Record is what was read; nil: it has more than 16 kB. It is shared, so change nothing in it, and is not in the JSON.
	Record *FailedRecord `json:"-"`
}

// SessionEnd is the end of what a worker did with one Kafka client and one membership of the group.
type SessionEnd struct {
	Worker int
	Err    error // why it begins again, or cannot; nil: it stops
}

// eventOf is what a worker tells, as functions of Events get it.
func eventOf(e worker.Event) event {
	switch e := e.(type) {
	case worker.Assigned:
		return assigned{Tasks: Tasks(e)}
	case worker.Revoked:
		return revoked{Tasks: Tasks(e)}
	case worker.Restore:
		return restored{e.Phase, restoreOf(e)}
	case worker.Commit:
		return committed{Commit(e)}
	case worker.SessionEnd:
		return sessionEnded{SessionEnd: SessionEnd(e)}
	}
	panic("streams: a worker tells of something unknown")
}

func restoreOf(r worker.Restore) Restore {
	return Restore{
		r.Worker, r.Task, r.Store, r.Changelog, r.Partition, r.From, r.Offset, r.End, r.Records, r.Began, r.Took,
	}
}

func dropsOf(d task.Dropped) Drops {
	out := Drops{d.Step, d.Reason, d.Records, time.Duration(d.Late) * time.Millisecond, nil}
	if l := d.Last; l != nil {
		out.Last = &DroppedRecord{time.UnixMilli(l.At), l.Topic, l.Partition, l.Offset, recordOf(l.Record)}
	}
	return out
}
