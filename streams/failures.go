package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// Failure is a record, or a call without one, that failed in a step, and what became of it.
type Failure struct {
	At        time.Time `json:"at"`
	Task      string    `json:"task"` // as in Tasks
	Step      string    `json:"step"`
	Site      string    `json:"site"`            // file:line of the call that declared the step
	Topic     string    `json:"topic,omitempty"` // of the record; empty: there is none, as of a punctuation
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	// Partitions is how many the topic has; 0: not known, as of global tables.
	Partitions int32  `json:"partitions,omitempty"`
	Cause      string `json:"cause"`  // as ErrorCause has it
	Action     string `json:"action"` // what Config.OnError said, as ErrorAction has it
	Error      string `json:"error"`  // what went wrong; the text may hold parts of the record
	// Record is what was read; nil: there is none, or it has more than 16 kB. It is shared, so change nothing in it, and
	// is not in the JSON.
	Record *FailedRecord `json:"-"`
}

// FailedRecord is a record as it was read. A nil Key or Value is null.
type FailedRecord struct {
	Key, Value []byte
	Headers    []Header
	Timestamp  int64 // milliseconds
}

func failuresOf(last []task.Failure) []Failure {
	all := make([]Failure, len(last))
	for i, f := range last {
		e := f.Failed
		all[i] = Failure{
			At: time.UnixMilli(f.At), Task: e.Task.String(), Step: e.Node, Site: e.Site, Topic: e.Topic,
			Partition: e.Partition, Offset: e.Offset, Cause: e.Cause.String(), Action: f.Action.String(), Error: e.Err.Error(),
		}
		all[i].Partitions, all[i].Record = f.Partitions, recordOf(f.Record)
	}
	return all
}

func recordOf(r *graph.Raw) *FailedRecord {
	if r == nil {
		return nil
	}
	return &FailedRecord{r.Key, r.Value, r.Headers, r.Timestamp}
}
