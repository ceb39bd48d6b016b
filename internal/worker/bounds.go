package worker

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The times that stand for places of a partition, where brokers list offsets by time.
const (
	atEnd   = -1
	atStart = -2
)

// partitions are partitions by topic.
type partitions map[string][]int32

func (p partitions) add(topic string, partition int32) {
	if !slices.Contains(p[topic], partition) {
		p[topic] = append(p[topic], partition)
	}
}

// places are offsets by topic and partition, or why they are not known: one partition without a leader says nothing
// about the others.
type places map[string]map[int32]place

type place struct {
	offset int64
	err    error
}

// of is the offset of a partition.
func (p places) of(topic string, partition int32) (int64, error) {
	at, ok := p[topic][partition]
	if !ok {
		at.err = kerr.UnknownTopicOrPartition
	}
	if at.err != nil {
		return -1, fmt.Errorf("partition %s/%d: %w", topic, partition, at.err)
	}
	return at.offset, nil
}

func (p places) put(topic string, partition int32, at place) {
	if p[topic] == nil {
		p[topic] = map[int32]place{}
	}
	p[topic][partition] = at
}

// isolation says which end of a partition is meant.
type isolation int8

const (
	highWatermark isolation = 0
	lastStable    isolation = 1 // in front of the first open transaction
)

// list asks for the offsets of partitions at a time: their ends, their starts, or behind what is older. The answer has
// all of them.
func (c *Cluster) list(ctx context.Context, of partitions, at int64, level isolation) places {
	out := places{}
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
				out.put(t.Topic, p.Partition, place{p.Offset, kerr.ErrorForCode(p.ErrorCode)})
			}
		}
	}
	return out
}

func (p places) fail(req *kmsg.ListOffsetsRequest, err error) {
	for _, t := range req.Topics {
		for _, n := range t.Partitions {
			p.put(t.Topic, n.Partition, place{-1, err})
		}
	}
}

// listAfter asks for the offsets behind what is older than a time, in milliseconds: the ends, where everything is.
func (c *Cluster) listAfter(ctx context.Context, of partitions, at int64) places {
	out, none := c.list(ctx, of, at, lastStable), partitions{}
	for topic, numbers := range out {
		for n, at := range numbers {
			if at.err == nil && at.offset < 0 {
				none.add(topic, n)
			}
		}
	}
	for topic, numbers := range c.list(ctx, none, atEnd, lastStable) {
		for n, at := range numbers {
			out.put(topic, n, at)
		}
	}
	return out
}
