package worker

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/task"
)

// TestAWaitIsToldWithItsCause when it has lasted, ever more rarely, until it is over.
func TestAWaitIsToldWithItsCause(t *testing.T) {
	var log bytes.Buffer
	w := newWaits(slog.New(slog.NewTextHandler(&log, nil)))
	began := time.Now()
	w.because("task 0_1", "first")
	w.because("task 0_1", "second")
	w.because("another", "short")
	w.end("another")
	var told []int
	for at := range 100 {
		before := log.Len()
		if w.tell(context.Background(), began.Add(time.Duration(at)*time.Second)); log.Len() > before {
			told = append(told, at)
		}
	}
	require.Equal(t, []int{11, 21, 41, 81}, told)
	require.Contains(t, log.String(), `for="task 0_1"`)
	require.Contains(t, log.String(), "cause=second")
	require.NotContains(t, log.String(), "another")
	w.end("task 0_1")
	require.Contains(t, log.String(), "the wait is over")
	w.endAll()
}

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
	why := c.whyNoRecords(ctx, "in", 0)
	require.Contains(t, why, "behind an open transaction of transactional id \"stranger\"")
	require.NotContains(t, c.whyNoRecords(ctx, "in", 1), "transaction")
	require.Equal(t, "the brokers answer", c.whyNoProgress(ctx))

	fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets}, Topic: "in", Partitions: []int32{1},
		Err: kerr.LeaderNotAvailable, Count: -1,
	})
	require.Eventually(t, func() bool { // the client remembers metadata for a moment
		return strings.Contains(c.whyNoRecords(ctx, "in", 1), "in/1: "+kerr.LeaderNotAvailable.Message) &&
			strings.Contains(c.whyNoProgress(ctx), "partitions without a leader: in/1")
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, c.whyNoTasks(ctx), "group")
}

// TestABriefWait is told as others are, and costs nothing.
func TestABriefWait(t *testing.T) {
	var log bytes.Buffer
	w := newWaits(slog.New(slog.NewTextHandler(&log, nil)))
	b := w.often("a step", func(context.Context) string { return "it is long" })
	require.Zero(t, testing.AllocsPerRun(100, func() { b.begin(); b.end() }))
	w.tell(context.Background(), time.Now().Add(time.Hour))
	require.Empty(t, log.String(), "it is over")
	for range 2 {
		log.Reset()
		b.begin()
		began := time.Now()
		var told []int
		for at := range 50 {
			before := log.Len()
			if w.tell(context.Background(), began.Add(time.Duration(at)*time.Second)); log.Len() > before {
				told = append(told, at)
			}
		}
		require.Equal(t, []int{10, 20, 40}, told)
		require.Contains(t, log.String(), `cause="it is long"`)
		require.NotContains(t, log.String(), "the wait is over")
		b.end()
		b.end()
		require.Equal(t, 1, strings.Count(log.String(), "the wait is over"))
	}
}

// TestWaitsEndWithWhatIsWaitedFor, also where that was given up, or went to another worker.
func TestWaitsEndWithWhatIsWaitedFor(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	w := New(Config{Logger: slog.New(slog.DiscardHandler), Report: func(Event) {}, TopicRefresh: time.Hour})
	for name, end := range map[string]func(){
		"an input without a leader that is revoked": func() {
			w.assigned = offsets{"in": {0: {}}}
			w.leaderless(partitions{"in": {0}})
			require.NotEmpty(t, w.waits.mu.open)
			w.assigned.remove(map[string][]int32{"in": {0}})
			w.leaderless(partitions{"in": {0}})
		},
		"a restore that is stopped": func() {
			p := &replay{changelog: &task.Changelog{Topic: "log"}, of: &restoring{}, waits: true}
			r := &restore{worker: w, logs: map[string]map[int32]*replay{"log": {0: p}}}
			w.waits.because(p.wait(), "none come")
			require.NoError(t, r.run(over))
		},
		"global tables that are given up": func() {
			client, err := kgo.NewClient()
			require.NoError(t, err)
			defer client.Close()
			g := &globals{worker: w, client: client, ends: map[string]map[int32]int64{"all": {0: 1}}}
			w.waits.because(waitFor("all", 0), "none come")
			require.ErrorIs(t, g.catchUp(over), context.Canceled)
		},
		"a pattern without a topic": func() {
			w.waits.because(forGroup, "it has none")
			require.NoError(t, w.awaitTopics(over))
		},
	} {
		end()
		require.Empty(t, w.waits.mu.open, name)
	}
}
