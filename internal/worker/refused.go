package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/task"
)

// errLeftOut begins a session anew in which a record is left out.
var errLeftOut = errors.New("worker: Kafka refuses what was made of a record, which is left out")

// errRowRefused begins a session anew that looks at each row as it is put.
var errRowRefused = errors.New("worker: Kafka refuses a row in a changelog, and the record that puts it is searched")

// leaveOut asks the error policy about a record that Kafka refused. The transaction that it was part of is lost, and
// with it all that was done since the last commit. So if the policy passes over it, the next session leaves out the
// input record that it was made of, with all that this does. A row of a changelog tells nothing of such a record: the
// next session meets one of that size, time or value when it is put, and that record fails. Brokers refuse whole
// batches, so under each policy the record is searched first: it may have been another one, or none.
func (s *session) leaveOut(ctx context.Context, err error) error {
	var produced *ProduceError
	l := &s.worker.lessons
	if ctx.Err() != nil || !errors.As(err, &produced) || !refusesRecord(produced.Err) {
		return err
	}
	if searched := l.search(produced); searched != nil {
		s.beginRows(ctx, produced.Topic)
		return fmt.Errorf("%w: %v", searched, err)
	}
	if refused := s.refusal(produced); refused != nil {
		l.refused[idOf(refused.Failed)] = *refused
		return fmt.Errorf("%w: %v", errLeftOut, err) // without its type: it ends nothing any more
	}
	if rows := l.rows[produced.Topic]; rows != nil && rows.learn(produced) {
		l.encodeOnPut = true
		return fmt.Errorf("%w: %v", errRowRefused, err)
	}
	return err
}

// refusal is the input record that a refused one was made of; nil if it is not known, was left out before, or must not
// be.
func (s *session) refusal(produced *ProduceError) *task.Refusal {
	if produced.Source == "" {
		return nil
	}
	failed := &task.ProcessError{
		Task: s.taskOf(produced.Source, produced.SourcePartition), Node: produced.Node, Site: produced.Site,
		Topic: produced.Source, Partition: produced.SourcePartition, Offset: produced.SourceOffset,
		Cause: task.Producing, Err: produced,
	}
	letter := produced.Node == "" && produced.Topic == s.config.Task.DeadLetterTopic
	before, known := s.worker.lessons.refused[idOf(failed)]
	if known && (!letter || before.Letter) || !s.config.Task.PassesOver(failed) {
		return nil
	}
	return &task.Refusal{Failed: failed, Letter: letter}
}

func idOf(failed *task.ProcessError) task.RecordID {
	return task.RecordID{Topic: failed.Topic, Partition: failed.Partition, Offset: failed.Offset}
}

// refusesRecord is true where Kafka would refuse the same record again, and no other.
func refusesRecord(err error) bool {
	return refusesSize(err) || cluster.IsAny(err, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.InvalidTopicException)
}

// refusesSize is true where smaller records, or smaller batches of them, would be taken.
func refusesSize(err error) bool {
	return cluster.IsAny(err, kerr.MessageTooLarge, kerr.RecordListTooLarge)
}

// taskOf is the task that reads a partition.
func (s *session) taskOf(topic string, partition int32) (id graph.TaskID) {
	for _, t := range s.set.Tasks() {
		for _, in := range t.Inputs() {
			if in.Topic == topic && in.Partition == partition {
				return t.ID
			}
		}
	}
	return id
}

// forgetRefused forgets records that lie in front of what the group has, unless they may still be in flight after it.
func (s *session) forgetRefused(x *restoring) {
	for _, store := range s.config.Topology.Sub(x.id.Sub).Stores {
		if store.Kind() == storage.KindInFlight {
			return
		}
	}
	for at := range s.worker.lessons.refused {
		if c, ok := x.committed[at.Topic]; ok && at.Partition == x.id.Partition && at.Offset < c.Offset {
			delete(s.worker.lessons.refused, at)
		}
	}
}
