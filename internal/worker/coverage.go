package worker

import (
	"context"
	"time"
)

// coverage is when a session looks whether every input partition has an owner. A member looks until it has found that
// once, and the leader of the group goes on, at longer and longer intervals.
type coverage struct {
	asked inquiry
	next  time.Time
	wait  time.Duration // between looks
	clean bool          // the last look found an owner for each partition
}

const (
	firstCheck = time.Second
	lastCheck  = time.Minute // between looks, at most
)

func newCoverage() coverage { return coverage{next: time.Now().Add(firstCheck), wait: firstCheck} }

// rebalanced has the leader look soon. While partitions are without an owner, rebalances are its own doing.
func (c *coverage) rebalanced() {
	if c.clean {
		c.next, c.wait = time.Now().Add(firstCheck), firstCheck
	}
}

// later puts the next look off, by a longer time than before.
func (c *coverage) later(times int) {
	c.wait = min(time.Duration(times)*c.wait, lastCheck)
	c.next = time.Now().Add(c.wait)
}

// checkCoverage asks for a rebalance if partitions have no owner that could have one. That happens with static members:
// one that dies, or loses its brokers, after it has given partitions up in a cooperative rebalance and before it joins
// again, gets its old assignment back without them, and nobody else is told to take them. One that comes back with a
// new version of the application, that reads more topics, gets its old assignment, too.
func (s *session) checkCoverage() {
	if time.Now().Before(s.cover.next) || s.cover.clean && !s.balancer.leads.Load() || !s.cover.asked.due(0) {
		return
	}
	s.cover.later(1)
	kafka, inputs, own := s.config.Cluster, s.layout.Partitions.Topics, partsOf(s.config.Topology)
	s.ask(&s.cover.asked, func(ctx context.Context) func(context.Context) error {
		orphans, err := orphans(ctx, kafka, inputs, own)
		return func(context.Context) error { return s.noteCoverage(orphans, err) }
	})
}

// noteCoverage is what a look found.
func (s *session) noteCoverage(orphans []string, err error) error {
	s.cover.clean = err == nil && len(orphans) == 0
	if err != nil || s.cover.clean {
		s.cover.later(2) // a group that is rebalancing, or a broker that is away: the next look will tell
		return nil
	}
	s.cover.later(4)
	s.config.Logger.Warn("partitions have no owner: asking for a rebalance", "partitions", orphans)
	s.client.ForceRebalance()
	return nil
}
