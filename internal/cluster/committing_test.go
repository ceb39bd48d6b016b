package cluster_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
)

// produced is a client with a transaction, the one record of which is acknowledged. It looks at its topics, and gets the
// answer when release is called.
func produced(t *testing.T) (client *kgo.Client, committing *cluster.Committing, release func()) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "results"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	committing = cluster.NewCommitting()
	client, err = kgo.NewClient(append(cluster.Tuning(), kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("id"),
		kgo.RecordPartitioner(committing))...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.BeginTransaction())
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "results", Partition: -1}).FirstErr())
	asked, held := make(chan struct{}, 1), make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked <- struct{}{}
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	client.ForceMetadataRefresh()
	<-asked
	return client, committing, release
}

// TestTheFirstCommitWithATopicWaits until the client's look at the topic is over: franz-go took a transaction whose only
// record had been acknowledged before for an empty one, aborted it and returned no error, once in some 60,000 times on
// a busy machine.
func TestTheFirstCommitWithATopicWaits(t *testing.T) {
	client, committing, release := produced(t)
	ended := make(chan error, 1)
	// Ends with the commit.
	go func() { ended <- committing.Commit(t.Context(), client) }()
	select {
	case err := <-ended:
		require.FailNow(t, "committed before the look was over", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	release()
	require.NoError(t, <-ended)
}

// TestACommitThatMayNotWait ends with its context, and the one that comes next waits instead.
func TestACommitThatMayNotWait(t *testing.T) {
	client, committing, release := produced(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		require.ErrorIs(t, committing.Commit(ctx, client), context.Canceled)
	}
	release()
	require.NoError(t, committing.Commit(t.Context(), client))
}
