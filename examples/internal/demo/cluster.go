package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/topology"
)

// Cluster is the Kafka that an example runs on.
type Cluster struct {
	Brokers []string // addresses, host:port

	client *kgo.Client
	admin  *kadm.Client
	fake   *kfake.Cluster // nil: a real one
}

// Open connects to the brokers of a comma-separated list, or starts one within the process if the list is empty. The
// caller closes the cluster.
func Open(brokers string) (*Cluster, error) {
	c := &Cluster{Brokers: strings.Split(brokers, ",")}
	if brokers == "" {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return nil, fmt.Errorf("broker within the process: %w", err)
		}
		c.fake, c.Brokers = fake, fake.ListenAddrs()
	}
	var err error
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(c.Brokers...)); err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(c.client)
	return c, nil
}

// Close disconnects. A broker within the process ends, and its records are gone.
func (c *Cluster) Close() {
	c.client.Close()
	if c.fake != nil {
		c.fake.Close()
	}
}

// CreateTopics creates the topics that are missing.
func (c *Cluster) CreateTopics(ctx context.Context, partitions int, topics ...string) error {
	for _, topic := range topics {
		// Event time decides about windows, not about how long the brokers keep the example's records.
		keep := "-1"
		_, err := c.admin.CreateTopic(ctx, int32(partitions), -1, map[string]*string{"retention.ms": &keep}, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// Produce sends records and returns when the brokers have them.
func (c *Cluster) Produce(ctx context.Context, records ...*kgo.Record) error {
	return c.client.ProduceSync(ctx, records...).FirstErr()
}

// checkUnused wants topics that do not exist or have no records: those of an earlier run would change the results.
func (c *Cluster) checkUnused(ctx context.Context, topics ...string) error {
	all, err := c.admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	existing := slices.DeleteFunc(slices.Clone(topics), func(topic string) bool { return !all.Has(topic) })
	if len(existing) == 0 {
		return nil
	}
	ends, err := c.endOffsets(ctx, existing...)
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 && err == nil {
			err = fmt.Errorf("topic %s has records already: -reset deletes the topics and the group of an earlier run",
				end.Topic)
		}
	})
	return err
}

func (c *Cluster) endOffsets(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
	ends, err := c.admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	return ends, err
}

// reset deletes what an earlier run of an application left: its group, and the topics that it reads and writes.
func (c *Cluster) reset(ctx context.Context, topo *topology.Topology) error {
	_, err := c.admin.DeleteGroup(ctx, topo.App)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("delete group %s: %w", topo.App, err)
	}
	_, sinks := topo.ExternalTopics()
	for _, topic := range slices.Concat(topo.SourceTopics(), sinks, changelogs(topo)) {
		if _, err := c.admin.DeleteTopic(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", topic, err)
		}
	}
	return nil
}

func changelogs(topo *topology.Topology) (topics []string) {
	for _, sub := range topo.Subs {
		for _, store := range sub.Stores {
			topics = append(topics, topo.ChangelogName(store.Name()))
		}
	}
	return topics
}
