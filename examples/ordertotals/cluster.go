package main

import (
	"context"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
)

// cluster is the Kafka that the job runs on.
type cluster struct {
	*demo.Cluster
	brokers []string
}

// open connects to the cluster of the command line, or starts one within the process, and creates the topics that are
// missing.
func open(ctx context.Context, o options) (*cluster, error) {
	c, err := demo.Open(o.brokers)
	if err != nil {
		return nil, err
	}
	if err := c.CreateTopics(ctx, o.partitions, Orders.Name(), PerMinute.Name(), PerProduct.Name()); err != nil {
		c.Close()
		return nil, err
	}
	return &cluster{Cluster: c, brokers: c.Brokers}, nil
}

func (c *cluster) close() { c.Close() }

// waitCaughtUp returns when the lag of the whole group, repartition topic included, has been zero for a while.
func (c *cluster) waitCaughtUp(ctx context.Context, while time.Duration) error {
	return c.WaitCaughtUp(ctx, app, []string{Orders.Name(), app + "-by-product-repartition"}, while)
}
