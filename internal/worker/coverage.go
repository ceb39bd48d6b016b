package worker

import (
	"context"
	"time"
)

// coverage is when a session looks whether every input partition has an owner. A member looks until it has found that
// once, and the leader of the group goes on, at longer and longer intervals.
type coverage struct {
	next  time.Time
	wait  time.Duration // between looks
	clean bool          // the last look found an owner for each partition
}

const (
	firstLook = time.Second
	lastLook  = time.Minute // between looks, at most
)

func newCoverage() coverage { return coverage{next: time.Now().Add(firstLook), wait: firstLook} }

// rebalanced has the leader look soon. While partitions are without an owner, rebalances are its own doing.
func (c *coverage) rebalanced() {
	if c.clean {
		c.next, c.wait = time.Now().Add(firstLook), firstLook
	}
}

// later puts the next look off, by a longer time than before.
func (c *coverage) later(times int) {
	c.wait = min(time.Duration(times)*c.wait, lastLook)
	c.next = time.Now().Add(c.wait)
}

// checkCoverage asks for a rebalance if partitions have no owner that could have one. That happens with static members:
// one that dies, or loses its brokers, after it has given partitions up in a cooperative rebalance and before it joins
// again, gets its old assignment back without them, and nobody else is told to take them. One that comes back with a
// new version of the application, that reads more topics, gets its old assignment, too.
func (w *Worker) checkCoverage() {
	if time.Now().Before(w.cover.next) || w.cover.clean && !w.balancer.leads.Load() ||
		!w.checking.CompareAndSwap(false, true) {
		return
	}
	w.cover.later(1)
	events, own := w.events, partsOf(w.config.Topology)
	kafka, inputs := w.config.Cluster, w.layout.Partitions.Topics
	// Started by the loop, one at a time, owns nothing, ends with its request or with the cluster's client.
	go func() {
		defer w.checking.Store(false)
		orphans, err := orphans(kafka.Context(), kafka, inputs, own)
		events.post(func(context.Context) error { return w.covered(orphans, err) })
	}()
}

// covered is what a look found.
func (w *Worker) covered(orphans []string, err error) error {
	w.cover.clean = err == nil && len(orphans) == 0
	if err != nil || w.cover.clean {
		w.cover.later(2) // a group that is rebalancing, or a broker that is away: the next look will tell
		return nil
	}
	w.cover.later(4)
	w.config.Logger.Warn("partitions have no owner: asking for a rebalance", "partitions", orphans)
	w.client.ForceRebalance()
	return nil
}
