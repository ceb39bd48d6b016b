package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
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

// Group is an application's group, for those who ask where its tasks are.
type Group struct {
	kafka *cluster.Cluster
	mu    struct {
		sync.Mutex // held while brokers are asked: who comes meanwhile has the same answer
		all        []Member
		at         time.Time
	}
}

// NewGroup is the group of an application on a cluster.
func NewGroup(c *cluster.Cluster) *Group { return &Group{kafka: c} }

const (
	membersFresh = time.Second // for so long an answer is good
	membersKnown = time.Minute // and for so long while the group rebalances, or no broker answers
)

// Members are the members of the group, as the brokers told within the last second. While the group rebalances they are
// those from before.
func (g *Group) Members(ctx context.Context) ([]Member, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.all != nil && time.Since(g.mu.at) < membersFresh {
		return g.mu.all, nil
	}
	all, err := g.ask(ctx)
	switch {
	case err == nil:
		g.mu.all, g.mu.at = all, time.Now()
	case g.mu.all != nil && time.Since(g.mu.at) < membersKnown && ctx.Err() == nil:
		return g.mu.all, nil
	}
	return all, err
}

func (g *Group) ask(ctx context.Context) (all []Member, err error) {
	group, err := g.kafka.Group(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range group.Members {
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
func (g *Group) TasksOf(sub int) (n int32, inputs []string) { return g.kafka.TasksOf(sub) }
