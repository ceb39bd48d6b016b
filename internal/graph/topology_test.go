package graph_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var (
	in     = streams.NewTopic("in", serde.String, serde.String)
	other  = streams.NewTopic("other", serde.String, serde.String)
	out    = streams.NewTopic("out", serde.String, serde.Int64)
	counts = state.NewKeyValue("counts", serde.String, serde.Int64)
	rows   = state.NewKeyValue("rows", serde.String, serde.String)
	byWord = streams.NewRepartition("by-word", serde.String, serde.String)
)

func compile(t *testing.T, describe func(b *streams.Builder)) *graph.Topology {
	b := streams.NewBuilder("app")
	describe(b)
	topo, err := b.Build()
	require.NoError(t, err)
	return (*graph.Topology)(topo)
}

func self(v string) string { return v }

func wordCount(b *streams.Builder) {
	streams.GroupBy(streams.From(b, in), self, byWord).Count(counts).ToStream().To(out)
}

func TestSubTopologies(t *testing.T) {
	topo := compile(t, wordCount)
	require.Len(t, topo.Subs(), 2)
	require.Equal(t, []string{"in"}, topo.Inputs(topo.Subs()[0]))
	require.Equal(t, []string{"app-by-word-repartition"}, topo.Inputs(topo.Subs()[1]))
	require.Equal(t, "app-counts-changelog", topo.ChangelogName("counts"))
	require.True(t, topo.IsRepartition("app-by-word-repartition"))
	require.False(t, topo.IsRepartition("in"))
}

// TestABuiltTopologyIsOnlyRead: several applications and readers may have it. The race detector judges.
func TestABuiltTopologyIsOnlyRead(t *testing.T) {
	topo := compile(t, wordCount)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			renamed, err := topo.WithApp("another")
			assert.NoError(t, err)
			assert.Equal(t, "another-counts-changelog", renamed.ChangelogName("counts"))
			assert.Equal(t, []string{"in"}, topo.Inputs(topo.Subs()[0]))
		})
	}
	wait.Wait()
}

// TestSharedStoreJoinsSubTopologies: steps that use one store run in one task.
func TestSharedStoreJoinsSubTopologies(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		table := streams.TableFrom(b, other, rows)
		streams.Join(streams.From(b, in), table, func(v, row string) string { return v + row }).To(in2())
	})
	require.Len(t, topo.Subs(), 1)
	require.Equal(t, []string{"in", "other"}, topo.Inputs(topo.Subs()[0]))
}

func in2() streams.Topic[string, string] {
	return streams.NewTopic("joined", serde.String, serde.String)
}

func TestRepartitionSuffixIsNotDoubled(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		r := streams.NewRepartition("x-repartition", serde.String, serde.String)
		streams.From(b, in).Repartition(r).GroupByKey().Count(counts)
	})
	require.Equal(t, []string{"app-x-repartition", "in"}, topo.SourceTopics())
}

func TestPartitions(t *testing.T) {
	p, err := compile(t, wordCount).Partitions(map[string]int32{"in": 5, "unrelated": 9})
	require.NoError(t, err)
	require.Equal(t, map[string]int32{"in": 5, "app-by-word-repartition": 5}, p.Topics)
	require.Equal(t, []int32{5, 5}, p.Tasks)
}

func TestRepartitionTakesThePartitionsOfWhatItIsJoinedWith(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		s := streams.SelectKey(streams.From(b, in), self).Repartition(byWord)
		streams.Join(s, streams.TableFrom(b, other, rows), func(v, row string) string { return v + row }).To(in2())
	})
	p, err := topo.Partitions(map[string]int32{"in": 2, "other": 7})
	require.NoError(t, err)
	require.Equal(t, int32(7), p.Topics["app-by-word-repartition"])
}

func TestCopartitionMismatch(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		streams.Join(streams.From(b, in), streams.TableFrom(b, other, rows), func(v, row string) string { return v }).To(in2())
	})
	_, err := topo.Partitions(map[string]int32{"in": 2, "other": 3})
	var mismatch *graph.CopartitionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, map[string]int32{"in": 2, "other": 3}, mismatch.Counts)
	require.ErrorContains(t, err, "in has 2, other has 3")
	require.Contains(t, mismatch.Site, "topology_test.go")
}

func TestMissingSource(t *testing.T) {
	_, err := compile(t, wordCount).Partitions(nil)
	var missing *graph.MissingSourceError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []string{"in"}, missing.Topics)
}

// TestMistakesAreReportedTogether finds each with the line of the call that made it.
func TestMistakesAreReportedTogether(t *testing.T) {
	b := streams.NewBuilder("bad name")
	s := streams.From(b, in)
	streams.SelectKey(s, self).GroupByKey().Count(counts)
	s.GroupByKey().Count(state.NewKeyValue("", serde.String, serde.Int64))
	s.GroupByKey().Reduce(state.NewKeyValue("counts", serde.String, serde.String), func(row, _ string) string { return row })
	s.GroupByKey().WindowedBy(window.Hopping(time.Minute, time.Hour))
	streams.From(b, streams.NewTopic("in", serde.String, serde.Int64))
	s.To(streams.NewTopic("töpic", serde.String, serde.String))
	s.Repartition(byWord)
	s.Repartition(byWord)
	_, err := b.Build()
	require.Error(t, err)
	for _, want := range []string{
		`application id: name "bad name" may only have letters`,
		"GroupByKey needs the records of a key in one partition, but ",
		`store "": a name is needed`,
		`store "counts" is declared twice, as key-value(string,string) and, at `,
		`store "counts" is kept by the step at `,
		"window advance 1h0m0s",
		`topic "in" is read with another declaration`,
		`topic "töpic"`,
		`repartition topic "by-word" is used at`,
	} {
		require.ErrorContains(t, err, want)
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasPrefix(line, "application id") {
			require.Contains(t, line, "topology_test.go:", "a mistake without its line")
		}
	}
}

func TestNoSource(t *testing.T) {
	_, err := streams.NewBuilder("app").Build()
	require.ErrorContains(t, err, "no source")
}

// TestMetadataLimit: what is committed with an offset must fit in what brokers take.
func TestMetadataLimit(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	for i := range 40 {
		s.GroupByKey().Count(state.NewKeyValue(strings.Repeat("x", 150)+string(rune('A'+i%26))+string(rune('A'+i/26)), serde.String, serde.Int64))
	}
	_, err := b.Build()
	require.ErrorContains(t, err, "bytes of offset metadata, brokers allow 4096")
}

// TestMetadataBytes are those of Kafka Streams' TopicPartitionMetadata.
func TestMetadataBytes(t *testing.T) {
	require.Equal(t, "AgAAAAAAAO5I", graph.Metadata{PartitionTime: 61000}.Encode())
	require.Equal(t, graph.Metadata{PartitionTime: 61000}, graph.DecodeMetadata("AgAAAAAAAO5I"))
	for _, foreign := range []string{"", "hello", "AAAA", "////////////", "AgAAAAAAAO5IAAAABQ=="} {
		require.Equal(t, int64(-1), graph.DecodeMetadata(foreign).PartitionTime, foreign)
	}
}

func TestMetadataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := graph.Metadata{
			PartitionTime: rapid.Int64().Draw(t, "time"),
			Times:         rapid.MapOfN(rapid.String(), rapid.Int64(), 1, 5).Draw(t, "times"),
		}
		require.Equal(t, m, graph.DecodeMetadata(m.Encode()))
	})
}

// TestMetadataTextIsOneAllocation: each commit makes one for each input.
func TestMetadataTextIsOneAllocation(t *testing.T) {
	m := graph.Metadata{PartitionTime: 61000, Times: map[string]int64{}}
	for _, name := range []string{"windows", "sessions", "millstream", "buffer", "sums"} {
		m.Times[name] = 61000
	}
	require.Equal(t, 1.0, testing.AllocsPerRun(100, func() { m.Encode() }))
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add("AgAAAAAAAO5I")
	f.Add(graph.Metadata{PartitionTime: 1, Times: map[string]int64{"store": 2}}.Encode())
	f.Fuzz(func(t *testing.T, text string) {
		m := graph.DecodeMetadata(text)
		if m.PartitionTime != -1 {
			require.Equal(t, m.PartitionTime, graph.DecodeMetadata(m.Encode()).PartitionTime)
		}
	})
}

func TestTaskID(t *testing.T) {
	id, err := graph.ParseTaskID(graph.TaskID{Sub: 3, Partition: 14}.String())
	require.NoError(t, err)
	require.Equal(t, graph.TaskID{Sub: 3, Partition: 14}, id)
	for _, bad := range []string{"", "3", "3_", "_1", "a_b", "-1_2", "1_2_3", "0_1.damaged-5"} {
		_, err := graph.ParseTaskID(bad)
		require.Error(t, err, bad)
	}
}
