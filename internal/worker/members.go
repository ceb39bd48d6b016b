package worker

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Member is a worker of any process, as its group knows it.
type Member struct {
	Process  string
	Endpoint string // Config.Endpoint of its process; empty: it has none, or is of an earlier release
	assigned map[string][]int32
}

// Has is true if the member was given a partition of any of some topics.
func (m Member) Has(topics []string, partition int32) bool {
	return slices.ContainsFunc(topics, func(topic string) bool { return slices.Contains(m.assigned[topic], partition) })
}

// members are those of the group, as last asked for.
type members struct {
	mu struct {
		sync.Mutex // held while brokers are asked: who comes meanwhile has the same answer
		all        []Member
		at         time.Time
	}
}

const (
	membersFresh = time.Second // for so long an answer is good
	membersKnown = time.Minute // and for so long while the group rebalances, or no broker answers
)

// Members are the members of the group, as the brokers told within the last second. While the group rebalances they are
// those from before.
func (c *Cluster) Members(ctx context.Context) ([]Member, error) {
	m := &c.members
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.all != nil && time.Since(m.mu.at) < membersFresh {
		return m.mu.all, nil
	}
	all, err := c.askMembers(ctx)
	switch {
	case err == nil:
		m.mu.all, m.mu.at = all, time.Now()
	case m.mu.all != nil && time.Since(m.mu.at) < membersKnown && ctx.Err() == nil:
		return m.mu.all, nil
	}
	return all, err
}

func (c *Cluster) askMembers(ctx context.Context) (all []Member, err error) {
	g, err := c.describe(ctx, c.setup.Topology.App)
	if err != nil {
		return nil, err
	}
	for _, m := range g.Members {
		meta, ok := m.Join.AsConsumer()
		assigned, given := m.Assigned.AsConsumer()
		if !ok || !given {
			continue
		}
		data, err := decodeUserData(meta.UserData, meta.Topics)
		if err != nil {
			continue // of another version: it tells no endpoint
		}
		member := Member{Process: data.process, Endpoint: data.endpoint, assigned: map[string][]int32{}}
		for _, t := range assigned.Topics {
			member.assigned[t.Topic] = t.Partitions
		}
		all = append(all, member)
	}
	return all, nil
}

// TasksOf is how many tasks a sub-topology has, and which topics they read, as last found; 0: not known.
func (c *Cluster) TasksOf(sub int) (n int32, inputs []string) {
	l := c.layout.Load()
	if l == nil || sub < 0 || sub >= len(l.Partitions.Tasks) {
		return 0, nil
	}
	return l.Partitions.Tasks[sub], l.Topology.Inputs(l.Topology.Subs[sub])
}
