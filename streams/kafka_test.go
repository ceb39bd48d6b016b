package streams_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// onKafka are topics of a test's own on a real Kafka, and an application id.
type onKafka struct {
	t        *testing.T
	brokers  []string
	app      string
	in, out  string
	produced int
	log      *syncBuffer
	// source is the stream of the words, by default those of in.
	source func(b *streams.Builder) *streams.Stream[string, string]
}

func newOnKafka(t *testing.T, brokers []string) *onKafka {
	k := &onKafka{
		t: t, brokers: brokers, app: kafkatest.Name("app"), in: kafkatest.Name("in"), out: kafkatest.Name("out"),
		log: &syncBuffer{},
	}
	k.source = func(b *streams.Builder) *streams.Stream[string, string] {
		return streams.From(b, streams.NewTopic(k.in, serde.String, serde.String))
	}
	kafkatest.CreateTopic(t, brokers, k.in, 3)
	kafkatest.CreateTopic(t, brokers, k.out, 3)
	return k
}

// start runs the application: a count by word behind a repartition topic.
func (k *onKafka) start(guarantee streams.Guarantee, dir string) (stop func() error) {
	b := streams.NewBuilder(k.app)
	counts := streams.GroupBy(k.source(b), func(w string) string { return w }, byWord).Count(wordRows)
	counts.ToStream().To(streams.NewTopic(k.out, serde.String, serde.Int64))
	topo, err := b.Build()
	require.NoError(k.t, err)
	a, err := streams.New(topo, streams.Config{
		Brokers: k.brokers, StateDir: dir, Guarantee: guarantee, CommitInterval: 100 * time.Millisecond, Workers: 2,
		TopicRefresh: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(k.log, nil)),
	})
	require.NoError(k.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

func (k *onKafka) produce(n int) { k.produceTo(k.in, n) }

func (k *onKafka) produceTo(topic string, n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...))
	require.NoError(k.t, err)
	defer client.Close()
	var records []*kgo.Record
	for range n {
		records = append(records, &kgo.Record{
			Topic: topic, Key: fmt.Append(nil, k.produced), Value: fmt.Append(nil, "w", k.produced%50), Timestamp: time.Now(),
		})
		k.produced++
	}
	require.NoError(k.t, client.ProduceSync(context.Background(), records...).FirstErr())
}

// requireCounted waits until all words are counted, and finds each count once.
func (k *onKafka) requireCounted() {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumeTopics(k.out),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(k.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	last := map[string]int64{}
	for seen := 0; seen < k.produced; {
		fetches := client.PollFetches(ctx)
		require.NoError(k.t, ctx.Err(), "%d of %d; log:\n%s", seen, k.produced, k.log)
		fetches.EachRecord(func(r *kgo.Record) {
			n, err := serde.Int64.Decode(r.Value)
			require.NoError(k.t, err)
			require.Equal(k.t, last[string(r.Key)]+1, n, "a count is lost or doubled")
			last[string(r.Key)] = n
			seen++
		})
	}
}

func TestKafkaBothGuarantees(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		k := newOnKafka(t, kafkatest.Brokers(t))
		stop := k.start(guarantee, t.TempDir())
		k.produce(5000)
		k.requireCounted()
		require.NoError(t, stop())
	}
}

// TestKafkaRestart: on its state directory a process goes on from where it was; without it, from the changelogs.
func TestKafkaRestart(t *testing.T) {
	k := newOnKafka(t, kafkatest.Brokers(t))
	dir := t.TempDir()
	for range 3 {
		stop := k.start(streams.ExactlyOnce, dir)
		k.produce(2000)
		k.requireCounted()
		require.NoError(t, stop())
	}
	require.NotRegexp(t, `msg="state restored".* replayed=[1-9]`, k.log.String(), "a clean restart replays nothing")
	require.NoError(t, os.RemoveAll(dir))
	stop := k.start(streams.ExactlyOnce, dir)
	k.produce(2000)
	k.requireCounted()
	require.NoError(t, stop())
	require.Regexp(t, regexp.MustCompile(`msg="state restored".* replayed=[1-9]`), k.log.String())
}

// TestKafkaBrokerDies: the application waits for a broker that is killed, or that stands still for longer than every
// timeout.
func TestKafkaBrokerDies(t *testing.T) {
	broker := kafkatest.Start(t)
	k := newOnKafka(t, broker.Addrs)
	stop := k.start(streams.ExactlyOnce, t.TempDir())
	k.produce(1000)
	k.requireCounted()
	broker.Kill()
	broker.Restart()
	k.produce(1000)
	k.requireCounted()
	broker.Pause()
	time.Sleep(12 * time.Second) // beyond the session and the transaction timeout
	broker.Resume()
	k.produce(1000)
	k.requireCounted()
	require.NoError(t, stop())
}

// TestKafkaPattern: topics that begin to match are read by processes that run, and by those that start later.
func TestKafkaPattern(t *testing.T) {
	k := newOnKafka(t, kafkatest.Brokers(t))
	k.source = func(b *streams.Builder) *streams.Stream[string, string] {
		return streams.FromPattern(b, streams.NewTopicPattern(regexp.QuoteMeta(k.in)+".*", serde.String, serde.String))
	}
	stopFirst := k.start(streams.ExactlyOnce, t.TempDir())
	k.produce(500)
	k.requireCounted()
	stopSecond := k.start(streams.ExactlyOnce, t.TempDir())
	for _, more := range []string{"-a", "-b", "-c"} {
		kafkatest.CreateTopic(t, k.brokers, k.in+more, 3)
		k.produceTo(k.in+more, 500)
		k.produce(500)
	}
	k.requireCounted()
	require.NoError(t, stopFirst())
	k.produceTo(k.in+"-b", 500)
	k.requireCounted()
	require.NoError(t, stopSecond())
}
