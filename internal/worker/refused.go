package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// aloneFor is how long records are sent one by one, to find the one that is refused.
const aloneFor = time.Minute

// errSearched begins a session anew that sends records one by one.
var errSearched = errors.New("worker: Kafka refuses a record, which is searched")

// errLeftOut begins a session anew in which a record is left out.
var errLeftOut = errors.New("worker: Kafka refuses what was made of a record, which is left out")

// leaveOut asks the error policy about a record that Kafka refused. The transaction that it was part of is lost, and
// with it all that was done since the last commit. So if the policy passes over it, the next session leaves out the
// input record that it was made of, with all that this does.
func (s *session) leaveOut(ctx context.Context, err error) error {
	var produced *ProduceError
	if ctx.Err() != nil || !errors.As(err, &produced) || produced.Source == "" || !refusesRecord(produced.Err) {
		return err
	}
	failed := &task.ProcessError{
		Task: s.taskOf(produced.Source, produced.SourcePartition), Node: produced.Node, Site: produced.Site,
		Topic: produced.Source, Partition: produced.SourcePartition, Offset: produced.SourceOffset,
		Cause: task.Producing, Err: produced,
	}
	at := task.RecordID{Topic: failed.Topic, Partition: failed.Partition, Offset: failed.Offset}
	if s.worker.lessons.refused[at] != nil || !s.config.Task.PassesOver(failed) {
		return err
	}
	if !s.worker.lessons.sendsAlone() { // brokers refuse whole batches: it may have been another one of the same
		s.worker.lessons.aloneSince = time.Now()
		return fmt.Errorf("%w: %v", errSearched, err)
	}
	s.worker.lessons.refused[at], s.worker.lessons.aloneSince = failed, time.Time{}
	return fmt.Errorf("%w: %v", errLeftOut, err) // without its type: it ends nothing any more
}

// refusesRecord is true where Kafka would refuse the same record again, and no other.
func refusesRecord(err error) bool {
	return cluster.IsAny(err, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp,
		kerr.InvalidTopicException)
}

// taskOf is the task that reads a partition.
func (s *session) taskOf(topic string, partition int32) (id topology.TaskID) {
	for _, t := range s.set.Tasks() {
		for _, in := range t.Inputs() {
			if in.Topic == topic && in.Partition == partition {
				return t.ID
			}
		}
	}
	return id
}

// forgetRefused forgets records that lie in front of what the group has.
func (s *session) forgetRefused(x *restoring) {
	for at := range s.worker.lessons.refused {
		if c, ok := x.committed[at.Topic]; ok && at.Partition == x.id.Partition && at.Offset < c.Offset {
			delete(s.worker.lessons.refused, at)
		}
	}
}
