package streams_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

const future = 4_000_000_000_000

// timed has what goes by time: windows, sessions, a join of streams, rows with a time to live, and a stream-time
// punctuation.
func timed(t *testing.T) *topology.Topology {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	reduced(s.GroupByKey().WindowedBy(tumbling(10, 0)))
	streams.WindowedResults(reducedFinal(s)).To(finalTexts)
	s.GroupByKey().SessionsBy(window.Sessions(ms(10))).Reduce(visits, concat)
	streams.JoinStreams(s, streams.From(b, other), window.Within(ms(10)),
		state.NewJoin("pairs", serde.String, serde.String, serde.String), glue).To(out)
	streams.From(b, other).ToTable(rows.TTL(ms(100)))
	return build(t, b)
}

var (
	finalStore = state.NewWindow("finals", serde.String, serde.String)
	finalTexts = streams.NewTopic("final-texts", window.TimeKey(serde.String, tumbling(10, 0)), serde.String)
)

func reducedFinal(s *stream) *results {
	return s.GroupByKey().WindowedBy(tumbling(10, 0)).Reduce(finalStore, concat).Final()
}

// TestStreamTimeIsSetBack: after a record of the far future all others are late; once stream time is set back, windows,
// sessions and joins go on, and also behind restarts, losses of state and later starts with the same setting.
func TestStreamTimeIsSetBack(t *testing.T) {
	dir := t.TempDir()
	back := testkit.SetTimeBack(time.UnixMilli(20))
	d := testkit.New(t, timed(t), testkit.Pebble(dir))
	pipe(d, rec("k", "a", 1), rec("k", "future", future), rec("k", "late", 2))
	require.Equal(t, drops{streams.DropLate: 4}, d.Dropped(), "two windows, a session and a join")
	require.NoError(t, d.Close())

	d = testkit.New(t, timed(t), testkit.Pebble(dir), back)
	pipe(d, rec("k", "b", 21), rec("k", "c", 35))
	testkit.Input(d, other).PipeRecord(rec("k", "partner", 36))
	require.Empty(t, d.Dropped())
	require.Equal(t, []string{"a", "b"}, valuesOf(testkit.Output(d, finalTexts).Read()))
	require.Equal(t, []record{rec("k", glue("c", "partner"), 36)}, testkit.Output(d, out).Read())
	for _, happen := range []func(){d.Restart, d.LoseState, func() {
		require.NoError(t, d.Close())
		d = testkit.New(t, timed(t), testkit.Pebble(dir), back)
	}} {
		happen()
		pipe(d, rec("k", "late", 22))
		require.NotEmpty(t, d.Dropped(), "time is not set back a second time")
	}
	testkit.Output(d, finalTexts).Read()
	pipe(d, rec("k", "d", 41))
	require.Equal(t, []string{"c"}, valuesOf(testkit.Output(d, finalTexts).Read()))
	require.NoError(t, d.Close())

	d = testkit.New(t, timed(t), testkit.Pebble(dir), testkit.SetTimeBack(time.UnixMilli(10)))
	pipe(d, rec("k", "e", 22))
	require.Empty(t, d.Dropped(), "another time is another order")
}

func valuesOf[K, V any](records []streams.Record[K, V]) (out []V) {
	for _, r := range records {
		out = append(out, r.Value)
	}
	return out
}

// TestTimeThatIsEarlierStays.
func TestTimeThatIsEarlierStays(t *testing.T) {
	dir := t.TempDir()
	d := testkit.New(t, timed(t), testkit.Pebble(dir))
	pipe(d, rec("k", "a", 15))
	require.NoError(t, d.Close())
	d = testkit.New(t, timed(t), testkit.Pebble(dir), testkit.SetTimeBack(time.UnixMilli(1000)))
	pipe(d, rec("k", "late", 2))
	require.NotEmpty(t, d.Dropped())
}

// produceTimed writes values under one key, each at its time.
func (r *rig) produceTimed(topic string, values []string, at []int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
	require.NoError(r.t, err)
	defer client.Close()
	for i, v := range values {
		rec := &kgo.Record{Key: []byte("k"), Value: []byte(v), Timestamp: time.UnixMilli(at[i])}
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
}

// TestAnAppSetsItsTimeBack, and a second start with the same setting does not.
func TestAnAppSetsItsTimeBack(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "words", "out")
			describe := func(b *streams.Builder) {
				counted := streams.From(b, words).GroupByKey().WindowedBy(tumbling(10, 0)).Reduce(texts, concat).Updates()
				streams.ResultsBy(counted, func(k window.Windowed[string]) string { return k.Key }).To(out)
			}
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			run := func(want ...string) {
				stop := r.startRunning(describe, config)
				r.requireValues("out", want...)
				require.NoError(t, stop())
			}
			r.produceTimed("words", []string{"a", "future"}, []int64{5, future})
			run("a", "future")
			config.SetTimeBack = time.UnixMilli(10)
			r.produceTimed("words", []string{"late", "b"}, []int64{1, 11})
			run("a", "future", "b")
			r.produceTimed("words", []string{"c", "late", "d"}, []int64{25, 12, 31})
			run("a", "future", "b", "c", "d")
			r.produceTimed("words", []string{"late", "e"}, []int64{12, 41})
			run("a", "future", "b", "c", "d", "e")
			require.Equal(t, 1, strings.Count(r.log.String(), "stream time is set back"))
		})
	}
}
