package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/topology"
)

// Named is what a topic is made from: every streams.Topic is one.
type Named interface{ Name() string }

// CreateTopics creates topics with that many partitions. Those that are there already stay as they are. Records are
// kept without limit, whatever their event times.
func (b *Broker) CreateTopics(ctx context.Context, partitions int32, topics ...Named) error {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name()
	}
	return b.create(ctx, partitions, names)
}

// CreateTopicsOf creates what a topology needs before it runs: the topics that it reads and writes by name, with that
// many partitions. Internal topics the application creates itself; those that it finds by pattern are the caller's.
func (b *Broker) CreateTopicsOf(ctx context.Context, topo *topology.Topology, partitions int32) error {
	sources, sinks := topo.ExternalTopics()
	names := slices.Concat(sources, sinks)
	slices.Sort(names)
	return b.create(ctx, partitions, slices.Compact(names))
}

func (b *Broker) create(ctx context.Context, partitions int32, names []string) error {
	if partitions < 1 {
		return fmt.Errorf("broker: create topics %s: %d partitions: 1 or more are needed",
			strings.Join(names, ", "), partitions)
	}
	keep := "-1"
	for _, name := range names {
		_, err := clientsOf(b).admin.CreateTopic(ctx, partitions, -1, map[string]*string{"retention.ms": &keep}, name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("broker: create topic %s: %w", name, err)
		}
	}
	return b.waitKnown(ctx, names)
}

// waitKnown waits until topics that were just created are known to whom the client asks: what is started before finds
// them missing.
func (b *Broker) waitKnown(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil // no names would mean all topics
	}
	for {
		topics, err := clientsOf(b).admin.ListTopics(ctx, names...)
		if err == nil {
			err = topics.Error()
		}
		if err == nil || !kerr.IsRetriable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("broker: topics %s are not known yet: %w", strings.Join(names, ", "), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// endsOf are the ends of topics, which must exist.
func endsOf(ctx context.Context, admin *kadm.Client, topics ...string) (kadm.ListedOffsets, error) {
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return ends, fmt.Errorf("broker: one of the topics %s does not exist: create it first: %w",
			strings.Join(topics, ", "), err)
	}
	return ends, err
}

const lookEvery = 20 * time.Millisecond

// WaitProcessed returns when the application of a topology, which runs elsewhere, has processed and committed all that
// is in its input topics, repartition topics included. What the application sees through global tables it does not wait
// for. Where records go on coming it may never return: end ctx then.
func (b *Broker) WaitProcessed(ctx context.Context, topo *topology.Topology) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		left, err := b.unprocessed(ctx, topo)
		if err == nil && left == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			if left == "" {
				left = "nothing is known of it"
			}
			return errors.Join(fmt.Errorf("broker: application %s has not processed its input: %s: %w",
				topo.App(), left, context.Cause(ctx)), err)
		case <-ticker.C:
		}
	}
}

// Processed is true if the application of a topology has processed and committed all that is in its input topics now,
// repartition topics included.
func (b *Broker) Processed(ctx context.Context, topo *topology.Topology) (bool, error) {
	left, err := b.unprocessed(ctx, topo)
	return left == "" && err == nil, err
}

// unprocessed tells of a partition that has more than the application has committed, if there is one. The committed
// offsets are asked for first: whatever had been sent to a repartition topic by then is below its end.
func (b *Broker) unprocessed(ctx context.Context, built *topology.Topology) (left string, err error) {
	topo, admin := (*graph.Topology)(built), clientsOf(b).admin
	if topo.HasPatterns() {
		all, err := admin.ListTopics(ctx)
		if err != nil {
			return "", err
		}
		if topo, err = topo.Expand(all.Names()); err != nil {
			return "", err
		}
	}
	committed, err := admin.FetchOffsets(ctx, topo.App())
	if err != nil {
		return "", err
	}
	ends, err := endsOf(ctx, admin, topo.SourceTopics()...)
	if err != nil {
		return "", err
	}
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		if left == "" && end.Offset > 0 && (!ok || at.At < end.Offset) {
			left = fmt.Sprintf("topic %s/%d is committed to offset %d of %d", end.Topic, end.Partition,
				max(0, at.At), end.Offset)
		}
	})
	return left, nil
}
