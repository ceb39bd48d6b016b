package testkit

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/snapshot"
	"github.com/millstream-go/millstream/internal/task"
)

// takeState begins with an exported state, if there is one to begin with.
func (d *Driver) takeState() error {
	if d.options.snapshot == "" {
		return nil
	}
	h, err := snapshot.Open(d.options.snapshot)
	if err != nil {
		return fmt.Errorf("testkit: %w", err)
	}
	if h.App != d.base.App() {
		return fmt.Errorf("testkit: %s has the state of application %q, not of %q", d.options.snapshot, h.App, d.base.App())
	}
	d.clock = time.Duration(h.Taken) * time.Millisecond
	d.internal = map[string]int32{}
	for _, t := range h.Topics {
		d.internal[t.Name] = t.Partitions
		if err := d.takeRows(t.Name); err != nil {
			return fmt.Errorf("testkit: %w", err)
		}
	}
	for _, o := range h.Offsets {
		d.takeOffset(o)
	}
	return nil
}

// takeRows makes the logs of an internal topic.
func (d *Driver) takeRows(topic string) error {
	out := keptTopic{Partitions: map[int32][]graph.Raw{}}
	err := snapshot.Rows(d.options.snapshot, topic, func(r snapshot.Row) error {
		raw := graph.Raw{
			Offset: int64(len(out.Partitions[r.Partition])), Key: r.Key, Value: r.Value, Timestamp: r.Time,
		}
		for _, h := range r.Headers {
			raw.Headers = append(raw.Headers, graph.Header{Key: h.Key, Value: h.Value})
		}
		out.Partitions[r.Partition] = append(out.Partitions[r.Partition], raw)
		out.Arrivals = append(out.Arrivals, r.Partition)
		return nil
	})
	d.enter(topic, out)
	return err
}

// takeOffset enters a committed offset. Topics begin anew, so all are 0; what counts is the stream times with them.
func (d *Driver) takeOffset(o snapshot.Offset) {
	m := graph.DecodeMetadata(o.Metadata)
	if _, ok := m.Times[task.OffsetTime]; ok {
		m.Times[task.OffsetTime] = 0
	}
	d.group[partition{o.Topic, o.Partition}] = task.Offset{
		Topic: o.Topic, Partition: o.Partition, Epoch: -1, Metadata: m.Encode(),
	}
	if _, internal := d.internal[o.Topic]; !internal && o.Partition >= d.options.byTopic[o.Topic] {
		d.options.byTopic[o.Topic] = o.Partition + 1
	}
}
