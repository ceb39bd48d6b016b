package worker

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// coverageInterval is how often each worker looks whether every input partition has an owner.
const coverageInterval = time.Second

// checkCoverage asks for a rebalance if partitions have no owner. That happens with static members: one that dies, or
// loses its brokers, after it has given partitions up in a cooperative rebalance and before it joins again, gets its
// old assignment back without them, and nobody else is told to take them.
func (w *Worker) checkCoverage() {
	if time.Since(w.coveredAt) < coverageInterval || !w.checking.CompareAndSwap(false, true) {
		return
	}
	w.coveredAt = time.Now()
	client, events, log := w.client, w.events, w.config.Logger
	cluster, group := w.config.Cluster, w.config.Topology.App
	// Started by the loop, one at a time, owns nothing, ends with its request or with the cluster's client.
	go func() {
		defer w.checking.Store(false)
		orphans, err := cluster.orphans(cluster.client.Context(), group)
		if err != nil || len(orphans) == 0 {
			return // a group that is rebalancing, or a broker that is away: the next look will tell
		}
		events.post(func(context.Context) error {
			log.Warn("partitions have no owner: asking for a rebalance", "partitions", orphans)
			client.ForceRebalance()
			return nil
		})
	}()
}

// orphans are the input partitions without an owner, in a group that is stable.
func (c *Cluster) orphans(ctx context.Context, group string) ([]string, error) {
	described, err := c.admin.DescribeGroups(ctx, group)
	if err != nil {
		return nil, err
	}
	g := described[group]
	if g.Err != nil || g.State != "Stable" {
		return nil, g.Err
	}
	owned := g.AssignedPartitions()
	var orphans []string
	for topic, n := range c.Partitions.Topics {
		for p := range n {
			if _, ok := owned[topic][p]; !ok {
				orphans = append(orphans, fmt.Sprintf("%s/%d", topic, p))
			}
		}
	}
	slices.Sort(orphans)
	return orphans, nil
}
