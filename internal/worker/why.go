package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// whyNoRecords says why what a partition has is not read.
func (c *Cluster) whyNoRecords(ctx context.Context, topic string, partition int32) string {
	one := partitions{topic: {partition}}
	stable, err := c.list(ctx, one, atEnd, lastStable).of(topic, partition)
	if err != nil {
		return err.Error() // without a leader, for example
	}
	end, err := c.list(ctx, one, atEnd, highWatermark).of(topic, partition)
	switch {
	case err != nil:
		return err.Error()
	case stable < end:
		return fmt.Sprintf("the records from offset %d on, up to %d, are behind an open transaction%s", stable, end,
			c.openTransactions(ctx, topic, partition))
	}
	return fmt.Sprintf("the brokers do not send what is there up to offset %d", end)
}

// openTransactions says whose transactions are open in a partition, as far as the brokers tell.
func (c *Cluster) openTransactions(ctx context.Context, topic string, partition int32) string {
	set := kadm.TopicsSet{}
	set.Add(topic, partition)
	described, err := c.admin.DescribeProducers(ctx, set)
	if err != nil {
		return ": " + err.Error()
	}
	var open []string
	for id, p := range described[topic].Partitions[partition].ActiveProducers {
		if p.CurrentTxnStartOffset < 0 {
			continue
		}
		open = append(open, fmt.Sprintf(" of %s (producer id %d, from offset %d on, last record at %s)",
			c.transactionOf(ctx, id), id, p.CurrentTxnStartOffset, time.UnixMilli(p.LastTimestamp).UTC().Format(time.RFC3339)))
	}
	slices.Sort(open)
	return strings.Join(open, ",")
}

// transactionOf is the transactional id of a producer.
func (c *Cluster) transactionOf(ctx context.Context, producer int64) string {
	listed, _ := c.admin.ListTransactions(ctx, []int64{producer}, nil) // without an answer it stays unknown
	for id, t := range listed {
		if t.ProducerID == producer {
			return fmt.Sprintf("transactional id %q", id)
		}
	}
	return "an unknown transactional id"
}
