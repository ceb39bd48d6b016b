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
	out := make([]message, len(records))
	for i := range records {
		var err error
		if out[i], err = encode(topic, &records[i]); err != nil {
			return fmt.Errorf("broker: record %d for topic %s: %w", i, topic.Name(), err)
		}
	}
	return produce(ctx, b, topic.Name(), out)
}

//go:noinline
func produce(ctx context.Context, b *Broker, topic string, messages []message) error {
	out := make([]*kgo.Record, len(messages))
	for i, m := range messages {
		out[i] = &kgo.Record{}
		cluster.NewRecord(out[i], &graph.Output{
			Topic: topic, Partition: graph.ByKey, HashSuffix: m.hashSuffix, Key: m.key, Value: m.value,
			Headers: m.headers, Timestamp: m.timestamp,
		})
	}
	if err := clientsOf(b).ProduceSync(ctx, out...).FirstErr(); err != nil {
		return fmt.Errorf("broker: produce to topic %s: %w", topic, err)
	}
	return nil
}
