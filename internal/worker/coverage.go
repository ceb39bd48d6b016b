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
	cluster, group, inputs := w.config.Cluster, w.config.Topology.App, w.layout.Partitions.Topics
	// Started by the loop, one at a time, owns nothing, ends with its request or with the cluster's client.
	go func() {
		defer w.checking.Store(false)
		orphans, err := cluster.orphans(cluster.client.Context(), group, inputs)
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

// orphans are the partitions without an owner, in a group that is stable. inputs are topics with their numbers of
// partitions.
func (c *Cluster) orphans(ctx context.Context, group string, inputs map[string]int32) ([]string, error) {
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
	for topic, n := range inputs {
		for p := range n {
			if _, ok := owned[topic][p]; !ok {
				orphans = append(orphans, fmt.Sprintf("%s/%d", topic, p))
			}
		}
	}
	slices.Sort(orphans)
	return orphans, nil
}
