package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// aloneFor is how long records are sent one by one, to find the one that is refused.
const aloneFor = time.Minute

// errSearched begins a session anew that sends records one by one.
var errSearched = errors.New("worker: Kafka refuses a record, which is searched")

// errLeftOut begins a session anew in which a record is left out.
var errLeftOut = errors.New("worker: Kafka refuses what was made of a record, which is left out")

// errRowRefused begins a session anew that looks at the size of each row as it is put.
var errRowRefused = errors.New("worker: Kafka refuses a row in a changelog, and the record that puts it is searched")

// leaveOut asks the error policy about a record that Kafka refused. The transaction that it was part of is lost, and
// with it all that was done since the last commit. So if the policy passes over it, the next session leaves out the
// input record that it was made of, with all that this does. A row of a changelog tells nothing of such a record: the
// next session meets one that is as large when it is put, and that record fails.
func (s *session) leaveOut(ctx context.Context, err error) error {
	var produced *ProduceError
	l := &s.worker.lessons
	if ctx.Err() != nil || !errors.As(err, &produced) || !refusesRecord(produced.Err) {
		return err
	}
	refused := s.refusal(produced)
	if refused == nil && !s.canLimit(produced) {
		return err
	}
	if !l.sendsAlone() { // brokers refuse whole batches: it may have been another one of the same
		l.aloneSince = time.Now()
		return fmt.Errorf("%w: %v", errSearched, err)
	}
	l.aloneSince = time.Time{}
	if refused == nil {
		l.encodeOnPut, l.rowLimits[produced.Topic] = true, max(1, produced.Bytes-rowFrame)
		return fmt.Errorf("%w: %v", errRowRefused, err)
	}
	l.refused[idOf(refused.Failed)] = *refused
	return fmt.Errorf("%w: %v", errLeftOut, err) // without its type: it ends nothing any more
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

// rowFrame is by how much a row in a store may seem smaller than its record in the changelog, in bytes.
const rowFrame = 64

// canLimit is true for a record of a changelog that is not known yet to be too large.
func (s *session) canLimit(produced *ProduceError) bool {
	limit, known := s.worker.lessons.rowLimits[produced.Topic]
	return (!known || produced.Bytes < limit) && slices.ContainsFunc(s.set.Tasks(), func(t *task.Task) bool {
		return slices.ContainsFunc(t.Changelogs(), func(c *task.Changelog) bool { return c.Topic == produced.Topic })
	})
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

// forgetRefused forgets records that lie in front of what the group has, unless they may still be in flight after it.
func (s *session) forgetRefused(x *restoring) {
	for _, store := range s.config.Topology.Sub(x.id.Sub).Stores {
		if store.Kind() == state.KindInFlight {
			return
		}
	}
	for at := range s.worker.lessons.refused {
		if c, ok := x.committed[at.Topic]; ok && at.Partition == x.id.Partition && at.Offset < c.Offset {
			delete(s.worker.lessons.refused, at)
		}
	}
}
