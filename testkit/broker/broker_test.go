package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var (
	words   = streams.NewTopic("words", serde.String, serde.String)
	totals  = streams.NewTopic("totals", serde.String, serde.Int64)
	byWord  = streams.NewRepartition("by-word", serde.String, serde.String)
	counts  = state.NewKeyValue("counts", serde.String, serde.Int64)
	windows = streams.NewTopic("windows", window.TimeKey(serde.String, window.Tumbling(time.Second)), serde.String)
)

// countWords counts behind a repartition topic.
func countWords(t *testing.T) *topology.Topology {
	b := streams.NewBuilder("count-words")
	itself := func(word string) string { return word }
	streams.GroupBy(streams.From(b, words), itself, byWord).Count(counts).ToStream().To(totals)
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

func word(text string, at int64) streams.Record[string, string] {
	return streams.Record[string, string]{NullKey: true, Value: text, Timestamp: at}
}

// during runs an application while do runs.
func during(t *testing.T, b *broker.Broker, topo *topology.Topology, dir string, do func(ctx context.Context)) {
	t.Helper()
	app, err := streams.New(topo, streams.Config{Brokers: b.Addrs(), StateDir: dir})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx) // ends with ctx
		stop()
	}()
	do(ctx)
	stop()
	require.NoError(t, <-ended)
}

// TestAnApplication: what a user's own integration test looks like.
func TestAnApplication(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	topo := countWords(t)
	b, err := broker.Start()
	require.NoError(t, err)
	defer b.Close()
	ctx := t.Context()
	require.NoError(t, b.CreateTopicsOf(ctx, topo, 4))
	require.NoError(t, broker.Produce(ctx, b, words, word("round", 1), word("and", 2), word("round", 3)))
	during(t, b, topo, t.TempDir(), func(ctx context.Context) {
		require.NoError(t, b.WaitProcessed(ctx, topo))
		got, err := broker.Read(ctx, b, totals)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"round 1", "round 2", "and 1"}, texts(got))

		require.NoError(t, broker.Produce(ctx, b, words, word("and", 4)))
		n := 0
		for r, err := range broker.Consume(ctx, b, totals) {
			require.NoError(t, err)
			if n++; r.Key == "and" && r.Value == 2 {
				break
			}
		}
		require.LessOrEqual(t, n, 4)
	})
}

func texts(records []streams.Record[string, int64]) (out []string) {
	for _, r := range records {
		out = append(out, fmt.Sprint(r.Key, " ", r.Value))
	}
	return out
}

// TestRecordsComeBackAsTheyWere: null and empty, times, headers.
func TestRecordsComeBackAsTheyWere(t *testing.T) {
	b := broker.New(t, broker.Nodes(3))
	require.Len(t, b.Addrs(), 3)
	require.NoError(t, b.CreateTopics(t.Context(), 1, words))
	sent := []streams.Record[string, string]{
		{Key: "k", Value: "v", Timestamp: 1, Headers: []streams.Header{{Key: "h", Value: []byte("x")}}},
		{Key: "k", NullValue: true, Timestamp: 2},
		{NullKey: true, Value: "", Timestamp: 3},
	}
	require.NoError(t, broker.Produce(t.Context(), b, words, sent...))
	got, err := broker.Read(t.Context(), b, words)
	require.NoError(t, err)
	require.Equal(t, sent, got)
}

// TestKeysGoWhereTheDriverSendsThem, those of windows too.
func TestKeysGoWhereTheDriverSendsThem(t *testing.T) {
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), 7, windows))
	bl := streams.NewBuilder("app")
	streams.From(bl, windows).ForEach(func(streams.Record[window.Windowed[string], string]) error { return nil })
	topo, err := bl.Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.Partitions(7))
	for i := range 20 {
		key := window.Windowed[string]{Key: fmt.Sprint("k", i), Window: window.Window{Start: 1000, End: 2000}}
		record := streams.Record[window.Windowed[string], string]{Key: key, Value: "v", Timestamp: 1}
		require.NoError(t, broker.Produce(t.Context(), b, windows, record))
		partitions, err := broker.ReadPartitions(t.Context(), b, windows)
		require.NoError(t, err)
		require.Contains(t, partitions[testkit.PartitionOf(d, windows, key)], record)
	}
}

// TestADirectoryOutlivesTheBroker: a second one has topics, records, groups and offsets, and the application goes on.
func TestADirectoryOutlivesTheBroker(t *testing.T) {
	dir, state, topo := t.TempDir(), t.TempDir(), countWords(t)
	for i := range 3 {
		b, err := broker.Start(broker.Dir(dir))
		require.NoError(t, err)
		require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 2))
		require.NoError(t, broker.Produce(t.Context(), b, words, word("again", int64(i))))
		during(t, b, topo, state, func(ctx context.Context) { require.NoError(t, b.WaitProcessed(ctx, topo)) })
		got, err := broker.Read(t.Context(), b, totals)
		require.NoError(t, err)
		require.Len(t, got, i+1)
		require.Equal(t, int64(i+1), got[i].Value)
		b.Close()
		b.Close()
	}
}

// TestWhatIsWrongIsSaid with the topic, and what to do.
func TestWhatIsWrongIsSaid(t *testing.T) {
	b := broker.New(t)
	_, err := broker.Read(t.Context(), b, totals)
	require.ErrorContains(t, err, "totals does not exist: create it first")
	require.ErrorContains(t, b.CreateTopics(t.Context(), 0, totals), "1 or more")
	_, err = broker.Start(broker.Nodes(0))
	require.ErrorContains(t, err, "Nodes(0)")
	_, err = broker.Start(broker.Dir(""))
	require.ErrorContains(t, err, "Dir needs a path")

	require.NoError(t, b.CreateTopics(t.Context(), 1, words, totals))
	require.NoError(t, b.CreateTopics(t.Context(), 3, words), "it is there already")
	require.NoError(t, broker.Produce(t.Context(), b, words, word("text", 1)))
	wrong := streams.NewTopic("words", serde.String, serde.Int64)
	_, err = broker.Read(t.Context(), b, wrong)
	require.ErrorContains(t, err, "topic words/0 offset 0")

	tooLong := errors.New("too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	n := 0
	for r, err := range broker.Consume(ctx, b, words) {
		if n++; n == 1 {
			require.NoError(t, err)
			require.Equal(t, word("text", 1), r)
			cancel(tooLong)
			continue
		}
		require.ErrorIs(t, err, tooLong)
		require.ErrorContains(t, err, "topic words, after 1 records")
	}
	require.Equal(t, 2, n)

	topo := countWords(t)
	err = b.WaitProcessed(ctx, topo)
	require.ErrorIs(t, err, tooLong)
	require.ErrorContains(t, err, "count-words has not processed its input")
}
