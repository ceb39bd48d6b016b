package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	kafka "github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/topology"
)

// topicsCmd is about the internal topics of an application.
type topicsCmd struct {
	List   topicsListCmd   `cmd:"" default:"withargs" help:"Those that there are, and those that belong to nothing."`
	Plan   topicsPlanCmd   `cmd:"" help:"Those that an application needs, with their settings."`
	Create topicsCreateCmd `cmd:"" help:"Makes those that are missing, for an application that may not."`
}

// planning is how internal topics are planned. The inputs must be there: numbers of partitions follow from theirs.
type planning struct {
	Topology        string        `arg:"" type:"existingfile" help:"As Topology.JSON or api/v1/topology tell it."`
	Lock            string        `type:"existingfile" help:"Tells partitions that repartition topics declare."`
	WindowRetention time.Duration `default:"24h" help:"Config.WindowRetention."`
}

// planned is a topic that is needed.
type planned struct {
	Topic      string            `json:"topic"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
	There      bool              `json:"there"` // it need not be made
}

func (t planned) columns() []any {
	var configs []string
	for name, value := range t.Configs {
		configs = append(configs, name+"="+value)
	}
	slices.Sort(configs)
	note := "missing"
	if t.There {
		note = "is there"
	}
	return []any{t.Topic, t.Partitions, strings.Join(configs, ","), note}
}

type topicsPlanCmd struct{ planning }

// Run prints a line for each topic.
func (c *topicsPlanCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	topics, err := c.plan(ctx, admin)
	if err != nil {
		return err
	}
	return table(p, "TOPIC\tPARTITIONS\tSETTINGS\t", topics)
}

type topicsCreateCmd struct {
	planning
	ReplicationFactor int16 `default:"-1" help:"Config.ReplicationFactor; -1: as the brokers do."`
}

// Run makes the topics, and prints them.
func (c *topicsCreateCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	topics, err := c.plan(ctx, admin)
	if err != nil {
		return err
	}
	for i := range topics {
		t := &topics[i]
		if t.There {
			continue
		}
		configs := map[string]*string{}
		for name, value := range t.Configs {
			configs[name] = &value
		}
		err := kafka.CreateInternal(ctx, admin, t.Topic, t.Partitions, c.ReplicationFactor, configs)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create %s: %w", t.Topic, err)
		}
		t.There = true
	}
	return table(p, "TOPIC\tPARTITIONS\tSETTINGS\t", topics)
}

// plan is what internal/cluster makes of a topology, from its description.
func (c *planning) plan(ctx context.Context, admin *kadm.Client) (topics []planned, err error) {
	d, err := readDescribed(c.Topology)
	if err != nil {
		return nil, err
	}
	if len(d.patterns("source")) > 0 {
		return nil, errors.New("the application reads topics by pattern: it makes its internal topics itself, as they come")
	}
	var lock topology.Lock
	if c.Lock != "" {
		if lock, err = readLock(c.Lock); err != nil {
			return nil, err
		}
	}
	there, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	counts, err := d.counts(there, lock)
	if err != nil {
		return nil, err
	}
	for _, name := range d.topics("repartition") {
		topics = append(topics, planned{name, counts[name], kafka.RepartitionConfigs(), there.Has(name)})
	}
	for _, s := range d.Stores {
		if s.Changelog != "" {
			topics = append(topics, planned{
				s.Changelog, d.tasks(s.SubTopology, counts), c.changelog(s), there.Has(s.Changelog),
			})
		}
	}
	return topics, nil
}

// changelog are the settings of a store's changelog. Buffers without a retention hold what waits for its time.
func (c *planning) changelog(s topology.StoreLock) map[string]string {
	kind, keep := storage.Kind(s.Kind), time.Duration(s.RetentionMs)*time.Millisecond
	waits := kind == storage.KindBuffer && keep == 0
	return kafka.ChangelogConfigs(kind, storage.KindExpires(kind) && !waits, keep, c.WindowRetention)
}

// counts are the numbers of partitions of all topics that are read: a repartition topic has as many as it declares, or
// as the largest topic that is read where it is written.
func (d described) counts(there kadm.TopicDetails, lock topology.Lock) (map[string]int32, error) {
	counts := map[string]int32{}
	for _, name := range d.topics("source") {
		if counts[name] = int32(len(there[name].Partitions)); counts[name] == 0 {
			return nil, fmt.Errorf("topic %s is not there: create it first; internal topics have as many partitions", name)
		}
	}
	for _, r := range lock.Repartitions {
		if r.Partitions > 0 {
			counts[r.Name] = r.Partitions
		}
	}
	repartitions := d.topics("repartition")
	for range repartitions { // each of them may be known only when another one is
		for _, name := range repartitions {
			if slices.ContainsFunc(lock.Repartitions, func(r topology.RepartitionLock) bool {
				return r.Name == name && r.Partitions > 0
			}) {
				continue
			}
			for _, s := range d.Subs {
				for _, n := range s.Nodes {
					if n.Kind == "sink" && n.Topic == name {
						counts[name] = max(counts[name], d.tasks(s.ID, counts))
					}
				}
			}
		}
	}
	return counts, nil
}

// tasks is how many a sub-topology has.
func (d described) tasks(sub int, counts map[string]int32) (n int32) {
	for _, name := range d.inputs(sub) {
		n = max(n, counts[name])
	}
	return n
}
