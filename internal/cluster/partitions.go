package cluster

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Partitions are partitions by topic.
type Partitions map[string][]int32

// Add adds a partition, once.
func (p Partitions) Add(topic string, partition int32) {
	if !slices.Contains(p[topic], partition) {
		p[topic] = append(p[topic], partition)
	}
}

// ListedOffsets are offsets by topic and partition, or why they are not known: one partition without a leader says
// nothing about the others.
type ListedOffsets map[string]map[int32]ListedOffset

// ListedOffset is the offset of a partition, or why it is not known.
type ListedOffset struct {
	Offset int64
	Epoch  int32 // of the leader that told an end, -1: not known
	Err    error
}

// Lookup is the offset of a partition.
func (p ListedOffsets) Lookup(topic string, partition int32) (int64, error) {
	at, ok := p[topic][partition]
	if !ok {
		at.Err = kerr.UnknownTopicOrPartition
	}
	if at.Err != nil {
		return -1, fmt.Errorf("partition %s/%d: %w", topic, partition, at.Err)
	}
	return at.Offset, nil
}

func (p ListedOffsets) put(topic string, partition int32, at ListedOffset) {
	if p[topic] == nil {
		p[topic] = map[int32]ListedOffset{}
	}
	p[topic][partition] = at
}

func (p ListedOffsets) fail(req *kmsg.ListOffsetsRequest, err error) {
	for _, t := range req.Topics {
		for _, n := range t.Partitions {
			p.put(t.Topic, n.Partition, ListedOffset{-1, -1, err})
		}
	}
}
