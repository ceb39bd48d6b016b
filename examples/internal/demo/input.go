package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// Input is records for a topic.
type Input struct {
	topic   string
	records func() ([]*kgo.Record, error)
}

// Feed is records for a topic, encoded with its serdes and partitioned by key.
func Feed[K, V any](topic streams.Topic[K, V], records ...streams.Record[K, V]) Input {
	return Input{topic: topic.Name(), records: func() ([]*kgo.Record, error) {
		var out []*kgo.Record
		for _, r := range records {
			encoded, err := encode(topic, r)
			if err != nil {
				return nil, fmt.Errorf("record for topic %s: %w", topic.Name(), err)
			}
			out = append(out, encoded)
		}
		return out, nil
	}}
}

func encode[K, V any](topic streams.Topic[K, V], r streams.Record[K, V]) (*kgo.Record, error) {
	out := &kgo.Record{Topic: topic.Name(), Timestamp: time.UnixMilli(r.Timestamp)}
	var err error
	if !r.NullKey {
		if out.Key, err = topic.Key().Append([]byte{}, r.Key); err != nil {
			return nil, err
		}
	}
	if !r.NullValue {
		out.Value, err = topic.Value().Append([]byte{}, r.Value)
	}
	return out, err
}

// send produces the records in their order and waits until the brokers have them.
func (i Input) send(ctx context.Context, c *Cluster) error {
	records, err := i.records()
	if err != nil {
		return err
	}
	if err := c.Produce(ctx, records...); err != nil {
		return fmt.Errorf("produce to topic %s: %w", i.topic, err)
	}
	fmt.Printf("sent %d records to topic %s\n", len(records), i.topic)
	return nil
}

var start = time.Now().Add(-6 * time.Hour).Truncate(time.Hour)

// At is the event time of an example's record, in milliseconds: so long after a full hour, some hours ago.
func At(after time.Duration) int64 { return start.Add(after).UnixMilli() }
