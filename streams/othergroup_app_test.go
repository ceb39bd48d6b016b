package streams_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestMembersOfAnotherKindAreWaitedFor: as those of Kafka Streams, which stay in the group behind a stop.
func TestMembersOfAnotherKindAreWaitedFor(t *testing.T) {
	r := newCountRig(t)
	r.send(20)
	other, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumerGroup("app"),
		kgo.ConsumeTopics("per-key"), kgo.Balancers(kgo.RoundRobinBalancer()))
	require.NoError(t, err)
	defer other.Close()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		other.PollFetches(ctx)
		member, _ := other.GroupMetadata()
		return member != ""
	}, 20*time.Second, time.Millisecond)

	_, stop := r.start(countWords, r.config(t.TempDir()))
	require.Eventually(t, func() bool {
		return strings.Contains(r.log.String(), "the group has members of another kind: the worker waits")
	}, 20*time.Second, time.Millisecond, "log:\n%s", r.log)
	other.Close()
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}
