package worker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// TestACommitWaitsForACoordinatorThatMoves and is silent, longer than a worker that was fenced asks by whom: else all
// that was done since the last commit would be done again. The group's answer counts when it comes.
func TestACommitWaitsForACoordinatorThatMoves(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	g := graph.NewGraph()
	graph.AddSource[string, string](g, &graph.Topic{Name: "in"}, serde.String, serde.String, nil)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	known, err := cluster.Connect(context.Background(), cluster.Setup{
		Topology: topo, ReplicationFactor: -1, Wait: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	}, []kgo.Opt{kgo.SeedBrokers(fake.ListenAddrs()...)})
	require.NoError(t, err)
	t.Cleanup(known.Close)
	m := membership{kafka: known, group: "app", identity: "one", joining: &joining{}}
	m.client, err = kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.ConsumerGroup("app"), kgo.InstanceID("one"),
		kgo.ConsumeTopics("in"), kgo.HeartbeatInterval(40*time.Second))
	require.NoError(t, err)
	t.Cleanup(m.client.Close)
	require.Eventually(t, func() bool { m.id, _ = m.client.GroupMetadata(); return m.id != "" },
		time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return m.heartbeat(context.Background()) == nil }, time.Minute, time.Millisecond)

	var code atomic.Int32
	fake.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		fake.SleepControl(func() { time.Sleep(heartbeatTimeout * 5 / 4) })
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = int16(code.Load())
		return resp, nil, true
	})
	require.NoError(t, m.confirm(context.Background()))
	code.Store(int32(kerr.UnknownMemberID.Code))
	require.ErrorIs(t, m.confirm(context.Background()), kerr.UnknownMemberID)
}
