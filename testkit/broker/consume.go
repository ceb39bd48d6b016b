package broker

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// Consume reads a topic from its start, with its serdes, as a consumer that reads committed records does, and waits for
// more until the loop over it is left. Records of one partition come in their order. An error is the last thing that
// comes: that ctx has ended, with the number of records that had come by then, or that a record does not decode.
//
//	for r, err := range broker.Consume(ctx, b, Totals) {
//		require.NoError(t, err)
//		if r.Key == "c-7" {
//			break
//		}
//	}
func Consume[K, V any](
	ctx context.Context, b *Broker, topic streams.Topic[K, V],
) iter.Seq2[streams.Record[K, V], error] {
	return func(yield func(streams.Record[K, V], error) bool) {
		client, err := b.reader(kgo.ConsumeTopics(topic.Name()))
		if err != nil {
			yield(streams.Record[K, V]{}, err)
			return
		}
		defer client.Close()
		for n := 0; ; {
			fetches := client.PollFetches(ctx)
			for i := fetches.RecordIter(); !i.Done(); n++ {
				r, err := decode(topic, i.Next())
				if !yield(r, err) || err != nil {
					return
				}
			}
			if err := failed(ctx, fetches); err != nil {
				yield(streams.Record[K, V]{}, fmt.Errorf("broker: topic %s, after %d records: %w", topic.Name(), n, err))
				return
			}
		}
	}
}

// failed is why a poll was the last one, nil if it was not.
func failed(ctx context.Context, fetches kgo.Fetches) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fetches.Err()
}

// Read is everything that is committed in a topic now, partition after partition in the order of offsets: it waits for
// transactions that are under way, and for no record.
func Read[K, V any](ctx context.Context, b *Broker, topic streams.Topic[K, V]) ([]streams.Record[K, V], error) {
	partitions, err := ReadPartitions(ctx, b, topic)
	var all []streams.Record[K, V]
	for _, records := range partitions {
		all = append(all, records...)
	}
	return all, err
}

// ReadPartitions is what Read gives, by partition.
func ReadPartitions[K, V any](
	ctx context.Context, b *Broker, topic streams.Topic[K, V],
) ([][]streams.Record[K, V], error) {
	ends, err := b.ends(ctx, topic.Name())
	if err != nil {
		return nil, err
	}
	starts, err := b.admin.ListStartOffsets(ctx, topic.Name())
	if err != nil {
		return nil, err
	}
	all := make([][]streams.Record[K, V], len(ends[topic.Name()]))
	err = b.readTo(ctx, starts, ends, func(r *kgo.Record) error {
		decoded, err := decode(topic, r)
		all[r.Partition] = append(all[r.Partition], decoded)
		return err
	})
	return all, err
}

// readTo gives what is committed below the ends of partitions. Transaction markers are read too: the last record of a
// partition may be one.
func (b *Broker) readTo(ctx context.Context, starts, ends kadm.ListedOffsets, take func(*kgo.Record) error) error {
	from, left := map[string]map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(end.Topic, end.Partition); end.Offset > start.Offset {
			if from[end.Topic] == nil {
				from[end.Topic] = map[int32]kgo.Offset{}
			}
			from[end.Topic][end.Partition], left[end.Partition] = kgo.NewOffset().AtStart(), end.Offset
		}
	})
	if len(left) == 0 {
		return nil
	}
	client, err := b.reader(kgo.ConsumePartitions(from), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer client.Close()
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		for i := fetches.RecordIter(); !i.Done(); {
			r := i.Next()
			end, reading := left[r.Partition]
			if reading && r.Offset < end && !r.Attrs.IsControl() {
				if err := take(r); err != nil {
					return err
				}
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		}
		if err := failed(ctx, fetches); err != nil {
			return fmt.Errorf("broker: %d partitions are not read to their ends: %w", len(left), err)
		}
	}
	return nil
}

// reader is a client that reads committed records from the start.
func (b *Broker) reader(opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.addrs...), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return client, nil
}

func decode[K, V any](topic streams.Topic[K, V], r *kgo.Record) (out streams.Record[K, V], err error) {
	out = streams.Record[K, V]{NullKey: r.Key == nil, NullValue: r.Value == nil, Timestamp: r.Timestamp.UnixMilli()}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, streams.Header(h))
	}
	if !out.NullKey {
		out.Key, err = topic.Key().Decode(graph.JoinFrame(topic.Key(), true, &out.Headers, r.Key))
	}
	if !out.NullValue && err == nil {
		out.Value, err = topic.Value().Decode(graph.JoinFrame(topic.Value(), false, &out.Headers, r.Value))
	}
	if err != nil {
		err = fmt.Errorf("broker: topic %s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return out, err
}
