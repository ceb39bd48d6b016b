package cluster

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The times that stand for places of a partition, where brokers list offsets by time.
const (
	atEnd   = -1
	atStart = -2
)

// isolation says which end of a partition is meant.
type isolation int8

const (
	highWatermark isolation = 0
	lastStable    isolation = 1 // in front of the first open transaction
)

// Starts are the first offsets that partitions still have. The answer has all of them.
func (c *Cluster) Starts(ctx context.Context, of Partitions) ListedOffsets {
	return c.listOffsets(ctx, of, atStart, highWatermark)
}

// Ends are the high watermarks of partitions. The answer has all of them.
func (c *Cluster) Ends(ctx context.Context, of Partitions) ListedOffsets {
	return c.listOffsets(ctx, of, atEnd, highWatermark)
}

// StableEnds are the ends of what is committed of partitions, in front of the first open transaction. The answer has
// all of them.
func (c *Cluster) StableEnds(ctx context.Context, of Partitions) ListedOffsets {
	return c.listOffsets(ctx, of, atEnd, lastStable)
}

// listOffsets asks for the offsets of partitions at a time: their ends, their starts, or after what is older.
func (c *Cluster) listOffsets(ctx context.Context, of Partitions, at int64, level isolation) ListedOffsets {
	out := ListedOffsets{}
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = int8(level)
	for topic, numbers := range of {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, n := range numbers {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = n, at
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	if len(req.Topics) == 0 {
		return out
	}
	for _, shard := range c.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			out.fail(shard.Req.(*kmsg.ListOffsetsRequest), shard.Err)
			continue
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				out.put(t.Topic, p.Partition, ListedOffset{p.Offset, p.LeaderEpoch, kerr.ErrorForCode(p.ErrorCode)})
			}
		}
	}
	return out
}

// listOffsetsAfter asks for the offsets after what is older than a time, in milliseconds: the ends, where everything
// is.
func (c *Cluster) listOffsetsAfter(ctx context.Context, of Partitions, at int64) ListedOffsets {
	out, none := c.listOffsets(ctx, of, at, lastStable), Partitions{}
	for topic, numbers := range out {
		for n, at := range numbers {
			if at.Err == nil && at.Offset < 0 {
				none.Add(topic, n)
			}
		}
	}
	for topic, numbers := range c.StableEnds(ctx, none) {
		for n, at := range numbers {
			out.put(topic, n, at)
		}
	}
	return out
}
