package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// ReadAll is everything that is committed in a topic now, partition by partition in the order of offsets.
func (c *Cluster) ReadAll(ctx context.Context, topic string) (map[int32][]*kgo.Record, error) {
	ends, err := c.endOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			from[end.Partition], left[end.Partition] = kgo.NewOffset().AtStart(), end.Offset
		}
	})
	if len(left) == 0 {
		return nil, nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records := map[int32][]*kgo.Record{}
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records[r.Partition] = append(records[r.Partition], r)
			}
			if end, ok := left[r.Partition]; ok && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return records, nil
}

// read is everything that is committed in a topic now, decoded. The order holds within a key.
func read[K, V any](ctx context.Context, c *Cluster, topic streams.Topic[K, V]) ([]streams.Record[K, V], error) {
	partitions, err := c.ReadAll(ctx, topic.Name())
	if err != nil {
		return nil, fmt.Errorf("read topic %s: %w", topic.Name(), err)
	}
	var out []streams.Record[K, V]
	for _, p := range slices.Sorted(maps.Keys(partitions)) {
		for _, r := range partitions[p] {
			decoded, err := decode(topic, r)
			if err != nil {
				return nil, fmt.Errorf("topic %s/%d offset %d: %w", topic.Name(), p, r.Offset, err)
			}
			out = append(out, decoded)
		}
	}
	return out, nil
}

func decode[K, V any](topic streams.Topic[K, V], r *kgo.Record) (out streams.Record[K, V], err error) {
	out = streams.Record[K, V]{NullKey: r.Key == nil, NullValue: r.Value == nil, Timestamp: r.Timestamp.UnixMilli()}
	if !out.NullKey {
		if out.Key, err = topic.Key().Decode(r.Key); err != nil {
			return out, err
		}
	}
	if !out.NullValue {
		out.Value, err = topic.Value().Decode(r.Value)
	}
	return out, err
}
