package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// Input is records for a topic.
type Input struct {
	send func(context.Context, *broker.Broker) error
}

// Feed is records for a topic.
func Feed[K, V any](topic streams.Topic[K, V], records ...streams.Record[K, V]) Input {
	return Input{send: func(ctx context.Context, b *broker.Broker) error {
		if err := broker.Produce(ctx, b, topic, records...); err != nil {
			return err
		}
		fmt.Printf("sent %d records to topic %s\n", len(records), topic.Name())
		return nil
	}}
}

var start = time.Now().Add(-6 * time.Hour).Truncate(time.Hour)

// At is the event time of an example's record, in milliseconds: so long after a full hour, some hours ago.
func At(after time.Duration) int64 { return start.Add(after).UnixMilli() }
