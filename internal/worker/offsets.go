package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// offsets are committed offsets by topic and partition.
type offsets map[string]map[int32]task.Committed

func (o offsets) add(more offsets) {
	for topic, partitions := range more {
		if o[topic] == nil {
			o[topic] = map[int32]task.Committed{}
		}
		maps.Copy(o[topic], partitions)
	}
}

func (o offsets) remove(gone map[string][]int32) {
	for topic, partitions := range gone {
		for _, p := range partitions {
			delete(o[topic], p)
		}
	}
}

func (o offsets) clone() offsets {
	out := offsets{}
	out.add(o)
	return out
}

// has is true if the partition is among them.
func (o offsets) has(topic string, partition int32) bool {
	_, ok := o[topic][partition]
	return ok
}

// committed reads the group's offsets, with their metadata, as the client fetched them: stable, behind any open
// transaction.
func (l *Layout) committed(resp *kmsg.OffsetFetchResponse) (offsets, error) {
	out := offsets{}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = l.topicOf(t.TopicID)
			}
			out[name] = map[int32]task.Committed{}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("offset of %s/%d: %w", name, p.Partition, err)
				}
				c := task.Committed{Offset: p.Offset, End: -1}
				if p.Metadata != nil {
					c.Metadata = *p.Metadata
				}
				out[name][p.Partition] = c
			}
		}
	}
	return out, nil
}

// NoOffsetError means that a topic is declared to be read from committed offsets only, and that partitions have none,
// or none that is still there. Let the group have offsets, with Kafka's own tools for example, or declare where the
// topic is to be read from.
type NoOffsetError struct {
	Topic      string
	Partitions []int32
}

func (e *NoOffsetError) Error() string {
	return fmt.Sprintf("topic %s is declared to be read from committed offsets only, and partitions %v have none that "+
		"is still there: commit one for the group, or declare another start", e.Topic, e.Partitions)
}

// choose finds where the partitions without a committed offset begin, as their topics' declarations say. Those that
// begin at the start of the log are left out: what is there is read when the task is restored.
func (c *Cluster) choose(ctx context.Context, topo *topology.Topology, committed offsets) error {
	for topic, partitions := range committed {
		var without []int32
		for p, at := range partitions {
			if at.Offset < 0 {
				without = append(without, p)
			}
		}
		reset, past := topo.ResetOf(topic)
		if len(without) == 0 || reset == topology.Earliest {
			continue
		}
		slices.Sort(without)
		if reset == topology.Committed {
			return &NoOffsetError{Topic: topic, Partitions: without}
		}
		listed, err := c.begin(ctx, topic, reset, past)
		if err != nil {
			return err
		}
		for _, p := range without {
			o, ok := listed.Lookup(topic, p)
			if !ok {
				return fmt.Errorf("list offsets: %s/%d: %w", topic, p, kerr.UnknownTopicOrPartition)
			}
			partitions[p] = task.Committed{Offset: o.Offset, End: -1, Chosen: true}
		}
	}
	return nil
}

// refuseDeleted is an error for a topic that is read from committed offsets only, and of which the next record is gone.
func (w *Worker) refuseDeleted(in *task.Input, offset, start int64) error {
	if reset, _ := w.config.Topology.ResetOf(in.Topic); reset != topology.Committed || offset >= start {
		return nil
	}
	return &NoOffsetError{Topic: in.Topic, Partitions: []int32{in.Partition}}
}

// begin is where a topic is read from without a committed offset.
func (c *Cluster) begin(
	ctx context.Context, topic string, reset topology.Reset, past time.Duration,
) (kadm.ListedOffsets, error) {
	if reset == topology.Latest {
		return listed(c.admin.ListCommittedOffsets(ctx, topic))
	}
	return listed(c.admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-past).UnixMilli(), topic))
}

// fetchOffsets are the client's offsets by topic and partition.
type fetchOffsets = map[string]map[int32]kgo.Offset

// adjust puts the offsets that were chosen where the client found none.
func (o offsets) adjust(fetched fetchOffsets) fetchOffsets {
	for topic, partitions := range fetched {
		for p := range partitions {
			if c := o[topic][p]; c.Chosen {
				partitions[p] = kgo.NewOffset().At(c.Offset)
			}
		}
	}
	return fetched
}
