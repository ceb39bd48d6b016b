package cluster

import (
	"cmp"
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Written are the ends of what the leaders up to an epoch have written to partitions. It lacks those of which their
// present leaders do not know it.
func (c *Cluster) Written(ctx context.Context, upTo map[string]map[int32]int32) (ListedOffsets, error) {
	out := ListedOffsets{}
	if len(upTo) == 0 {
		return out, nil
	}
	told, err := c.admin.OffsetForLeaderEpoch(ctx, upTo)
	if errors.Is(err, kerr.UnsupportedVersion) {
		return out, nil
	}
	for topic, partitions := range told {
		for p, at := range partitions {
			if at.LeaderEpoch >= 0 && at.EndOffset >= 0 {
				out.put(topic, p, ListedOffset{at.EndOffset, at.LeaderEpoch, at.Err})
			}
			err = errors.Join(err, at.Err)
		}
	}
	return out, err
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
	case epoch < 0:
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
