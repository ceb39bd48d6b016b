package cluster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/graph"
)

// Layout is how a topology lies on the topics of the cluster. It changes only where sources read by pattern.
type Layout struct {
	Topology   *graph.Topology // with topics in place of patterns
	Partitions *graph.Partitions

	Matched         map[string]int32         // partitions of the topics that match patterns; nil if there are no patterns
	ClusterID       string                   // its id; empty: not known
	TopicIDs        map[string][16]byte      // of the topics the application reads, changelogs and global ones included
	DeleteRetention map[string]time.Duration // after which compacted ones of them may lose their deletes
	Keyed           map[string]int           // see Topology.Keyed
}

// Inputs are the topics to read: those that are there. Behind patterns without a topic, internal ones are not.
func (l *Layout) Inputs() []string {
	return slices.DeleteFunc(l.Topology.SourceTopics(), func(name string) bool { return l.Partitions.Topics[name] == 0 })
}

// Changelogs are the changelog topics of all stores.
func (l *Layout) Changelogs() (topics []string) {
	for _, sub := range l.Topology.Subs() {
		for _, spec := range sub.Stores {
			if !spec.Options().NoChangelog {
				topics = append(topics, l.Topology.ChangelogName(spec.Name()))
			}
		}
	}
	return topics
}

// Sum tells layouts with other matching topics, or with other numbers of partitions of them, apart.
func (l *Layout) Sum() uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(l.Matched)) {
		fmt.Fprintf(h, "%s %d\n", name, l.Matched[name])
	}
	return h.Sum64()
}

// TopicName is the name of a topic that the application reads.
func (l *Layout) TopicName(id [16]byte) string {
	for name, have := range l.TopicIDs {
		if have == id {
			return name
		}
	}
	return ""
}

// Layout looks which topics match, and is how the topology lies on them. Internal topics that become needed are
// created; one that would need more partitions than it has is an InternalTopicError, and so is one that is gone. A
// topic to read that is gone, or another one by now, is a DeletedSourceError, unless it matches a pattern. The ids of
// the topics are as they are now.
func (c *Cluster) Layout(ctx context.Context) (*Layout, error) {
	// Over requests, too: the workers of a process find the same once, one after the other. Who is stopped does not
	// wait.
	if err := c.layouts.enter(ctx); err != nil {
		return nil, err
	}
	defer c.layouts.leave()
	matched, err := c.Matching(ctx)
	if err != nil {
		return nil, err
	}
	l := c.layout.Load()
	var globals map[string]int32
	if l != nil { // before anything is made anew
		if globals, _, err = c.Verify(ctx, 0); err == nil {
			err = c.sinksThere(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	if l == nil || !maps.Equal(matched, l.Matched) {
		look := func() error { l, err = c.check(ctx, c.setup, matched); return err }
		if l == nil {
			err = look() // Connect repeats it
		} else {
			err = untilThere(ctx, look)
		}
		if err != nil {
			return nil, err
		}
		if err = c.learn(ctx, l); err != nil {
			return nil, err
		}
		c.layout.Store(l)
	}
	now, counts := *l, *l.Partitions
	counts.Global = maps.Clone(counts.Global) // they may have grown, and grow in the session
	maps.Copy(counts.Global, globals)
	now.Partitions = &counts
	now.ClusterID, now.TopicIDs, err = c.identify(ctx, l.read())
	return &now, err
}

// read are all topics that the application reads.
func (l *Layout) read() []string {
	names := append(l.Inputs(), l.Topology.GlobalTopics()...)
	for topic := range l.DeleteRetention {
		if !slices.Contains(names, topic) {
			names = append(names, topic)
		}
	}
	return names
}

// Matching are the topics that sources read by pattern, with their numbers of partitions.
func (c *Cluster) Matching(ctx context.Context) (map[string]int32, error) {
	if !c.setup.Topology.HasPatterns() {
		return nil, nil
	}
	topics, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	matched := map[string]int32{}
	for _, name := range c.setup.Topology.Matching(topics.Names()) {
		switch t := topics[name]; {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		case t.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, t.Err)
		case len(t.Partitions) > 0:
			matched[name] = int32(len(t.Partitions))
		}
	}
	return matched, nil
}

// Empty is true where no topic matches yet, and there is nothing else to read.
func (l *Layout) Empty() bool { return l.Matched != nil && len(l.Inputs()) == 0 }

// HasNew is true if topics that other members of the group know match a pattern, and this session does not have them.
func (l *Layout) HasNew(topics []string) bool {
	return slices.ContainsFunc(l.Topology.Matching(topics), func(name string) bool { return l.Matched[name] == 0 })
}

// CheckGrown finds partitions that did not exist when the session began. Topics that it does not know are left: they
// match a pattern, and only the leader of the group has found them yet.
func (l *Layout) CheckGrown(assigned Offsets) error {
	for topic, partitions := range assigned {
		had, has := l.Partitions.Topics[topic], int32(0)
		for p := range partitions {
			has = max(has, p+1)
		}
		switch {
		case had == 0 || has <= had:
		case l.Matched[topic] > 0:
			return ErrTopicsChanged
		default:
			return &GrownTopicError{Topic: topic, Had: had, Has: has}
		}
	}
	return nil
}

// ErrTopicsChanged ends a session, so that the next one begins with the topics as they are now, and with the inputs
// that the group has assigned.
var ErrTopicsChanged = errors.New("worker: the topics to read have changed")

// TasksOf is how many tasks a sub-topology has, and which topics they read, as last found; 0: not known.
func (c *Cluster) TasksOf(sub int) (n int32, inputs []string) {
	l := c.layout.Load()
	if l == nil || sub < 0 || sub >= len(l.Partitions.Tasks) {
		return 0, nil
	}
	return l.Partitions.Tasks[sub], l.Topology.Inputs(l.Topology.Subs()[sub])
}
