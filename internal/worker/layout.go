package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/topology"
)

// Layout is how a topology lies on the topics of the cluster. It changes only where sources read by pattern.
type Layout struct {
	Topology   *topology.Topology // with topics in place of patterns
	Partitions *topology.Partitions

	matched map[string]int32         // partitions of the topics that match patterns; nil if there are no patterns
	cluster string                   // its id; empty: not known
	ids     map[string][16]byte      // of the topics the application reads, changelogs and global ones included
	forgets map[string]time.Duration // after which compacted ones of them may lose their deletes
	keyed   map[string]int           // see Topology.Keyed
}

// inputs are the topics to read: those that are there. Behind patterns without a topic, internal ones are not.
func (l *Layout) inputs() []string {
	return slices.DeleteFunc(l.Topology.SourceTopics(), func(name string) bool { return l.Partitions.Topics[name] == 0 })
}

// sum tells layouts with other matching topics, or with other numbers of partitions of them, apart.
func (l *Layout) sum() uint64 {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(l.matched)) {
		fmt.Fprintf(h, "%s %d\n", name, l.matched[name])
	}
	return h.Sum64()
}

// topicOf is the name of a topic that the application reads.
func (l *Layout) topicOf(id [16]byte) string {
	for name, have := range l.ids {
		if have == id {
			return name
		}
	}
	return ""
}

// errTopicsChanged ends a session, so that the next one begins with the topics as they are now, and with the inputs
// that the group has assigned.
var errTopicsChanged = errors.New("worker: the topics to read have changed")

// Layout looks which topics match, and is how the topology lies on them. Internal topics that become needed are
// created; one that would need more partitions than it has is an InternalTopicError, and so is one that is gone. A
// topic to read that is gone, or another one by now, is a DeletedSourceError, unless it matches a pattern. The ids of
// the topics are as they are now.
func (c *Cluster) Layout(ctx context.Context) (*Layout, error) {
	// Over requests, too: the workers of a process find the same once, one after the other. Who is stopped does not wait.
	if err := c.layouts.enter(ctx); err != nil {
		return nil, err
	}
	defer c.layouts.leave()
	matched, err := c.matching(ctx)
	if err != nil {
		return nil, err
	}
	l := c.layout.Load()
	var globals map[string]int32
	if l != nil { // before anything is made anew
		if globals, _, err = c.verify(ctx, 0); err == nil {
			err = c.sinksThere(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	if l == nil || !maps.Equal(matched, l.matched) {
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
	now.cluster, now.ids, err = c.identify(ctx, l.read())
	return &now, err
}

// read are all topics that the application reads.
func (l *Layout) read() []string {
	names := append(l.inputs(), l.Topology.GlobalTopics()...)
	for topic := range l.forgets {
		if !slices.Contains(names, topic) {
			names = append(names, topic)
		}
	}
	return names
}

// matching are the topics that sources read by pattern, with their numbers of partitions.
func (c *Cluster) matching(ctx context.Context) (map[string]int32, error) {
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

// findTopics begins a session with the topics as they are now.
func (w *Worker) findTopics(ctx context.Context) error {
	var err error
	if w.layout, err = w.config.Cluster.Layout(ctx); err != nil {
		return err
	}
	w.config.Topology, w.config.Task.Partitions = w.layout.Topology, w.layout.Partitions.Topics
	w.listedAt = time.Now()
	return nil
}

// empty is true where no topic matches yet, and there is nothing else to read.
func (l *Layout) empty() bool { return l.matched != nil && len(l.inputs()) == 0 }

// awaitTopics is the session of a topology that has no topic to read yet. It ends with errTopicsChanged.
func (w *Worker) awaitTopics(ctx context.Context) error {
	w.config.Logger.Info("no topic matches yet")
	w.waits.end(forGroup) // there is nothing that the group could give
	w.report(Running)
	for sleep(ctx, w.config.TopicRefresh) == nil {
		if matched, err := w.config.Cluster.matching(ctx); err == nil && len(matched) > 0 {
			return errTopicsChanged
		}
	}
	return nil
}

// checkTopics looks now and then whether topics that match a pattern have come, gone or grown.
func (w *Worker) checkTopics() {
	if w.layout.matched == nil || time.Since(w.listedAt) < w.config.TopicRefresh ||
		!w.listing.CompareAndSwap(false, true) {
		return
	}
	w.listedAt = time.Now()
	cluster, events, have := w.config.Cluster, w.events, w.layout.matched
	// Started by the loop, one at a time, owns nothing, ends with its request or with the cluster's client.
	go func() {
		defer w.listing.Store(false)
		matched, err := cluster.matching(cluster.client.Context())
		if err != nil || maps.Equal(matched, have) {
			return // a broker that is away: the next look will tell
		}
		events.post(w.leaveLayout)
	}()
}

// news is true if topics that other members of the group know match a pattern, and this session does not have them.
func (l *Layout) news(topics []string) bool {
	return slices.ContainsFunc(l.Topology.Matching(topics), func(name string) bool { return l.matched[name] == 0 })
}

// lookNow has checkTopics look at once, or after the look that is under way. Until all members know a topic, tasks may
// wait for it: for a member that knows it and has a leader that does not, or the other way round.
func (w *Worker) lookNow() { w.listedAt = time.Time{} }

// leaveLayout commits and ends the session.
func (w *Worker) leaveLayout(ctx context.Context) error {
	w.send(ctx, w.set.Outputs())
	if w.set.Pending() {
		if err := w.commit(ctx); err != nil {
			return err
		}
	}
	return errTopicsChanged
}
