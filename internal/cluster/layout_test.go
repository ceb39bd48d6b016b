package cluster

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// connectTo is what an application that reads a topic "in" knows of a cluster.
func connectTo(t *testing.T, fake *kfake.Cluster) *Cluster {
	g := graph.NewGraph()
	graph.AddSource[string, string](g, &graph.Topic{Name: "in", Site: "test:1"}, serde.String, serde.String, nil)
	topo, err := graph.Compile(g, "app")
	require.NoError(t, err)
	c, err := Connect(context.Background(), Setup{
		Topology: topo, ReplicationFactor: -1, Wait: 10 * time.Second, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, []kgo.Opt{kgo.SeedBrokers(fake.ListenAddrs()...)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestLayoutOfATopicThatWasCreatedAnew is refused: offsets of the old one mean nothing there.
func TestLayoutOfATopicThatWasCreatedAnew(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c, ctx := connectTo(t, fake), context.Background()
	_, err = c.Layout(ctx)
	require.NoError(t, err)
	require.NoError(t, fake.DeleteTopic("in"))
	require.NoError(t, fake.CreateTopic("in", 2, nil))
	var deleted *DeletedSourceError
	require.Eventually(t, func() bool { // the client remembers metadata for a moment
		_, err = c.Layout(ctx)
		return errors.As(err, &deleted)
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, &DeletedSourceError{Topic: "in", Anew: true}, deleted)
}

// TestAChangelogThatAnotherProcessHasJustCreated is not lost, although the broker that was asked did not show it yet,
// and the other process has committed.
func TestAChangelogThatAnotherProcessHasJustCreated(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in", "app-new-changelog"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c, ctx := connectTo(t, fake), context.Background()
	var committed kadm.Offsets
	committed.AddOffset("in", 0, 5, -1)
	require.NoError(t, c.admin.CommitAllOffsets(ctx, "app", committed))
	changelog := internalTopic{name: "app-new-changelog", partitions: 2, changelog: true, inputs: []string{"in"}}
	require.NoError(t, c.refuseLostState(ctx, c.setup, changelog))
	changelog.name = "app-lost-changelog"
	var wrong *InternalTopicError
	require.ErrorAs(t, c.refuseLostState(ctx, c.setup, changelog), &wrong)
}

// TestAStopDoesNotWaitForALook at the topics that is under way and gets no answer.
func TestAStopDoesNotWaitForALook(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c := connectTo(t, fake)
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		once.Do(func() { close(asked) })
		fake.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for { // the client remembers metadata for a moment
			_, _, _ = c.Verify(c.client.Context(), 0)
			select {
			case <-asked:
				return
			default:
			}
		}
	}()
	<-asked
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, err = c.Layout(ctx)
	require.ErrorIs(t, err, context.Canceled)
	close(answer)
	<-ended
}

// TestOutputsThatOneBrokerDoesNotShow are there, when a pattern matches other topics, too.
func TestOutputsThatOneBrokerDoesNotShow(t *testing.T) {
	looks := 0
	missing := func(times int) func() error {
		looks = 0
		return func() error {
			if looks++; looks <= times {
				return &MissingSinkError{Topics: []string{"out"}}
			}
			return nil
		}
	}
	require.NoError(t, untilThere(context.Background(), missing(2)))
	require.Equal(t, 3, looks)
	var gone *MissingSinkError
	require.ErrorAs(t, untilThere(context.Background(), missing(1_000)), &gone)
}

// TestStoppedWorkerDoesNotWaitForALayout: another worker of the process may look for it behind brokers that are silent.
func TestStoppedWorkerDoesNotWaitForALayout(t *testing.T) {
	c := &Cluster{layouts: newGate()}
	require.NoError(t, c.layouts.enter(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Layout(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
