package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// Records are taken from the client while fewer than low wait, up to high at a time: the client's own buffers hold the
// rest.
const (
	lowRecords  = 2_000
	highRecords = 5_000
	lowBytes    = 8 << 20
)

// poll takes what the client has. An idle worker waits for records, until it has something else to do.
func (s *session) poll(ctx context.Context, idle bool) error {
	if n, bytes := s.set.Buffered(); !idle && (n >= lowRecords || bytes >= lowBytes) {
		return nil
	}
	var wait context.Context // nil: take what is there
	if idle {
		var cancel context.CancelFunc
		wait, cancel = s.events.untilNext(ctx, s.deadline())
		defer cancel()
	}
	fetches := s.client.PollRecords(wait, highRecords)
	if fetches.IsClientClosed() {
		return kgo.ErrClientClosed
	}
	var err error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = s.accept(p)
		}
	})
	return err
}

// accept gives the set what was fetched from one partition.
func (s *session) accept(p kgo.FetchTopicPartition) error {
	if p.Err != nil {
		return s.acceptLoss(s.fetchError(p))
	}
	in := s.set.Input(p.Topic, p.Partition)
	if in == nil {
		if kept, ok := s.unread[partition{p.Topic, p.Partition}]; ok { // it was under way when its task was evicted
			s.unread[partition{p.Topic, p.Partition}] = append(kept, rawsOf(p.Records)...)
		}
		return nil // revoked meanwhile
	}
	if len(p.Records) > 0 { // from where the client goes on; without any it would be told again
		if err := s.warnOfGap(in, min(p.LogStartOffset, p.Records[0].Offset)); err != nil {
			return err
		}
	}
	s.checkPlacement(p)
	s.set.Add(in, rawsOf(p.Records), p.LastStableOffset)
	return nil
}

func rawsOf(records []*kgo.Record) []graph.Raw {
	raws := make([]graph.Raw, len(records))
	for i, r := range records {
		raws[i] = cluster.Raw(r)
	}
	return raws
}

func (s *session) fetchError(p kgo.FetchTopicPartition) error {
	if errors.Is(p.Err, context.Canceled) || errors.Is(p.Err, context.DeadlineExceeded) {
		return nil
	}
	var loss *kgo.ErrDataLoss
	if errors.As(p.Err, &loss) {
		return s.loss(loss)
	}
	return fmt.Errorf("fetch of %s/%d: %w", p.Topic, p.Partition, cluster.NameRight("Read", "topic", p.Topic, p.Err))
}

// flow pauses partitions that have too much waiting, and resumes those that have drained.
func (s *session) flow() {
	s.set.Flow(func(topic string, partition int32) {
		s.client.PauseFetchPartitions(map[string][]int32{topic: {partition}})
	}, func(topic string, partition int32) {
		s.client.ResumeFetchPartitions(map[string][]int32{topic: {partition}})
	})
}

// warnOfGap tells of records of a running task that were deleted before they were fetched: the client goes on from the
// start of the partition without a word. It is an error where the topic is read from committed offsets only.
func (s *session) warnOfGap(in *task.Input, start int64) error {
	at := in.Fetched()
	if at >= start {
		return nil
	}
	if err := s.checkDeleted(in, at, start); err != nil {
		return err
	}
	s.config.Logger.Warn("records were deleted before they were read", "topic", in.Topic, "partition", in.Partition,
		"from", at, "to", start)
	return nil
}

// checkDeleted is an error for a topic that is read from committed offsets only, and of which the next record is gone.
func (s *session) checkDeleted(in *task.Input, offset, start int64) error {
	if reset, _ := s.config.Topology.ResetOf(in.Topic); reset != graph.Committed || offset >= start {
		return nil
	}
	return &cluster.NoOffsetError{Topic: in.Topic, Partitions: []int32{in.Partition}}
}
