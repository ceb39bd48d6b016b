package rescale

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Connect makes a Kafka client with the options of whoever reaches the cluster, and more.
type Connect func(more ...kgo.Opt) (*kgo.Client, error)

// span is what is read of a partition: from one offset to another, which is not part of it.
type span struct{ from, to int64 }

// silence is how long nothing may come of a partition that is not read to its end.
const silence = time.Minute

// scan shows the committed records of a topic's partitions, those of each in the order of their offsets.
func (c Connect) scan(ctx context.Context, topic string, spans map[int32]span, take func(*kgo.Record) error) error {
	from := map[int32]kgo.Offset{}
	for p, s := range spans {
		if s.from < s.to {
			from[p] = kgo.NewOffset().At(s.from)
		}
	}
	if len(from) == 0 {
		return nil
	}
	client, err := c(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(20*time.Millisecond),
		kgo.MetadataMinAge(20*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	for len(from) > 0 {
		if err := poll(ctx, client, func(r *kgo.Record) error {
			if _, reading := from[r.Partition]; !reading {
				return nil
			}
			end := spans[r.Partition].to
			if r.Offset+1 >= end {
				delete(from, r.Partition)
			}
			if r.Attrs.IsControl() || r.Offset >= end {
				return nil
			}
			return take(r)
		}); err != nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
	}
	return nil
}

// poll shows the records of one fetch.
func poll(ctx context.Context, client *kgo.Client, take func(*kgo.Record) error) error {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	fetches := client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		return err
	}
	for i := fetches.RecordIter(); !i.Done(); {
		if err := take(i.Next()); err != nil {
			return err
		}
	}
	return nil
}

// writer produces records to partitions that are given.
type writer struct {
	ctx    context.Context
	client *kgo.Client
	failed chan error
}

// inFlight is how many records may be on their way.
const inFlight = 10_000

// write begins to produce, in batches of at most so many bytes.
func (c Connect) write(ctx context.Context, batch int32) (*writer, error) {
	client, err := c(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(batch),
		kgo.MaxBufferedRecords(inFlight), kgo.MaxBufferedBytes(memory), kgo.ProducerLinger(5*time.Millisecond),
		kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(20*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, client: client, failed: make(chan error, 1)}, nil
}

func (w *writer) put(r *kgo.Record) error {
	select {
	case err := <-w.failed:
		return err
	default:
	}
	w.client.Produce(w.ctx, r, func(_ *kgo.Record, err error) {
		if err != nil {
			select {
			case w.failed <- err:
			default:
			}
		}
	})
	return nil
}

// close waits until all is acknowledged.
func (w *writer) close() error {
	defer w.client.Close()
	if err := w.client.Flush(w.ctx); err != nil {
		return err
	}
	select {
	case err := <-w.failed:
		return err
	default:
		return nil
	}
}

// ends waits until no transaction is open in topics, and gives where each partition begins and ends.
func ends(
	ctx context.Context, admin *kadm.Client, wait time.Duration, topics ...string,
) (map[string]map[int32]span, error) {
	out := map[string]map[int32]span{}
	if len(topics) == 0 {
		return out, nil // no names would mean all topics
	}
	for began := time.Now(); ; {
		open, err := listed(ctx, admin, topics, out)
		if err != nil {
			return nil, err
		}
		if open == "" {
			return out, nil
		}
		if time.Since(began) > wait {
			return nil, declined("%s has an open transaction: stop who writes to it, or wait until the transaction is over",
				open)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// listed fills in where partitions begin and end; open is one with an open transaction.
func listed(
	ctx context.Context, admin *kadm.Client, topics []string, out map[string]map[int32]span,
) (open string, err error) {
	var lists [3]kadm.ListedOffsets
	for i, list := range []func(context.Context, ...string) (kadm.ListedOffsets, error){
		admin.ListStartOffsets, admin.ListCommittedOffsets, admin.ListEndOffsets,
	} {
		if lists[i], err = list(ctx, topics...); err == nil {
			err = lists[i].Error()
		}
		if err != nil {
			return "", fmt.Errorf("ends of topics: %w", err)
		}
	}
	lists[2].Each(func(end kadm.ListedOffset) {
		first, _ := lists[0].Lookup(end.Topic, end.Partition)
		stable, _ := lists[1].Lookup(end.Topic, end.Partition)
		if out[end.Topic] == nil {
			out[end.Topic] = map[int32]span{}
		}
		out[end.Topic][end.Partition] = span{first.Offset, end.Offset}
		if stable.Offset < end.Offset {
			open = fmt.Sprintf("topic %s/%d", end.Topic, end.Partition)
		}
	})
	return open, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
