package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// WhyNoRecords says why what a partition has is not read.
func (c *Cluster) WhyNoRecords(ctx context.Context, topic string, partition int32) string {
	one := Partitions{topic: {partition}}
	stable, err := c.StableEnds(ctx, one).Lookup(topic, partition)
	if err != nil {
		return err.Error() // without a leader, for example
	}
	end, err := c.Ends(ctx, one).Lookup(topic, partition)
	switch {
	case err != nil:
		return err.Error()
	case stable < end:
		return fmt.Sprintf("the records from offset %d on, up to %d, are behind an open transaction%s", stable, end,
			c.openTransactions(ctx, topic, partition))
	}
	return fmt.Sprintf("the brokers do not send what is there up to offset %d", end)
}

// openTransactions says whose transactions are open in a partition, as far as the brokers tell.
func (c *Cluster) openTransactions(ctx context.Context, topic string, partition int32) string {
	set := kadm.TopicsSet{}
	set.Add(topic, partition)
	described, err := c.admin.DescribeProducers(ctx, set)
	if err != nil {
		return ": " + err.Error()
	}
	var open []string
	for id, p := range described[topic].Partitions[partition].ActiveProducers {
		if p.CurrentTxnStartOffset < 0 {
			continue
		}
		open = append(open, fmt.Sprintf(" of %s (producer id %d, from offset %d on, last record at %s)",
			c.transactionOf(ctx, id), id, p.CurrentTxnStartOffset, time.UnixMilli(p.LastTimestamp).UTC().Format(time.RFC3339)))
	}
	slices.Sort(open)
	return strings.Join(open, ",")
}

// transactionOf is the transactional id of a producer.
func (c *Cluster) transactionOf(ctx context.Context, producer int64) string {
	listed, _ := c.admin.ListTransactions(ctx, []int64{producer}, nil) // without an answer it stays unknown
	for id, t := range listed {
		if t.ProducerID == producer {
			return fmt.Sprintf("transactional id %q", id)
		}
	}
	return "an unknown transactional id"
}

// WhyNoProgress says which partitions have no leader and which brokers do not answer, of those that matter.
func (c *Cluster) WhyNoProgress(ctx context.Context) string {
	names := c.names.Load()
	if names == nil || len(*names) == 0 {
		return c.unanswered(ctx, nil)
	}
	found, err := c.admin.Metadata(ctx, *names...)
	if err != nil {
		return "no broker answers: " + err.Error()
	}
	return c.unanswered(ctx, found.Brokers) + leaderless(found.Topics)
}

// WhyNoCommit says where a transaction stands, which brokers do not answer, and which partitions have no leader.
func (c *Cluster) WhyNoCommit(ctx context.Context, id string) string {
	return c.standing(ctx, id) + "; " + c.WhyNoProgress(ctx)
}

// standing is what the coordinator of a transaction tells. One that is being ended lacks markers in its partitions.
func (c *Cluster) standing(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	described, err := c.admin.DescribeTransactions(ctx, id)
	t := described[id]
	if err = cmp.Or(err, t.Err); err != nil {
		return fmt.Sprintf("the coordinator of transaction %q: %v", id, err)
	}
	text := fmt.Sprintf("transaction %q is in state %s at broker %d", id, t.State, t.Coordinator)
	var open []string
	for topic, partitions := range t.Topics {
		for p := range partitions {
			open = append(open, fmt.Sprintf("%s/%d", topic, p))
		}
	}
	if len(open) > 0 {
		slices.Sort(open)
		text += ", open in " + strings.Join(open, ", ")
	}
	return text
}

// askedFor is how long brokers have to answer what is only to be told.
const askedFor = 2 * time.Second

// leaderless names the partitions without a leader; empty if there are none.
func leaderless(topics kadm.TopicDetails) string {
	var names []string
	topics.EachPartition(func(p kadm.PartitionDetail) {
		if p.Leader < 0 || p.Err != nil {
			names = append(names, fmt.Sprintf("%s/%d", p.Topic, p.Partition))
		}
	})
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; partitions without a leader: " + strings.Join(names, ", ")
}

// unanswered asks each broker.
func (c *Cluster) unanswered(ctx context.Context, brokers kadm.BrokerDetails) string {
	ctx, cancel := context.WithTimeout(ctx, askedFor)
	defer cancel()
	var silent []string
	for _, b := range brokers {
		if _, err := c.client.Broker(int(b.NodeID)).Request(ctx, kmsg.NewPtrApiVersionsRequest()); err != nil {
			silent = append(silent, fmt.Sprintf("broker %d at %s:%d (%v)", b.NodeID, b.Host, b.Port, err))
		}
	}
	if len(silent) == 0 {
		return "the brokers answer"
	}
	slices.Sort(silent)
	return "brokers that do not answer: " + strings.Join(silent, ", ")
}

// WhyNoTasks says what the group is doing.
func (c *Cluster) WhyNoTasks(ctx context.Context) string {
	described, err := c.admin.DescribeGroups(ctx, c.setup.Topology.App())
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return "group coordinator: " + err.Error() + "; " + c.WhyNoProgress(ctx)
	}
	g := described[c.setup.Topology.App()]
	return fmt.Sprintf("the group is in state %q with %d members, its coordinator is broker %d; %s",
		g.State, len(g.Members), g.Coordinator.NodeID, c.WhyNoProgress(ctx))
}
