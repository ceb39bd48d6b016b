package broker

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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
		err := consume(ctx, b, topic.Name(), func(m *message) bool {
			r, err := decode(topic, m)
			return yield(r, err) && err == nil
		})
		if err != nil {
			yield(streams.Record[K, V]{}, err)
		}
	}
}

// consume gives what comes until take wants no more: then there is no error.
//
//go:noinline
func consume(ctx context.Context, b *Broker, topic string, take func(m *message) bool) error {
	client, err := reader(b, kgo.ConsumeTopics(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	for n := 0; ; {
		fetches := client.PollFetches(ctx)
		for i := fetches.RecordIter(); !i.Done(); n++ {
			if !take(read(i.Next())) {
				return nil
			}
		}
		if err := failed(ctx, fetches); err != nil {
			return fmt.Errorf("broker: topic %s, after %d records: %w", topic, n, err)
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
	var all [][]streams.Record[K, V]
	split := func(partitions int) { all = make([][]streams.Record[K, V], partitions) }
	err := readAll(ctx, b, topic.Name(), split, func(m *message) error {
		r, err := decode(topic, m)
		all[m.partition] = append(all[m.partition], r)
		return err
	})
	return all, err
}

// readAll tells how many partitions a topic has and gives what is committed in it now.
//
//go:noinline
func readAll(
	ctx context.Context, b *Broker, topic string, split func(partitions int), take func(m *message) error,
) error {
	admin := clientsOf(b).admin
	ends, err := endsOf(ctx, admin, topic)
	if err != nil {
		return err
	}
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	split(len(ends[topic]))
	return readTo(ctx, b, starts, ends, take)
}

// readTo gives what is committed below the ends of partitions. Transaction markers are read too: the last record of a
// partition may be one.
func readTo(
	ctx context.Context, b *Broker, starts, ends kadm.ListedOffsets, take func(m *message) error,
) error {
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
	client, err := reader(b, kgo.ConsumePartitions(from), kgo.KeepControlRecords())
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
				if err := take(read(r)); err != nil {
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
func reader(b *Broker, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.addrs...), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return client, nil
}

// read is a record that was read.
func read(r *kgo.Record) *message {
	m := &message{
		key: r.Key, value: r.Value, timestamp: r.Timestamp.UnixMilli(),
		topic: r.Topic, partition: r.Partition, offset: r.Offset,
	}
	for _, h := range r.Headers {
		m.headers = append(m.headers, streams.Header(h))
	}
	return m
}
