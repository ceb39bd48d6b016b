package streams_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/streams"
)

// What is in the way of one task costs that task, and no other.

// produceAt writes a record to a partition.
func (r *rig) produceAt(topic string, partition int32, key, value string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(r.t, err)
	defer client.Close()
	rec := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value)}
	require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
}

// leaderless takes the leader of a partition away.
func (r *rig) leaderless(topic string, partition int32) *kfake.FaultHandle {
	return r.fake.Fault(kfake.Fault{
		Keys:  []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets, kmsg.Fetch, kmsg.Produce, kmsg.OffsetForLeaderEpoch},
		Topic: topic, Partitions: []int32{partition}, Err: kerr.LeaderNotAvailable, Count: -1,
	})
}

// keep passes words on, and keeps the last one of each key.
func keep(b *streams.Builder) {
	streams.TableFrom(b, words, rows).ToStream().To(out)
}

func TestADirectoryInUseCostsOneTask(t *testing.T) {
	r := newRig(t, "words", "out")
	config := r.config(t.TempDir())
	budget := store.NewBudget(1<<20, 1)
	defer budget.Close()
	held, err := store.OpenPebble(filepath.Join(config.StateDir, "app", "0_0"), store.Options{Budget: budget})
	require.NoError(t, err)
	_, stop := r.start(keep, config)
	r.produceAt("words", 0, "a", "waits")
	r.produceAt("words", 1, "b", "passes")
	r.requireValues("out", "passes")
	require.NoError(t, held.Close())
	r.requireValues("out", "passes", "waits")
	require.NoError(t, stop())
	require.NotContains(t, r.log.String(), "begins again")
	require.LessOrEqual(t, strings.Count(r.log.String(), "a task has to wait"), 1)
}

// TestAWorkerThatStandsStill keeps its task's state from the worker that is given the task next, for as long as it
// stands. Other tasks go on.
func TestAWorkerThatStandsStill(t *testing.T) {
	r := newRig(t, "words", "out")
	config := r.config(t.TempDir())
	config.Workers, config.SessionTimeout, config.TransactionTimeout = 2, 6*time.Second, 6*time.Second
	blocked, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	describe := func(b *streams.Builder) {
		table := streams.TableFrom(b, words, rows).ToStream()
		table.Peek(func(rec record) {
			if rec.Value == "blocks" && once.CompareAndSwap(false, true) {
				close(blocked)
				<-goOn
			}
		}).To(out)
	}
	stop := r.startRunning(describe, config)
	r.produceAt("words", 0, "a", "blocks")
	<-blocked
	still := ""
	require.Eventually(t, func() bool { still = r.owner("words", 0); return still != "" }, time.Minute, 10*time.Millisecond)
	r.fake.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if req.(*kmsg.HeartbeatRequest).MemberID == still {
			resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
			resp.ErrorCode = kerr.CoordinatorNotAvailable.Code // it is not heard
			return resp, nil, true
		}
		return nil, nil, false
	})
	require.Eventually(t, func() bool { return strings.Contains(r.log.String(), "still has the state of 0_0") },
		time.Minute, 10*time.Millisecond)
	r.produceAt("words", 1, "b", "passes")
	r.requireValues("out", "passes")
	close(goOn)
	r.requireValues("out", "passes", "blocks")
	require.NoError(t, stop())
}

// owner is the member of the group that has a partition, empty while it rebalances.
func (r *rig) owner(topic string, partition int32) string {
	described, err := r.admin.DescribeGroups(context.Background(), "app")
	require.NoError(r.t, err)
	if described["app"].State != "Stable" {
		return ""
	}
	for _, m := range described["app"].Members {
		c, ok := m.Assigned.AsConsumer()
		require.True(r.t, ok)
		for _, a := range c.Topics {
			if a.Topic == topic && slices.Contains(a.Partitions, partition) {
				return m.MemberID
			}
		}
	}
	return ""
}

func TestAPartitionWithoutALeaderCostsOneTask(t *testing.T) {
	rekeyed := func(b *streams.Builder) { streams.From(b, words).Repartition(rekey).To(out) }
	for name, c := range map[string]struct {
		topic    string
		describe func(b *streams.Builder)
	}{
		"of an input":            {"words", keep},
		"of a changelog":         {"app-rows-changelog", keep},
		"of a repartition topic": {"app-rekey-repartition", rekeyed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "out")
			config := r.config(t.TempDir())
			stop := r.startRunning(c.describe, config) // internal topics are there, and changelogs have records
			zero, one := r.partitioned(0), r.partitioned(1)
			r.produceAt("words", 0, zero, "1")
			r.produceAt("words", 1, one, "2")
			r.requireValues("out", "1", "2")
			require.NoError(t, stop())
			require.NoError(t, os.RemoveAll(config.StateDir))

			lost := r.leaderless(c.topic, 0)
			_, stop = r.start(c.describe, config)
			r.produceAt("words", 1, one, "3")
			r.requireValues("out", "1", "2", "3")
			lost.Remove()
			r.produceAt("words", 0, zero, "4")
			r.requireValues("out", "1", "2", "3", "4")
			require.NoError(t, stop())
			require.NotContains(t, r.log.String(), "begins again")
		})
	}
}

// partitioned is a key whose records go to a partition of two.
func (r *rig) partitioned(partition int) string {
	for _, key := range strings.Split("abcdefgh", "") {
		if kgo.StickyKeyPartitioner(nil).ForTopic("x").Partition(&kgo.Record{Key: []byte(key)}, 2) == partition {
			return key
		}
	}
	require.Fail(r.t, "no key")
	return ""
}

// TestALatestStartWithoutALeader is chosen when the partition has one again.
func TestALatestStartWithoutALeader(t *testing.T) {
	r := newRig(t, "in", "out")
	r.produceAt("in", 0, "a", "old")
	lost := r.leaderless("in", 0)
	app, stop := r.start(func(b *streams.Builder) { streams.From(b, in.FromLatest()).To(out) }, r.config(t.TempDir()))
	require.Eventually(t, func() bool {
		r.produceAt("in", 1, "b", "other")
		end, err := r.admin.ListEndOffsets(context.Background(), "out")
		at, _ := end.Lookup("out", int32(r.partitionOf("b")))
		return err == nil && at.Offset > 0
	}, time.Minute, time.Millisecond)
	lost.Remove()
	require.Eventually(t, func() bool { return app.State() == streams.Running }, time.Minute, time.Millisecond)
	r.produceAt("in", 0, "a", "new")
	var got []string
	require.Eventually(t, func() bool {
		got = got[:0]
		for _, rec := range r.read("out", 2) {
			if string(rec.Key) == "a" {
				got = append(got, string(rec.Value))
			}
		}
		return len(got) > 0
	}, time.Minute, time.Millisecond)
	require.Equal(t, []string{"new"}, got)
	require.NoError(t, stop())
}

func (r *rig) partitionOf(key string) int {
	return kgo.StickyKeyPartitioner(nil).ForTopic("x").Partition(&kgo.Record{Key: []byte(key)}, 2)
}

// TestAnInputThatIsEmptiedMeanwhile does not hold up its task: what is deleted will not come.
func TestAnInputThatIsEmptiedMeanwhile(t *testing.T) {
	r := newRig(t, "in", "other", "out")
	for range 10 {
		r.produceAt("other", 0, "a", "deleted")
	}
	slow := r.fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: "other", Err: kerr.NotLeaderForPartition, Count: -1,
	})
	stop := r.startRunning(func(b *streams.Builder) { streams.From(b, in).Merge(streams.From(b, other)).To(out) }, r.config(t.TempDir()))
	r.produceAt("in", 0, "a", "1")
	require.NoError(t, r.fake.DeleteRecords("other", 0, -1))
	slow.Remove()
	r.requireValues("out", "1")
	r.produceAt("other", 0, "a", "2")
	r.requireValues("out", "1", "2")
	require.NoError(t, stop())
	r.requireLog("records were deleted before they were read")
}

// stalls has an application's state tell when it is stalled, and when it runs again.
func stalls(config *streams.Config) (stalled, running chan struct{}) {
	config.StallTimeout = 200 * time.Millisecond
	stalled, running = make(chan struct{}), make(chan struct{})
	var was bool // events come one at a time
	var once, goesOn sync.Once
	config.Events.StateChanged = func(_, is streams.State) {
		switch {
		case is == streams.Stalled:
			was = true
			once.Do(func() { close(stalled) })
		case was && is == streams.Running: // at once, or by way of a restore
			goesOn.Do(func() { close(running) })
		}
	}
	return stalled, running
}

// holdEnd holds the next end of a transaction back, until the channel is closed.
func (r *rig) holdEnd() chan struct{} {
	hold := make(chan struct{})
	r.fake.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.SleepControl(func() { <-hold })
		return nil, nil, false
	})
	return hold
}

// TestAnApplicationThatDoesNotCommit although it should is stalled, until it does.
func TestAnApplicationThatDoesNotCommit(t *testing.T) {
	r := newRig(t, "words", "out")
	config := r.config(t.TempDir())
	stalled, running := stalls(&config)
	hold := r.holdEnd()
	_, stop := r.start(keep, config)
	r.produceAt("words", 0, "a", "1")
	<-stalled
	close(hold)
	<-running
	r.requireValues("out", "1")
	require.NoError(t, stop())
	r.requireLog("no commit, although there is something to commit")
}

// TestAnApplicationWhoseCommitsFail is stalled, although each session begins with nothing to commit.
func TestAnApplicationWhoseCommitsFail(t *testing.T) {
	r := newRig(t, "words", "out")
	config := r.config(t.TempDir())
	stalled, running := stalls(&config)
	refused := r.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.InvalidTxnState, Count: -1})
	_, stop := r.start(keep, config)
	r.produceAt("words", 0, "a", "1")
	<-stalled
	refused.Remove()
	<-running
	r.requireValues("out", "1")
	require.NoError(t, stop())
}

// TestAStallIsOverWithoutTasks: what a process could not commit is another one's by now, and it has nothing to do.
func TestAStallIsOverWithoutTasks(t *testing.T) {
	r := newRigOf(t, kfake.SeedTopics(1, "words", "out"),
		kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "100"}))
	config := r.config(t.TempDir())
	config.SessionTimeout, config.TransactionTimeout = time.Second, time.Second
	stalled, running := stalls(&config)
	var mu sync.Mutex
	var cut []net.Conn
	away := false
	config.Kafka = []kgo.Opt{kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return nil, errors.New("away")
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		cut = append(cut, conn)
		return conn, err
	})}
	hold := r.holdEnd()
	_, stop := r.start(keep, config)
	r.produceAt("words", 0, "a", "1")
	<-stalled
	first := r.owner("words", 0)
	mu.Lock()
	away = true
	for _, conn := range cut {
		_ = conn.Close() // it may be closed by now
	}
	mu.Unlock()
	close(hold)
	_, stopOther := r.start(keep, r.config(t.TempDir()))
	require.Eventually(t, func() bool {
		owner := r.owner("words", 0)
		return owner != "" && owner != first
	}, time.Minute, 10*time.Millisecond)
	r.requireValues("out", "1")
	mu.Lock()
	away = false
	mu.Unlock()
	<-running
	require.NoError(t, stop())
	require.NoError(t, stopOther())
}
