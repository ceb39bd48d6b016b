package streams_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// The application of these tests counts words, by key and behind a repartition topic by value.
var (
	words    = streams.NewTopic("words", serde.String, serde.String)
	perKey   = streams.NewTopic("per-key", serde.String, serde.Int64)
	perWord  = streams.NewTopic("per-word", serde.String, serde.Int64)
	byWord   = streams.NewRepartition("by-word", serde.String, serde.String)
	keyRows  = state.NewKeyValue("per-key", serde.String, serde.Int64)
	wordRows = state.NewKeyValue("per-word", serde.String, serde.Int64)
)

func countWords(b *streams.Builder) {
	s := streams.From(b, words)
	s.GroupByKey().Count(keyRows).ToStream().To(perKey)
	streams.GroupBy(s, func(w string) string { return w }, byWord).Count(wordRows).ToStream().To(perWord)
}

// rig is a broker within the process and an application's surroundings.
type rig struct {
	t     *testing.T
	fake  *kfake.Cluster
	admin *kadm.Client
	log   *syncBuffer
	sent  int
	as    []kgo.Opt // who the test itself is, where brokers want to know
}

func newRig(t *testing.T, topics ...string) *rig { return newRigOf(t, kfake.SeedTopics(2, topics...)) }

// newRigOf is newRig with options of the broker.
func newRigOf(t *testing.T, opts ...kfake.Opt) *rig {
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	leaks := goleak.IgnoreCurrent()
	fake, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	require.NoError(t, err)
	client, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...))
	require.NoError(t, err)
	t.Cleanup(func() {
		client.Close()
		fake.Close()
		goleak.VerifyNone(t, leaks)
	})
	return &rig{t: t, fake: fake, admin: kadm.NewClient(client), log: &syncBuffer{}}
}

func newCountRig(t *testing.T) *rig { return newRig(t, "words", "per-key", "per-word") }

func (r *rig) config(dir string) streams.Config {
	return streams.Config{
		Brokers: r.fake.ListenAddrs(), StateDir: dir, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
		StartTimeout: 2 * time.Second, CommitInterval: 20 * time.Millisecond, MemoryBytes: 16 << 20,
	}
}

func topo(t *testing.T, describe func(b *streams.Builder)) *topology.Topology {
	b := streams.NewBuilder("app")
	describe(b)
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

// run runs an application to its end, which comes by itself or is the end of the test's patience.
func (r *rig) run(describe func(b *streams.Builder), config streams.Config) error {
	a, err := streams.New(topo(r.t, describe), config)
	require.NoError(r.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = a.Run(ctx)
	require.NoError(r.t, ctx.Err(), "the application did not end by itself; log:\n%s", r.log)
	return err
}

// start runs an application in the background; stop ends it and gives what Run returned.
func (r *rig) start(describe func(b *streams.Builder), config streams.Config) (a *streams.App, stop func() error) {
	a, err := streams.New(topo(r.t, describe), config)
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return a, func() error {
		cancel()
		return <-ended
	}
}

// send produces words, all different in their keys' numbers.
func (r *rig) send(n int) { r.sendTo("words", n) }

// sendTo is send to another topic.
func (r *rig) sendTo(topic string, n int) {
	client, err := kgo.NewClient(append(r.as, kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DisableIdempotentWrite())...)
	require.NoError(r.t, err)
	defer client.Close()
	for range n {
		rec := &kgo.Record{
			Topic: topic, Key: fmt.Append(nil, "k", r.sent%10), Value: fmt.Append(nil, "w", r.sent%7), Timestamp: time.UnixMilli(int64(r.sent)),
		}
		r.sent++
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
}

// requireCounts waits until all words are counted, and finds each count once.
func (r *rig) requireCounts(topic string, keys int) {
	client, err := kgo.NewClient(append(r.as, kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	next := map[string]int64{}
	for seen := 0; seen < r.sent; {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%s: %d of %d records; log:\n%s", topic, seen, r.sent, r.log)
		fetches.EachRecord(func(rec *kgo.Record) {
			n, err := serde.Int64.Decode(rec.Value)
			require.NoError(r.t, err)
			require.Equal(r.t, next[string(rec.Key)]+1, n, "a count is lost or doubled")
			next[string(rec.Key)] = n
			seen++
		})
	}
	require.Len(r.t, next, keys)
}

type syncBuffer struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.String()
}

func (r *rig) requireLog(text string) {
	require.Contains(r.t, r.log.String(), text)
}

func TestCountsWords(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprint(guarantee, workers), func(t *testing.T) {
				r := newCountRig(t)
				config := r.config(t.TempDir())
				config.Guarantee, config.Workers = guarantee, workers
				_, stop := r.start(countWords, config)
				r.send(200)
				r.requireCounts("per-key", 10)
				r.requireCounts("per-word", 7)
				require.NoError(t, stop())
			})
		}
	}
}

// TestStatesAreReported follows an application from its start to its end.
func TestStatesAreReported(t *testing.T) {
	r := newCountRig(t)
	var mu sync.Mutex
	var seen []streams.State
	running := make(chan struct{})
	config := r.config(t.TempDir())
	config.Events.StateChanged = func(_, is streams.State) {
		mu.Lock()
		defer mu.Unlock()
		if seen = append(seen, is); is == streams.Running {
			close(running)
		}
	}
	a, stop := r.start(countWords, config)
	<-running
	require.NoError(t, stop())
	require.Equal(t, streams.Stopped, a.State())
	require.ErrorIs(t, a.Run(context.Background()), streams.ErrRunning)
	require.Equal(t, []streams.State{
		streams.Starting, streams.Joining, streams.Restoring, streams.Running, streams.Stopping, streams.Stopped,
	}, seen)
}

// TestAWorkerWithoutTasks does not keep the application from running.
func TestAWorkerWithoutTasks(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Workers = 5 // for four tasks
	stop := r.startRunning(countWords, config)
	r.send(20)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
}

// TestTwoProcessesShareTheTasks adds a process, and takes one away.
func TestTwoProcessesShareTheTasks(t *testing.T) {
	r := newCountRig(t)
	_, stopFirst := r.start(countWords, r.config(t.TempDir()))
	r.send(50)
	_, stopSecond := r.start(countWords, r.config(t.TempDir()))
	r.send(50)
	r.requireCounts("per-word", 7)
	require.NoError(t, stopFirst())
	r.send(50)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stopSecond())
}

func TestMissingSourceTopic(t *testing.T) {
	r := newRig(t, "per-key", "per-word")
	var missing *streams.MissingSourceError
	require.ErrorAs(t, r.run(countWords, r.config(t.TempDir())), &missing)
	require.Equal(t, []string{"words"}, missing.Topics)
}

func TestMissingOutputTopic(t *testing.T) {
	r := newRig(t, "words", "per-key")
	var missing *streams.MissingSinkError
	require.ErrorAs(t, r.run(countWords, r.config(t.TempDir())), &missing)
	require.Equal(t, []string{"per-word"}, missing.Topics)
}

func TestDifferingPartitionsInAJoin(t *testing.T) {
	r := newRig(t, "words", "joined")
	_, err := r.admin.CreateTopic(context.Background(), 3, -1, nil, "table")
	require.NoError(t, err)
	err = r.run(func(b *streams.Builder) {
		table := streams.TableFrom(b, streams.NewTopic("table", serde.String, serde.String), state.NewKeyValue("t", serde.String, serde.String))
		streams.Join(streams.From(b, words), table, func(v, _ string) string { return v }).To(streams.NewTopic("joined", serde.String, serde.String))
	}, r.config(t.TempDir()))
	var mismatch *streams.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, map[string]int32{"words": 2, "table": 3}, mismatch.Counts)
	require.ErrorContains(t, err, "app_test.go:")
}

func TestWrongInternalTopics(t *testing.T) {
	remove, compact := "delete", "compact"
	for name, c := range map[string]struct {
		topic      string
		partitions int32
		policy     *string
		want       string
	}{
		"partitions of a changelog":     {"app-per-key-changelog", 5, &compact, "has 5 partitions, the topology needs 2"},
		"policy of a changelog":         {"app-per-key-changelog", 2, &remove, "has cleanup.policy delete, the topology needs compact"},
		"policy of a repartition topic": {"app-by-word-repartition", 2, &compact, "has cleanup.policy compact, the topology needs delete"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCountRig(t)
			_, err := r.admin.CreateTopic(context.Background(), c.partitions, -1, map[string]*string{"cleanup.policy": c.policy}, c.topic)
			require.NoError(t, err)
			err = r.run(countWords, r.config(t.TempDir()))
			var wrong *streams.InternalTopicError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.topic, wrong.Topic)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestInternalTopicsMadeByOthers, with which records would be lost, are refused.
func TestInternalTopicsMadeByOthers(t *testing.T) {
	versions := func(b *streams.Builder) {
		streams.VersionedTableFrom(b, words, state.NewVersioned("versions", serde.String, serde.String, time.Hour))
	}
	for name, c := range map[string]struct {
		topic    string
		configs  map[string]string
		describe func(b *streams.Builder)
		has      string
	}{
		"versions that are compacted at once": {
			"app-versions-changelog", map[string]string{"cleanup.policy": "compact"}, versions, "min.compaction.lag.ms",
		},
		"a changelog with the times of the broker": {
			"app-versions-changelog", map[string]string{
				"cleanup.policy": "compact", "min.compaction.lag.ms": "100000000", "message.timestamp.type": "LogAppendTime",
			}, versions, "message.timestamp.type LogAppendTime",
		},
		"a repartition topic whose records expire": {
			"app-by-word-repartition", map[string]string{"retention.ms": "60000"}, countWords, "retention.ms 60000",
		},
		"a repartition topic with the times of the broker": {
			"app-by-word-repartition", map[string]string{"retention.ms": "-1", "message.timestamp.type": "LogAppendTime"},
			countWords, "message.timestamp.type LogAppendTime",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newCountRig(t)
			configs := map[string]*string{}
			for k, v := range c.configs {
				configs[k] = &v
			}
			_, err := r.admin.CreateTopic(context.Background(), 2, -1, configs, c.topic)
			require.NoError(t, err)
			wrong := requireStops[*streams.InternalTopicError](r, c.describe, r.config(t.TempDir()))
			require.Equal(t, c.topic, wrong.Topic)
			require.Contains(t, wrong.Have, c.has)
		})
	}
}

// TestTopicConfigsThatNoTopicMayHave are refused by New: the topics would be created with them, and refused then.
func TestTopicConfigsThatNoTopicMayHave(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := r.config(t.TempDir())
	config.TopicConfigs = map[string]string{"cleanup.policy": "delete"}
	_, err := streams.New(topo(t, countKeys), config)
	require.EqualError(t, err, "streams: Config.TopicConfigs: internal topic "+keyLog+" would have cleanup.policy delete, "+
		"and needs compact, as its rows have no end: leave that setting out")
}

// TestTopicConfigsThatLoseRecords are told of by New: the application runs, as it did before they were looked at.
func TestTopicConfigsThatLoseRecords(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.TopicConfigs = map[string]string{"retention.ms": "600000000", "min.insync.replicas": "1"}
	_, err := streams.New(topo(t, countWords), config)
	require.NoError(t, err)
	r.requireLog("Config.TopicConfigs has an internal topic lose records")
	r.requireLog("topic=app-by-word-repartition retention.ms=600000000")
	require.NotContains(t, r.log.String(), "min.insync.replicas")
	_, stop := r.start(countWords, config)
	r.send(10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
}

// TestDeletedChangelog is not taken for a new one.
func TestDeletedChangelog(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(10)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	_, err := r.admin.DeleteTopic(context.Background(), "app-per-key-changelog")
	require.NoError(t, err)
	var wrong *streams.InternalTopicError
	require.ErrorAs(t, r.run(countWords, r.config(t.TempDir())), &wrong)
	require.Equal(t, "app-per-key-changelog", wrong.Topic)
	require.ErrorContains(t, wrong, "has been deleted, or its store is new, the topology needs it")
	require.ErrorContains(t, wrong, "AllowNewStores")
}

// TestRenamedStore: what is there under another name is told, for a store and for a step that regroups.
func TestRenamedStore(t *testing.T) {
	counting := func(store, topic string) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			streams.GroupBy(streams.From(b, words), func(v string) string { return v },
				streams.NewRepartition(topic, serde.String, serde.String)).
				Count(state.NewKeyValue(store, serde.String, serde.Int64)).ToStream().
				To(streams.NewTopic("per-word", serde.String, serde.Int64))
		}
	}
	r := newCountRig(t)
	_, stop := r.start(counting("old-store", "old-topic"), r.config(t.TempDir()))
	r.send(10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	for _, c := range []struct{ store, topic, gone, was string }{
		{"new-store", "old-topic", "app-new-store-changelog", "its store is new or was renamed: app-old-store-changelog"},
		{"old-store", "new-topic", "app-new-topic-repartition",
			"the step that writes it is new or was renamed: app-old-topic-repartition"},
	} {
		err := r.run(counting(c.store, c.topic), r.config(t.TempDir()))
		var wrong *streams.InternalTopicError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, c.gone, wrong.Topic)
		require.ErrorContains(t, wrong, c.was+" belongs to nothing that the topology has")
		require.ErrorContains(t, wrong, "give back the name that it had; or if ")
		require.ErrorContains(t, wrong, "set Config.AllowNewStores")
	}
}

func TestUnreachableBroker(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Brokers, config.StartTimeout = []string{"localhost:1"}, 300*time.Millisecond
	var unreachable *streams.UnreachableError
	require.ErrorAs(t, r.run(countWords, config), &unreachable)
	require.ErrorContains(t, unreachable, "Config.Brokers")
}

func TestStateDirectoryInUse(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(1)
	r.requireCounts("per-key", 1)
	err := r.run(countWords, config)
	require.ErrorIs(t, err, streams.ErrStateLocked)
	require.ErrorContains(t, err, filepath.Join(config.StateDir, "app"))
	require.NoError(t, stop())
}

func TestStateDirectoryOfAnotherTopology(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(1)
	r.requireCounts("per-key", 1)
	require.NoError(t, stop())
	err := r.run(func(b *streams.Builder) {
		streams.TableFrom(b, words, state.NewKeyValue("per-key", serde.String, serde.String))
	}, config)
	var format *streams.StateFormatError
	require.ErrorAs(t, err, &format)
	require.Equal(t, "per-key", format.Store)
}

// TestDamagedState is set aside and restored from the changelogs.
func TestDamagedState(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(50)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	manifests, err := filepath.Glob(filepath.Join(config.StateDir, "app", "*_*", "MANIFEST-*"))
	require.NoError(t, err)
	require.NotEmpty(t, manifests)
	for _, name := range manifests {
		require.NoError(t, os.Truncate(name, 3))
	}
	_, stop = r.start(countWords, config)
	r.send(50)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	r.requireLog("damaged state set aside")
}

// TestDamagedRows are found when they are read, while the application runs.
func TestDamagedRows(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(50)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	tables, err := filepath.Glob(filepath.Join(config.StateDir, "app", "*_*", "*.sst"))
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, name := range tables {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		for i := range content[:40] {
			content[i] ^= 0x55
		}
		require.NoError(t, os.WriteFile(name, content, 0o644))
	}
	_, stop = r.start(countWords, config)
	r.send(50)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	r.requireLog("damaged state set aside")
}

// TestOldEvents are warned of: brokers delete what was written for them.
func TestOldEvents(t *testing.T) {
	r := newCountRig(t)
	windows := state.NewWindow("windows", serde.String, serde.Int64)
	_, stop := r.start(func(b *streams.Builder) {
		w := streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(windows)
		streams.ResultsBy(w.Updates(), func(k window.Windowed[string]) string { return k.Key }).To(perKey)
	}, r.config(t.TempDir()))
	r.send(1) // of 1970
	r.requireCounts("per-key", 1)
	require.NoError(t, stop())
	r.requireLog("raise Config.WindowRetention")
}

// TestForeignState belongs to another cluster's changelogs: it is rebuilt.
func TestForeignState(t *testing.T) {
	dir := t.TempDir()
	other := newCountRig(t)
	_, stop := other.start(countWords, other.config(dir))
	other.send(100)
	other.requireCounts("per-word", 7)
	require.NoError(t, stop())

	r := newCountRig(t)
	_, stop = r.start(countWords, r.config(dir))
	r.send(20)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	r.requireLog("local state does not fit and is set aside")
}

// TestStateThatLags is that of a process that died after Kafka had its commit: the changelogs have the rest.
func TestStateThatLags(t *testing.T) {
	r := newCountRig(t)
	config := r.config(t.TempDir())
	_, stop := r.start(countWords, config)
	r.send(30)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	old := filepath.Join(t.TempDir(), "old")
	require.NoError(t, os.CopyFS(old, os.DirFS(config.StateDir)))
	_, stop = r.start(countWords, config)
	r.send(30)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())

	config.StateDir = old
	_, stop = r.start(countWords, config)
	r.send(30)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
	r.requireLog("state restored")
	require.NotContains(t, r.log.String(), "rebuilt")
}

// TestBrokerThatGoesAway is waited for.
func TestBrokerThatGoesAway(t *testing.T) {
	r := newCountRig(t)
	_, stop := r.start(countWords, r.config(t.TempDir()))
	r.send(20)
	r.requireCounts("per-word", 7)
	var refused atomic.Int64
	r.fake.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		if refused.Add(1) > 8 {
			return nil, nil, false
		}
		return nil, errors.New("away"), true
	})
	require.Eventually(t, func() bool { return refused.Load() > 8 }, 30*time.Second, 10*time.Millisecond)
	r.send(20)
	r.requireCounts("per-key", 10)
	r.requireCounts("per-word", 7)
	require.NoError(t, stop())
}

// TestTransactionalRequestsThatFail: whichever request of a commit fails, and however, nothing is lost and nothing
// doubled.
func TestTransactionalRequestsThatFail(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.InitProducerID, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.Produce, kmsg.OffsetFetch, kmsg.JoinGroup} {
		t.Run(key.Name(), func(t *testing.T) {
			r := newCountRig(t)
			var failed atomic.Int64
			r.fake.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
				r.fake.KeepControl()
				if n := failed.Add(1); n%5 != 2 || n > 20 {
					return nil, nil, false
				}
				return nil, errors.New("connection lost"), true
			})
			_, stop := r.start(countWords, r.config(t.TempDir()))
			for range 5 {
				r.send(20)
			}
			r.requireCounts("per-key", 10)
			r.requireCounts("per-word", 7)
			require.NoError(t, stop())
		})
	}
}

// sendBad produces a record whose value is no int64 between two that are.
func (r *rig) sendBad() {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...))
	require.NoError(r.t, err)
	defer client.Close()
	good, _ := serde.Int64.Append(nil, 7)
	for _, v := range [][]byte{good, []byte("bad"), good} {
		require.NoError(r.t, client.ProduceSync(context.Background(), &kgo.Record{Topic: "words", Key: []byte("k"), Value: v}).FirstErr())
	}
	r.sent = 2
}

func TestUndecodableRecord(t *testing.T) {
	numbers := streams.NewTopic("words", serde.String, serde.Int64)
	count := func(b *streams.Builder) { streams.From(b, numbers).GroupByKey().Count(keyRows).ToStream().To(perKey) }
	t.Run("fail", func(t *testing.T) {
		r := newCountRig(t)
		r.sendBad()
		err := r.run(count, r.config(t.TempDir()))
		var failed *streams.ProcessError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, graph.ErrDeserialize)
		require.Equal(t, []any{"words", int64(1)}, []any{failed.Topic, failed.Offset})
	})
	for name, policy := range map[string]streams.ErrorPolicy{"skip": streams.Skip, "dead letter": streams.DeadLetter} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "per-key", "dead")
			r.sendBad()
			config := r.config(t.TempDir())
			if config.OnError = policy; policy == streams.DeadLetter {
				config.DeadLetterTopic = "dead"
			}
			a, stop := r.start(count, config)
			r.requireCounts("per-key", 1)
			require.NoError(t, stop())
			require.Equal(t, map[streams.DropReason]int64{streams.DropDeserialize: 1}, a.Dropped())
			r.requireLog("records left out, the last of them here")
			r.requireLog("topic=words")
			r.requireLog("offset=1")
			dead, err := r.admin.ListEndOffsets(context.Background(), "dead")
			require.NoError(t, err)
			written := int64(0)
			dead.Each(func(o kadm.ListedOffset) { written += o.Offset })
			require.Equal(t, policy == streams.DeadLetter, written > 0)
		})
	}
}

func TestPanickingFunction(t *testing.T) {
	r := newCountRig(t)
	r.send(1)
	err := r.run(func(b *streams.Builder) {
		streams.From(b, words).Filter(func(string) bool { panic("oh") }).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}, r.config(t.TempDir()))
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.Contains(t, failed.Node, "filter")
	require.Contains(t, failed.Site, "app_test.go")
	var panicked *streams.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Contains(t, string(panicked.Stack), "app_test.go")
}

// TestRecordTooLarge stops with the topic and the size, the record that made it, its key and the step: the same record
// would be refused for ever.
func TestRecordTooLarge(t *testing.T) {
	r := newRig(t, "words", "big")
	r.produceTo("words", 1, []byte("small"))
	r.produceTo("words", 1, []byte("large"))
	err := r.run(func(b *streams.Builder) {
		big := streams.MapValues(streams.From(b, words), func(string) string { return strings.Repeat("x", 3<<20) })
		big.FilterRecord(func(r record) (bool, error) { return r.Key == "large", nil }).
			To(streams.NewTopic("big", serde.String, serde.String))
	}, r.config(t.TempDir()))
	var refused *streams.ProduceError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "big", refused.Topic)
	require.Greater(t, refused.Bytes, 3<<20)
	require.Equal(t, "large", string(refused.Key))
	require.Equal(t, "sink-3", refused.Node)
	require.Contains(t, refused.Site, "app_test.go:")
	require.Equal(t, "words/1 offset 1", fmt.Sprintf("%s/%d offset %d",
		refused.Source, refused.SourcePartition, refused.SourceOffset))
	require.ErrorContains(t, err, `to big, key "large", by step sink-3 (`)
	require.ErrorContains(t, err, ", from words/1 offset 1: ")
}

// TestRowTooLarge is told with its store and key, and the record that puts it; the log has its changelog.
func TestRowTooLarge(t *testing.T) {
	r := newRig(t, "words")
	r.produceTo("words", 1, []byte("large"))
	err := r.run(func(b *streams.Builder) {
		big := streams.MapValues(streams.From(b, words), func(string) string { return strings.Repeat("x", 3<<20) })
		big.ToTable(state.NewKeyValue("rows", serde.String, serde.String))
	}, r.config(t.TempDir()))
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, state.ErrTooLarge)
	require.ErrorContains(t, err, `store rows, key "large": `)
	require.Equal(t, "words/1 offset 0", fmt.Sprintf("%s/%d offset %d", failed.Topic, failed.Partition, failed.Offset))
	r.requireLog("to app-rows-changelog, key \\\"large\\\": ")
}

func TestConfigMistakesAreReportedTogether(t *testing.T) {
	_, err := streams.New(topo(t, countWords), streams.Config{
		Guarantee: 7, OnError: streams.DeadLetter, Workers: -1, CommitInterval: -time.Second, MemoryBytes: 1, MaxIdle: -1,
		ReplicationFactor: -3, SessionTimeout: -1, AppID: "no good",
		Brokers: []string{"one:9092", "kafka://two:9092", "three:9092,four:9092", ""},
	})
	for _, want := range []string{
		"Guarantee", "DeadLetterTopic", "Workers", "CommitInterval", "MemoryBytes", "MaxIdle", "ReplicationFactor", "SessionTimeout", "no good",
		`Config.Brokers has "kafka://two:9092": must be host:port, without a scheme`,
		`Config.Brokers has "three:9092,four:9092"`, `Config.Brokers has "": must be`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "one:9092")
	_, err = streams.New(topo(t, countWords), streams.Config{
		OnError: streams.DeadLetter, DeadLetterTopic: "dead/letters", CommitInterval: time.Second, StallTimeout: time.Millisecond,
	})
	require.ErrorContains(t, err, `Config.DeadLetterTopic: name "dead/letters" may only have letters`)
	require.ErrorContains(t, err, "Config.StallTimeout is 1ms: must be CommitInterval, 1s, or longer")
}

func TestConfigHidesSecrets(t *testing.T) {
	config := streams.Config{AppID: "app", Kafka: []kgo.Opt{kgo.ClientID("s3cret")}}
	require.NotContains(t, fmt.Sprint(config), "s3cret")
}
