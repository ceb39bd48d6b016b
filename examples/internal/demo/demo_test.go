package demo

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

var (
	in     = streams.NewTopic("in", serde.String, serde.Int64)
	sums   = streams.NewTopic("sums", serde.String, serde.Int64)
	byKey  = streams.NewRepartition("by-key", serde.String, serde.Int64)
	totals = state.NewKeyValue("totals", serde.String, serde.Int64)
)

// build adds up the values of each key, with a repartition topic, a changelog and an output topic.
func build() (*streams.Topology, error) {
	b := streams.NewBuilder("sums-app")
	add := func(row, v int64) int64 { return row + v }
	streams.From(b, in).Repartition(byKey).GroupByKey().Reduce(totals, add).ToStream().To(sums)
	return b.Build()
}

func example(want ...Want) Example {
	rec := func(key string, value int64) streams.Record[string, int64] {
		return streams.Record[string, int64]{Key: key, Value: value, Timestamp: At(0)}
	}
	return Example{Build: build, Input: []Input{Feed(in, rec("a", 1), rec("b", 10), rec("a", 2))}, Want: want}
}

func TestRun(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	e := example(Latest(sums, map[string]int64{"a": 3, "b": 10}), Each(sums, map[string][]int64{"a": {1, 3}, "b": {10}}))
	require.NoError(t, e.Run(t.Context(), Options{Partitions: 3}))
}

// TestRunFindsDifferences: a check that cannot fail would prove nothing.
func TestRunFindsDifferences(t *testing.T) {
	for name, want := range map[string]Want{
		"another value": Latest(sums, map[string]int64{"a": 4, "b": 10}),
		"missing key":   Latest(sums, map[string]int64{"a": 3, "b": 10, "c": 1}),
		"surplus key":   Latest(sums, map[string]int64{"a": 3}),
		"surplus value": Each(sums, map[string][]int64{"a": {3}, "b": {10}}),
		"other order":   Each(sums, map[string][]int64{"a": {3, 1}, "b": {10}}),
	} {
		t.Run(name, func(t *testing.T) {
			err := example(want).Run(t.Context(), Options{Partitions: 1})
			require.ErrorContains(t, err, "1 differences")
		})
	}
}

func TestSecondRun(t *testing.T) {
	c, err := Open("")
	require.NoError(t, err)
	defer c.Close()
	testSecondRun(t, c)
}

func TestSecondRunOnKafka(t *testing.T) {
	c, err := Open(kafkatest.Start(t).Addrs[0])
	require.NoError(t, err)
	defer c.Close()
	testSecondRun(t, c)
}

func text(name string) streams.Topic[string, string] {
	return streams.NewTopic(name, serde.String, serde.String)
}

// testSecondRun: records of an earlier run would change the results, so they are refused, or deleted.
func testSecondRun(t *testing.T, c *broker.Broker) {
	o := Options{Brokers: c.Addrs()[0], Partitions: 3}
	e := example(Latest(sums, map[string]int64{"a": 3, "b": 10}))
	require.NoError(t, e.Run(t.Context(), o))
	require.ErrorContains(t, e.Run(t.Context(), o), "-reset")

	apples, mine := text("sums-apples"), text("sums-app-mine-changelog")
	require.NoError(t, c.CreateTopics(t.Context(), 1, apples, mine))
	o.Reset = true
	require.NoError(t, e.Run(t.Context(), o))
	admin, err := kadm.NewOptClient(kgo.SeedBrokers(c.Addrs()...))
	require.NoError(t, err)
	defer admin.Close()
	topics, err := admin.ListTopics(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"in", "sums", "sums-app-by-key-repartition", "sums-app-totals-changelog", "sums-apples", "sums-app-mine-changelog",
	}, topics.Names(), "topics of others stay")
}

func TestRunEndsWhenTheApplicationFails(t *testing.T) {
	e := example()
	broken := errors.New("broken")
	e.Build = func() (*streams.Topology, error) {
		b := streams.NewBuilder("broken-app")
		streams.From(b, in).ForEach(func(streams.Record[string, int64]) error { return broken })
		return b.Build()
	}
	require.ErrorIs(t, e.Run(t.Context(), Options{Partitions: 1}), broken)
}

func TestFlags(t *testing.T) {
	o, err := parse("x", []string{"-brokers", "a:1,b:2", "-partitions", "7", "-reset", "-v"})
	require.NoError(t, err)
	require.Equal(t, Options{Brokers: "a:1,b:2", Partitions: 7, Reset: true, Verbose: true}, o)
	_, err = parse("x", []string{"-partitions", "0"})
	require.Error(t, err)
}
