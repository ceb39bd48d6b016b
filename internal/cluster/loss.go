package cluster

import (
	"cmp"
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Epochs are epochs of leaders by topic and partition.
type Epochs map[string]map[int32]int32

// Add adds the epoch of a partition.
func (e Epochs) Add(topic string, partition, epoch int32) {
	if e[topic] == nil {
		e[topic] = map[int32]int32{}
	}
	e[topic][partition] = epoch
}

// Written are the ends of what the leaders up to an epoch have written to partitions. The answer lacks those of which
// their present leaders do not know it, and all if the brokers know no epochs.
func (c *Cluster) Written(ctx context.Context, upTo Epochs) ListedOffsets {
	out, req := ListedOffsets{}, kmsg.NewPtrOffsetForLeaderEpochRequest()
	for topic, epochs := range upTo {
		t := kmsg.NewOffsetForLeaderEpochRequestTopic()
		t.Topic = topic
		for n, epoch := range epochs {
			p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			p.Partition, p.LeaderEpoch = n, epoch
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	if len(req.Topics) == 0 || !c.tellsEpochs {
		return out
	}
	for _, shard := range c.client.RequestSharded(ctx, req) {
		switch {
		case shard.Err != nil:
			for _, t := range shard.Req.(*kmsg.OffsetForLeaderEpochRequest).Topics {
				for _, p := range t.Partitions {
					out.put(t.Topic, p.Partition, ListedOffset{-1, -1, shard.Err})
				}
			}
		default:
			for _, t := range shard.Resp.(*kmsg.OffsetForLeaderEpochResponse).Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil || p.LeaderEpoch >= 0 && p.EndOffset >= 0 {
						out.put(t.Topic, p.Partition, ListedOffset{p.EndOffset, p.LeaderEpoch, err})
					}
				}
			}
		}
	}
	return out
}

// Loss finds up to where a partition still has what was read of it.
func (c *Cluster) Loss(ctx context.Context, found *kgo.ErrDataLoss) (upTo int64, lost bool, err error) {
	topic, p, offset, epoch := found.Topic, found.Partition, found.ConsumedTo, found.ConsumedToEpoch
	one := Partitions{topic: {p}}
	start, err1 := c.Starts(ctx, one).Lookup(topic, p)
	end, err2 := c.Ends(ctx, one).Lookup(topic, p)
	switch {
	case err1 != nil || err2 != nil:
		return 0, false, cmp.Or(err1, err2)
	case start >= offset: // deleted, as brokers do
		return offset, false, nil
	case offset > end:
		return end, true, nil
	case epoch < 0 || !c.tellsEpochs:
		return offset, false, nil
	}
	var ask kadm.OffsetForLeaderEpochRequest
	ask.Add(topic, p, epoch)
	told, err := c.admin.OffsetForLeaderEpoch(ctx, ask)
	answer := told[topic][p]
	if err = errors.Join(err, answer.Err); err != nil {
		return 0, false, err
	}
	if answer.LeaderEpoch >= 0 && answer.EndOffset >= 0 {
		return answer.EndOffset, answer.EndOffset < offset, nil
	}
	// The leader does not know the epoch. A lower one than its own it has forgotten; a higher one it has never had.
	present, err := c.admin.Metadata(ctx, topic)
	return offset, err == nil && epoch > present.Topics[topic].Partitions[p].LeaderEpoch, err
}
