package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	kafka "github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/topology"
)

// verifyCmd compares the topics of a cluster with what an application needs.
type verifyCmd struct {
	Topology string `arg:"" type:"existingfile" help:"The topology, as Topology.JSON or api/v1/topology tell it."`
}

// finding is something that does not fit.
type finding struct {
	Topic string `json:"topic"`
	Text  string `json:"text"`
}

func (f finding) columns() []any { return []any{f.Topic, f.Text} }

// Run prints a line for what does not fit; if there is one, the command declines.
func (c *verifyCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	d, err := readDescribed(c.Topology)
	if err != nil {
		return err
	}
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	v := verification{described: d}
	if v.topics, err = admin.ListTopics(ctx); err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	v.existence()
	v.partitions()
	if err := v.settings(ctx, admin); err != nil {
		return err
	}
	internal, err := internalTopics(ctx, admin, d.App)
	if err != nil {
		return err
	}
	v.leftOver(internal)
	if err := table(p, "TOPIC\tFINDING", v.found); err != nil {
		return err
	}
	if len(v.found) > 0 {
		return &declinedError{fmt.Sprintf("%d things do not fit", len(v.found))}
	}
	return nil
}

type verification struct {
	described
	topics kadm.TopicDetails
	found  []finding
}

func (v *verification) add(topic, format string, args ...any) {
	v.found = append(v.found, finding{topic, fmt.Sprintf(format, args...)})
}

func (v *verification) existence() {
	for _, name := range slices.Concat(v.described.topics("source"), v.described.topics("sink")) {
		if !v.topics.Has(name) {
			v.add(name, "is not there: create it before the application starts")
		}
	}
}

// partitions: the changelogs of a sub-topology have as many as the largest topic that it reads.
func (v *verification) partitions() {
	for _, s := range v.Stores {
		tasks, of := 0, ""
		for _, name := range v.inputs(s.SubTopology) {
			if n := len(v.topics[name].Partitions); n > tasks {
				tasks, of = n, name
			}
		}
		if have := len(v.topics[s.Changelog].Partitions); s.Changelog != "" && have > 0 && tasks > 0 && have != tasks {
			v.add(s.Changelog, "has %d partitions, and %s, which is read for its store, has %d", have, of, tasks)
		}
	}
}

// settings: changelogs of windows are kept as long as their rows count, and others are compacted.
func (v *verification) settings(ctx context.Context, admin *kadm.Client) error {
	stores := map[string]topology.StoreLock{}
	var names []string
	for _, s := range v.Stores {
		if s.Changelog != "" && v.topics.Has(s.Changelog) {
			names, stores[s.Changelog] = append(names, s.Changelog), s
		}
	}
	for _, name := range v.described.topics("repartition") {
		if v.topics.Has(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil // no names would mean all topics
	}
	all, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("settings of topics: %w", err)
	}
	return v.judge(all, stores)
}

// judge looks at settings. stores has the store for each changelog.
func (v *verification) judge(all kadm.ResourceConfigs, stores map[string]topology.StoreLock) error {
	for _, one := range all {
		if one.Err != nil {
			return fmt.Errorf("settings of topic %s: %w", one.Name, one.Err)
		}
		values := map[string]string{}
		for _, c := range one.Configs {
			values[c.Key] = c.MaybeValue()
		}
		store, changelog := stores[one.Name]
		keep, lag := time.Duration(store.RetentionMs)*time.Millisecond, time.Duration(0)
		if store.Kind == string(storage.KindVersioned) {
			keep, lag = 0, keep
		}
		policy := values["cleanup.policy"]
		kept, err := strconv.ParseInt(values["retention.ms"], 10, 64)
		deletes := strings.Contains(policy, "delete") && err == nil && kept >= 0
		switch {
		case changelog && deletes && kept < keep.Milliseconds():
			v.add(one.Name, "is kept for %v, and its store keeps rows for %v: a restore would lack rows",
				time.Duration(kept)*time.Millisecond, keep)
		case changelog && keep == 0 && deletes:
			v.add(one.Name, "is deleted by age (cleanup.policy %s), and its store's rows have no end", policy)
		}
		for _, text := range kafka.Losses(changelog, lag, values) {
			v.add(one.Name, "%s", text)
		}
	}
	return nil
}

// leftOver are internal topics of stores and steps that the topology does not have any more.
func (v *verification) leftOver(internal []internalTopic) {
	own := v.described.topics("repartition")
	for _, s := range v.Stores {
		own = append(own, s.Changelog)
	}
	for _, t := range internal {
		if !slices.Contains(own, t.Topic) {
			v.add(t.Topic, "belongs to nothing: its store or step was removed, or renamed")
		}
	}
}
