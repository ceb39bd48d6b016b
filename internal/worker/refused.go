package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// aloneFor is how long records are sent one by one, to find the one that is refused.
const aloneFor = time.Minute

// sendsAlone is true while each record is sent by itself.
func (w *Worker) sendsAlone() bool {
	return !w.aloneSince.IsZero() && time.Since(w.aloneSince) < aloneFor
}

// errSearched begins a session anew that sends records one by one.
var errSearched = errors.New("worker: Kafka refuses a record, which is searched")

// errLeftOut begins a session anew in which a record is left out.
var errLeftOut = errors.New("worker: Kafka refuses what was made of a record, which is left out")

// leaveOut asks the error policy about a record that Kafka refused. The transaction that it was part of is lost, and
// with it all that was done since the last commit. So if the policy passes over it, the next session leaves out the
// input record that it was made of, with all that this does.
func (w *Worker) leaveOut(ctx context.Context, err error) error {
	var produced *ProduceError
	if ctx.Err() != nil || !errors.As(err, &produced) || produced.Source == "" || !refusesRecord(produced.Err) {
		return err
	}
	failed := &task.ProcessError{
		Task: w.taskOf(produced.Source, produced.SourcePartition), Node: produced.Node, Site: produced.Site,
		Topic: produced.Source, Partition: produced.SourcePartition, Offset: produced.SourceOffset,
		Cause: task.Producing, Err: produced,
	}
	at := task.RecordID{Topic: failed.Topic, Partition: failed.Partition, Offset: failed.Offset}
	if w.refused[at] != nil || !w.config.Task.PassesOver(failed) {
		return err
	}
	if !w.sendsAlone() { // brokers refuse whole batches: it may have been another one of the same
		w.aloneSince = time.Now()
		return fmt.Errorf("%w: %v", errSearched, err)
	}
	w.refused[at], w.aloneSince = failed, time.Time{}
	return fmt.Errorf("%w: %v", errLeftOut, err) // without its type: it ends nothing any more
}

// refusesRecord is true where Kafka would refuse the same record again, and no other.
func refusesRecord(err error) bool {
	return isAny(err, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp,
		kerr.InvalidTopicException)
}

// taskOf is the task that reads a partition.
func (w *Worker) taskOf(topic string, partition int32) (id topology.TaskID) {
	for _, t := range w.set.Tasks() {
		for _, in := range t.Inputs() {
			if in.Topic == topic && in.Partition == partition {
				return t.ID
			}
		}
	}
	return id
}

// forgetRefused forgets records that lie in front of what the group has, unless they may still be in flight behind it.
func (w *Worker) forgetRefused(x *restoring) {
	for _, store := range w.config.Topology.Sub(x.id.Sub).Stores {
		if store.Kind() == state.KindInFlight {
			return
		}
	}
	for at := range w.refused {
		if c, ok := x.committed[at.Topic]; ok && at.Partition == x.id.Partition && at.Offset < c.Offset {
			delete(w.refused, at)
		}
	}
}
