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

// looks holds the answers to requests for metadata.
type looks struct {
	cluster *kfake.Cluster
	asked   chan struct{}
}

// hold holds the next one until release is called.
func (l *looks) hold() (release func()) {
	held := make(chan struct{})
	l.cluster.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		l.asked <- struct{}{}
		l.cluster.SleepControl(func() { <-held })
		return nil, nil, false
	})
	return sync.OnceFunc(func() { close(held) })
}

// TestTheFirstCommitWithATopicWaits until the client's look at the topic is over: franz-go took a transaction whose only
// record had been acknowledged before for an empty one, aborted it and returned no error, once in some 60,000 times on
// a busy machine.
func TestTheFirstCommitWithATopicWaits(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "results"))
	require.NoError(t, err)
	defer c.Close()
	l := &looks{c, make(chan struct{}, 1)}
	committing := cluster.NewCommitting()
	client, err := kgo.NewClient(append(cluster.Tuning(), kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("id"),
		kgo.RecordPartitioner(committing))...)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.BeginTransaction())
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "results", Partition: -1}).FirstErr())
	release := l.hold()
	defer release()
	client.ForceMetadataRefresh()
	<-l.asked
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
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "results"))
	require.NoError(t, err)
	defer c.Close()
	l := &looks{c, make(chan struct{}, 1)}
	committing := cluster.NewCommitting()
	client, err := kgo.NewClient(append(cluster.Tuning(), kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("id"),
		kgo.RecordPartitioner(committing))...)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.BeginTransaction())
	require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: "results", Partition: -1}).FirstErr())
	release := l.hold()
	defer release()
	client.ForceMetadataRefresh()
	<-l.asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		require.ErrorIs(t, committing.Commit(ctx, client), context.Canceled)
	}
	release()
	require.NoError(t, committing.Commit(t.Context(), client))
}
