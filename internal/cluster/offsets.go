package cluster

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

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// Offsets are committed offsets by topic and partition.
type Offsets map[string]map[int32]task.Committed

// Add adds offsets, over those of the same partitions.
func (o Offsets) Add(more Offsets) {
	for topic, partitions := range more {
		if o[topic] == nil {
			o[topic] = map[int32]task.Committed{}
		}
		maps.Copy(o[topic], partitions)
	}
}

// Remove takes partitions out.
func (o Offsets) Remove(gone map[string][]int32) {
	for topic, partitions := range gone {
		for _, p := range partitions {
			delete(o[topic], p)
		}
	}
}

// Clone is a copy that shares nothing.
func (o Offsets) Clone() Offsets {
	out := Offsets{}
	out.Add(o)
	return out
}

// Has is true if the partition is among them.
func (o Offsets) Has(topic string, partition int32) bool {
	_, ok := o[topic][partition]
	return ok
}

// Committed reads the group's offsets, with their metadata, as the client fetched them: stable, after any open
// transaction. A topic that the layout does not have, as where another member knows more that match a pattern, is
// ErrTopicsChanged.
func (l *Layout) Committed(resp *kmsg.OffsetFetchResponse) (Offsets, error) {
	out := Offsets{}
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = l.TopicName(t.TopicID)
			}
			if name == "" {
				return nil, fmt.Errorf("offsets of topic id %x: %w", t.TopicID, ErrTopicsChanged)
			}
			out[name] = map[int32]task.Committed{}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("offset of %s/%d: %w", name, p.Partition, NameRight("Read", "topic", name, err))
				}
				c := task.Committed{Offset: p.Offset, Epoch: p.LeaderEpoch, End: -1}
				if p.Metadata != nil {
					c.Metadata = *p.Metadata
				}
				if rescaling(c.Metadata) {
					return nil, &RescalingError{App: l.Topology.App()}
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

// ChooseOffsets finds where the partitions without a committed offset begin, as their topics' declarations say. Those
// that begin at the start of the log are left out: what is there is read when the task is restored. So are those that
// do not tell just now: their tasks wait for them.
func (c *Cluster) ChooseOffsets(ctx context.Context, topo *graph.Topology, committed Offsets) error {
	for topic, all := range committed {
		var without []int32
		for p, at := range all {
			if at.Offset < 0 {
				without = append(without, p)
			}
		}
		reset, past := topo.ResetOf(topic)
		if len(without) == 0 || reset == graph.Earliest {
			continue
		}
		slices.Sort(without)
		if reset == graph.Committed {
			return &NoOffsetError{Topic: topic, Partitions: without}
		}
		begin := c.begin(ctx, Partitions{topic: without}, reset, past)
		for _, p := range without {
			if at, err := begin.Lookup(topic, p); err == nil {
				all[p] = task.Committed{Offset: at, Epoch: -1, End: -1, Chosen: true}
			}
		}
	}
	return nil
}

// ChooseOffset is choose for a partition that did not tell.
func (c *Cluster) ChooseOffset(ctx context.Context, topo *graph.Topology, topic string, partition int32) (
	task.Committed, error,
) {
	reset, past := topo.ResetOf(topic)
	at, err := c.begin(ctx, Partitions{topic: {partition}}, reset, past).Lookup(topic, partition)
	return task.Committed{Offset: at, Epoch: -1, End: -1, Chosen: true}, err
}

// begin is where partitions are read from without a committed offset.
func (c *Cluster) begin(ctx context.Context, of Partitions, reset graph.Reset, past time.Duration) ListedOffsets {
	if reset == graph.Latest {
		return c.StableEnds(ctx, of)
	}
	return c.listOffsetsAfter(ctx, of, time.Now().Add(-past).UnixMilli())
}

// FetchOffsets are the client's offsets by topic and partition.
type FetchOffsets = map[string]map[int32]kgo.Offset

// Adjust puts the offsets that were chosen, or told later, where the client found none.
func (o Offsets) Adjust(fetched FetchOffsets) FetchOffsets {
	for topic, partitions := range fetched {
		for p := range partitions {
			if c := o[topic][p]; c.Chosen || c.Asked {
				partitions[p] = kgo.NewOffset().At(c.Offset).WithEpoch(c.Epoch)
			}
		}
	}
	return fetched
}

// RefetchOffsets asks the group again for offsets that it seems not to have: a coordinator that has just taken over may
// say so for a moment (KAFKA-20416). It asks a few times for partitions of tasks that have a directory here.
func (c *Cluster) RefetchOffsets(ctx context.Context, committed Offsets, here func(string, int32) bool) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		missing := false
		again := false
		committed.without(func(topic string, p int32) {
			missing, again = true, again || here(topic, p)
		})
		if !missing {
			return nil
		}
		told, err := c.admin.FetchOffsets(kadm.RequireStable(ctx), c.setup.Topology.App())
		if err != nil {
			return fmt.Errorf("offsets of the group: %w", err)
		}
		committed.without(func(topic string, p int32) {
			if o, ok := told.Lookup(topic, p); ok && o.Err == nil && o.At >= 0 {
				committed[topic][p] = task.Committed{
					Offset: o.At, Epoch: o.LeaderEpoch, Metadata: o.Metadata, End: -1, Asked: true,
				}
			}
		})
		if !again || wait > 400*time.Millisecond {
			return nil
		}
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// without shows the partitions that have no offset.
func (o Offsets) without(show func(topic string, partition int32)) {
	for topic, partitions := range o {
		for p, c := range partitions {
			if c.Offset < 0 {
				show(topic, p)
			}
		}
	}
}

// GroupOffsets are those that the group has committed.
func (c *Cluster) GroupOffsets(ctx context.Context) (kadm.OffsetResponses, error) {
	found, err := c.admin.FetchOffsets(ctx, c.setup.Topology.App())
	if err == nil {
		err = found.Error()
	}
	return found, err
}
