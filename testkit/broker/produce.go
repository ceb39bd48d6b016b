package broker

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// Produce sends records to a topic, with its serdes, to the partitions of their keys as Kafka's Java client chooses
// them, and returns when the brokers have them. Those of one partition keep their order.
func Produce[K, V any](
	ctx context.Context, b *Broker, topic streams.Topic[K, V], records ...streams.Record[K, V],
) error {
	if err := topic.Start(ctx); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	out := make([]*kgo.Record, len(records))
	for i := range records {
		var err error
		if out[i], err = encode(topic, &records[i]); err != nil {
			return fmt.Errorf("broker: record %d for topic %s: %w", i, topic.Name(), err)
		}
	}
	if err := b.client.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return fmt.Errorf("broker: produce to topic %s: %w", topic.Name(), err)
	}
	return nil
}

func encode[K, V any](topic streams.Topic[K, V], r *streams.Record[K, V]) (*kgo.Record, error) {
	o := graph.Output{
		Topic: topic.Name(), Partition: graph.ByKey, Headers: r.Headers, Timestamp: r.Timestamp,
	}
	if w, windowed := topic.Key().(interface{ HashSuffix() int }); windowed {
		o.HashSuffix = w.HashSuffix()
	}
	var err error
	if !r.NullKey {
		if o.Key, err = topic.Key().Append([]byte{}, r.Key); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		o.Key = graph.SplitFrame(topic.Key(), true, &o.Headers, o.Key)
	}
	if !r.NullValue {
		if o.Value, err = topic.Value().Append([]byte{}, r.Value); err != nil {
			return nil, fmt.Errorf("value: %w", err)
		}
		o.Value = graph.SplitFrame(topic.Value(), false, &o.Headers, o.Value)
	}
	out := &kgo.Record{}
	cluster.NewRecord(out, &o)
	return out, nil
}
