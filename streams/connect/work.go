package connect

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// work polls, writes and commits. While a batch is in hand nothing is polled, and what the client fetches ahead has a
// bound; nor does the group move partitions, unless the sink makes it wait.
func (s *session[K, V]) work(ctx context.Context) error {
	for {
		fetches := s.client.PollRecords(ctx, s.config.BatchRecords)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.trouble(ctx, fetches); err != nil {
			return err
		}
		batches, err := s.batches(ctx, fetches)
		if err == nil {
			err = s.write(ctx, batches)
		}
		if err != nil {
			return err
		}
		if time.Since(s.committed) >= s.config.CommitInterval {
			s.commit(ctx, s.places.written())
			s.committed = time.Now()
		}
		s.client.AllowRebalance()
	}
}

// trouble sorts the errors of a poll: what the client goes on trying is told, the rest ends the session.
func (s *session[K, V]) trouble(ctx context.Context, fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var loss *kgo.ErrDataLoss
		var kafka *kerr.Error
		p := Partition{Topic: e.Topic, Number: e.Partition}
		switch {
		case errors.Is(e.Err, kerr.UnknownMemberID), errors.Is(e.Err, kerr.IllegalGeneration),
			errors.Is(e.Err, kerr.RebalanceInProgress): // as after a standstill: the client joins anew
			s.config.Logger.Warn("the group has given this member up: joining it anew", "error", e.Err)
		case errors.Is(e.Err, kerr.OffsetOutOfRange):
			return &LostRecordsError{Partition: p, Err: e.Err}
		case errors.As(e.Err, &loss) && s.cut[p]:
			return &LostRecordsError{Partition: p, Err: e.Err}
		case errors.As(e.Err, &loss): // a leader may not know: the next session looks anew
			s.cut[p] = true
			return fmt.Errorf("%w, or %v was cut: %w", ErrFenced, p, e.Err)
		case errors.Is(e.Err, kerr.UnknownTopicID): // the client has tried a few times: it follows a topic by its id
			return s.replaced(ctx, p, e.Err)
		case errors.As(e.Err, &kafka) && !kafka.Retriable, errors.Is(e.Err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("connect: %v: %w", p, e.Err)
		case time.Since(s.warned) > warnEvery:
			s.warned = time.Now()
			s.config.Logger.Warn("the topic cannot be read: trying again", "partition", p.Number, "error", e.Err)
		}
	}
	return nil
}

// replaced tells what became of a topic whose id the brokers do not know any more.
func (s *session[K, V]) replaced(ctx context.Context, p Partition, err error) error {
	topics, lerr := kadm.NewClient(s.client).ListTopics(ctx, p.Topic)
	if at, ok := s.places.get(p); lerr == nil && ok {
		if at.topic == [16]byte{} { // nothing was read yet: it is the one that the session began with
			at.topic = s.topicID()
		}
		if lost := at.check(p, topics[p.Topic].ID); lost != nil {
			return lost
		}
	}
	return fmt.Errorf("connect: %v: %w", p, err)
}

// held is a batch, with the claim under which it was read, and the leader's epoch of its last record.
type held[K, V any] struct {
	Batch[K, V]
	claim int
	epoch int32
}

func (s *session[K, V]) batches(ctx context.Context, fetches kgo.Fetches) (out []held[K, V], err error) {
	fetches.EachTopic(func(t kgo.FetchTopic) {
		for _, f := range t.Partitions {
			p := Partition{Topic: t.Topic, Number: f.Partition}
			at, ok := s.places.get(p)
			if !ok || len(f.Records) == 0 || err != nil {
				continue
			}
			if err = at.check(p, t.TopicID); err != nil {
				return
			}
			b := held[K, V]{claim: at.claim, Batch: Batch[K, V]{Partition: p, TopicID: t.TopicID}}
			if err = s.fill(ctx, &b, f.Records); err != nil {
				return
			}
			if at.next >= 0 {
				b.First = min(b.First, at.next)
			}
			s.board.change(func(status *Status) {
				status.Ends[p] = f.LastStableOffset
				if _, known := status.Next[p]; !known {
					status.Next[p] = b.First
				}
			})
			out = append(out, b)
		}
	})
	return out, err
}

// fill puts records into a batch.
func (s *session[K, V]) fill(ctx context.Context, b *held[K, V], records []*kgo.Record) error {
	last := records[len(records)-1]
	b.First, b.Next, b.epoch = records[0].Offset, last.Offset+1, last.LeaderEpoch
	for _, r := range records {
		record, err := s.decode(r)
		if err == nil {
			b.Records = append(b.Records, record)
		} else if errors.Is(err, serde.ErrStopped) { // it says nothing about the record
			return err
		} else if err := s.refuse(ctx, b.Partition, record, err); err != nil {
			return err
		}
	}
	return nil
}

func (s *session[K, V]) decode(r *kgo.Record) (out Record[K, V], err error) {
	defer func() { // a serde is the user's code: its panic is an error of the record
		if v := recover(); v != nil {
			err = &streams.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	out = Record[K, V]{Offset: r.Offset, RawKey: r.Key, RawValue: r.Value}
	out.NullKey, out.NullValue, out.Timestamp = r.Key == nil, r.Value == nil, r.Timestamp.UnixMilli()
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, streams.Header{Key: h.Key, Value: h.Value})
	}
	if !out.NullKey {
		if out.Key, err = s.topic.Key().Decode(r.Key); err != nil {
			return out, fmt.Errorf("key: %w", err)
		}
	}
	if !out.NullValue {
		value := graph.JoinFrame(s.topic.Value(), &out.Headers, r.Value)
		if out.Value, err = s.topic.Value().Decode(value); err != nil {
			return out, fmt.Errorf("value: %w", err)
		}
	}
	return out, nil
}

// write writes batches, and what the sink refuses meets the policy.
func (s *session[K, V]) write(ctx context.Context, batches []held[K, V]) error {
	if len(batches) == 0 {
		return nil
	}
	err := s.repeatWhile(ctx, "write", func(ctx context.Context) error {
		// A stop lets the call finish: a batch that is cut off would be written again.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.WriteTimeout)
		defer cancel()
		if len(batches) == 0 {
			return nil
		}
		return s.sink.Write(ctx, bare(batches))
	}, func() error {
		s.client.AllowRebalance()
		batches = s.stillOurs(batches)
		return nil
	})
	var refused *RefusedError
	switch {
	case err == nil:
		s.wrote(batches, 0)
		return nil
	case !errors.As(err, &refused):
		return err
	case len(refused.Records) > 0:
		return s.refuseAll(ctx, batches, refused)
	}
	return s.divide(ctx, batches, refused)
}

func bare[K, V any](batches []held[K, V]) []Batch[K, V] {
	out := make([]Batch[K, V], len(batches))
	for i, b := range batches {
		out[i] = b.Batch
	}
	return out
}

// stillOurs leaves out what the group has taken away meanwhile.
func (s *session[K, V]) stillOurs(batches []held[K, V]) (out []held[K, V]) {
	for _, b := range batches {
		if at, ok := s.places.get(b.Partition); ok && at.claim == b.claim {
			out = append(out, b)
		}
	}
	return out
}

func (s *session[K, V]) wrote(batches []held[K, V], refused int) {
	n := -refused
	for _, b := range batches {
		s.places.move(b.Partition, place{claim: b.claim, next: b.Next, epoch: b.epoch, topic: b.TopicID})
		delete(s.cut, b.Partition)
		n += len(b.Records)
	}
	s.board.change(func(status *Status) {
		status.Written += int64(n)
		for _, b := range batches {
			status.Next[b.Partition] = b.Next
		}
	})
}

// divide finds the records that are refused: it writes smaller parts, in order, down to single records.
func (s *session[K, V]) divide(ctx context.Context, batches []held[K, V], refused *RefusedError) error {
	if len(batches) > 1 {
		for _, b := range batches {
			if err := s.write(ctx, []held[K, V]{b}); err != nil {
				return err
			}
		}
		return nil
	}
	b := batches[0]
	switch n := len(b.Records); n {
	case 0:
		return fmt.Errorf("connect: the place in %v is refused, without a record: %w", b.Partition, refused)
	case 1:
		if err := s.refuse(ctx, b.Partition, b.Records[0], refused.Err); err != nil {
			return err
		}
		b.Records = nil // its place moves on
		return s.write(ctx, []held[K, V]{b})
	default:
		left, right := b, b
		left.Records, right.Records = b.Records[:n/2:n/2], b.Records[n/2:]
		left.Next = right.Records[0].Offset
		right.First = left.Next
		if err := s.write(ctx, []held[K, V]{left}); err != nil {
			return err
		}
		return s.write(ctx, []held[K, V]{right})
	}
}

// refuseAll gives the records that a sink names to the policy; the others are written.
func (s *session[K, V]) refuseAll(ctx context.Context, batches []held[K, V], refused *RefusedError) error {
	for _, r := range refused.Records {
		for _, b := range batches {
			if b.Partition != r.Partition {
				continue
			}
			for _, record := range b.Records {
				if record.Offset != r.Offset {
					continue
				}
				if err := s.refuse(ctx, b.Partition, record, r.Err); err != nil {
					return err
				}
			}
		}
	}
	s.wrote(batches, len(refused.Records))
	return nil
}
