package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

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
// transaction. A topic that the layout does not have, as where another member knows more that match a pattern, is
// errTopicsChanged.
func (l *Layout) committed(resp *kmsg.OffsetFetchResponse) (offsets, error) {
	out := offsets{}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = l.topicOf(t.TopicID)
			}
			if name == "" {
				return nil, fmt.Errorf("offsets of topic id %x: %w", t.TopicID, errTopicsChanged)
			}
			out[name] = map[int32]task.Committed{}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("offset of %s/%d: %w", name, p.Partition, mayNot("Read", "topic", name, err))
				}
				c := task.Committed{Offset: p.Offset, Epoch: p.LeaderEpoch, End: -1}
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
// begin at the start of the log are left out: what is there is read when the task is restored. So are those that do not
// tell just now: their tasks wait for them.
func (c *Cluster) choose(ctx context.Context, topo *topology.Topology, committed offsets) error {
	for topic, all := range committed {
		var without []int32
		for p, at := range all {
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
		begin := c.begin(ctx, partitions{topic: without}, reset, past)
		for _, p := range without {
			if at, err := begin.of(topic, p); err == nil {
				all[p] = task.Committed{Offset: at, Epoch: -1, End: -1, Chosen: true}
			}
		}
	}
	return nil
}

// chooseLate is choose for a partition that did not tell.
func (c *Cluster) chooseLate(ctx context.Context, topo *topology.Topology, topic string, partition int32) (
	task.Committed, error,
) {
	reset, past := topo.ResetOf(topic)
	at, err := c.begin(ctx, partitions{topic: {partition}}, reset, past).of(topic, partition)
	return task.Committed{Offset: at, Epoch: -1, End: -1, Chosen: true}, err
}

// refuseDeleted is an error for a topic that is read from committed offsets only, and of which the next record is gone.
func (w *Worker) refuseDeleted(in *task.Input, offset, start int64) error {
	if reset, _ := w.config.Topology.ResetOf(in.Topic); reset != topology.Committed || offset >= start {
		return nil
	}
	return &NoOffsetError{Topic: in.Topic, Partitions: []int32{in.Partition}}
}

// begin is where partitions are read from without a committed offset.
func (c *Cluster) begin(ctx context.Context, of partitions, reset topology.Reset, past time.Duration) places {
	if reset == topology.Latest {
		return c.list(ctx, of, atEnd, lastStable)
	}
	return c.listAfter(ctx, of, time.Now().Add(-past).UnixMilli())
}

// fetchOffsets are the client's offsets by topic and partition.
type fetchOffsets = map[string]map[int32]kgo.Offset

// adjust puts the offsets that were chosen, or told later, where the client found none.
func (o offsets) adjust(fetched fetchOffsets) fetchOffsets {
	for topic, partitions := range fetched {
		for p := range partitions {
			if c := o[topic][p]; c.Chosen || c.Asked {
				partitions[p] = kgo.NewOffset().At(c.Offset).WithEpoch(c.Epoch)
			}
		}
	}
	return fetched
}
