package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestWhyNoRecords names what holds records back.
func TestWhyNoRecords(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c, ctx := connectTo(t, fake), context.Background()
	other, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.TransactionalID("stranger"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(other.Close)
	require.NoError(t, other.BeginTransaction())
	require.NoError(t, other.ProduceSync(ctx, &kgo.Record{Topic: "in", Value: []byte("x")}).FirstErr())
	why := c.WhyNoRecords(ctx, "in", 0)
	require.Contains(t, why, "behind an open transaction of transactional id \"stranger\"")
	require.NotContains(t, c.WhyNoRecords(ctx, "in", 1), "transaction")
	require.Equal(t, "the brokers answer", c.WhyNoProgress(ctx))
	require.Equal(t, `transaction "stranger" is in state Ongoing at broker 0, open in in/0; the brokers answer`,
		c.WhyNoCommit(ctx, "stranger"))
	require.Contains(t, c.WhyNoCommit(ctx, "nobody"), `the coordinator of transaction "nobody": `)

	fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets}, Topic: "in", Partitions: []int32{1},
		Err: kerr.LeaderNotAvailable, Count: -1,
	})
	require.Eventually(t, func() bool { // the client remembers metadata for a moment
		return strings.Contains(c.WhyNoRecords(ctx, "in", 1), "in/1: "+kerr.LeaderNotAvailable.Message) &&
			strings.Contains(c.WhyNoProgress(ctx), "partitions without a leader: in/1")
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, c.WhyNoTasks(ctx), "group")
}
