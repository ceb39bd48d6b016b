package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is the Kafka that the job runs on.
type cluster struct {
	brokers []string
	client  *kgo.Client
	admin   *kadm.Client
	fake    *kfake.Cluster // nil: a real one
}

// open connects to the cluster of the command line, or starts one within the process, and creates the topics that are
// missing.
func open(ctx context.Context, o options) (*cluster, error) {
	c := &cluster{}
	if o.brokers != "" {
		c.brokers = addresses(o.brokers)
	} else {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return nil, fmt.Errorf("broker within the process: %w", err)
		}
		c.fake, c.brokers = fake, fake.ListenAddrs()
	}
	var err error
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...)); err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(c.client)
	for _, topic := range []string{Orders.Name(), PerMinute.Name(), PerProduct.Name()} {
		// Event time decides about windows, not about how long the brokers keep the example's records.
		keep := "-1"
		_, err := c.admin.CreateTopic(ctx, int32(o.partitions), -1, map[string]*string{"retention.ms": &keep}, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			c.close()
			return nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return c, nil
}

func (c *cluster) close() {
	c.client.Close()
	if c.fake != nil {
		c.fake.Close()
	}
}

// waitCaughtUp returns when the lag of the whole group, repartition topic included, has been zero for a while.
func (c *cluster) waitCaughtUp(ctx context.Context, while time.Duration) error {
	ticker := time.NewTicker(min(while/3+time.Millisecond, 100*time.Millisecond))
	defer ticker.Stop()
	since := time.Now()
	for {
		caughtUp, err := c.caughtUp(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !caughtUp {
			since = time.Now()
		}
		if time.Since(since) >= while {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (c *cluster) caughtUp(ctx context.Context) (bool, error) {
	topics := []string{Orders.Name(), app + "-by-product-repartition"}
	ends, err := c.admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return false, err
	}
	committed, err := c.admin.FetchOffsets(ctx, app)
	if err != nil {
		return false, err
	}
	caughtUp := true
	ends.Each(func(end kadm.ListedOffset) {
		at, ok := committed.Lookup(end.Topic, end.Partition)
		caughtUp = caughtUp && (end.Offset == 0 || ok && at.At >= end.Offset)
	})
	return caughtUp, nil
}

// readAll reads everything that is committed in a topic now, partition by partition in the order of offsets.
func (c *cluster) readAll(ctx context.Context, topic string) (map[int32][]*kgo.Record, error) {
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			from[end.Partition], left[end.Partition] = kgo.NewOffset().AtStart(), end.Offset
		}
	})
	if len(left) == 0 {
		return nil, nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records := map[int32][]*kgo.Record{}
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records[r.Partition] = append(records[r.Partition], r)
			}
			if end, ok := left[r.Partition]; ok && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return records, nil
}
