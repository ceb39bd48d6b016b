package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// Open connects to the brokers of a comma-separated list, or starts one within the process if the list is empty. The
// caller closes it.
func Open(brokers string, opts ...broker.Option) (*broker.Broker, error) {
	if brokers == "" {
		return broker.Start(opts...)
	}
	return broker.Connect(strings.Split(brokers, ",")...)
}

// prepare creates the topics of a topology, which must have no records yet.
func prepare(ctx context.Context, b *broker.Broker, topo *streams.Topology, o Options) error {
	admin, err := kadm.NewOptClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		return err
	}
	defer admin.Close()
	if o.Reset {
		err = reset(ctx, admin, topo)
	} else {
		err = checkUnused(ctx, admin, topo)
	}
	if err != nil {
		return err
	}
	return b.CreateTopicsOf(ctx, topo, int32(o.Partitions))
}

// checkUnused wants topics that do not exist or have no records: those of an earlier run would change the results.
func checkUnused(ctx context.Context, admin *kadm.Client, topo *streams.Topology) error {
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	sources, sinks := topo.ExternalTopics()
	existing := slices.DeleteFunc(append(sources, sinks...), func(topic string) bool { return !all.Has(topic) })
	if len(existing) == 0 {
		return nil
	}
	ends, err := admin.ListEndOffsets(ctx, existing...)
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 && err == nil {
			err = fmt.Errorf("topic %s has records already: -reset deletes the topics and the group of an earlier run",
				end.Topic)
		}
	})
	return err
}

// reset deletes what an earlier run of an application left: its group, and the topics that it reads and writes.
func reset(ctx context.Context, admin *kadm.Client, topo *streams.Topology) error {
	_, err := admin.DeleteGroup(ctx, topo.App())
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("delete group %s: %w", topo.App(), err)
	}
	sources, sinks := topo.ExternalTopics()
	for _, topic := range slices.Concat(sources, sinks, internal(topo)) {
		if _, err := admin.DeleteTopic(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", topic, err)
		}
	}
	return nil
}

// internal are the topics that an application has created for itself.
func internal(topo *streams.Topology) (topics []string) {
	lock := topo.Lock()
	for _, r := range lock.Repartitions {
		topics = append(topics, r.Name)
	}
	for _, s := range lock.Stores {
		if s.Changelog != "" {
			topics = append(topics, s.Changelog)
		}
	}
	return topics
}
