package streams_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

var (
	numbers    = streams.NewOutput[int64, string]("numbers")
	numberless = streams.NewOutput[string, string]("numberless")
	byNumber   = streams.NewTopic("by-number", serde.Int64, serde.String)
	wordless   = textTopic("wordless")
)

// dealer sends numbers to one output, nothing to another, and the rest on.
func dealer(ctx *textContext, r record) error {
	n, err := strconv.ParseInt(r.Value, 10, 64)
	switch {
	case err == nil:
		return numbers.Forward(ctx, streams.WithKey(r, n))
	case r.NullValue || r.Value == "":
		return numberless.Forward(ctx, r)
	}
	return ctx.Forward(r)
}

func TestARecordGoesToOneOutput(t *testing.T) {
	b := streams.NewBuilder("app")
	words := streams.Process(streams.From(b, in), streams.ProcessFunc(dealer))
	streams.SideOutput(words, numbers).To(byNumber)
	streams.SideOutput(words, numberless).To(wordless)
	words.To(out)
	streams.SideOutput(words, numberless).Peek(func(r record) { require.Empty(t, r.Value) })
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("k", "7", 2), rec("k", "", 3), rec("k", "b", 4), nullValue("k", 5))
	require.Equal(t, []record{rec("k", "a", 1), rec("k", "b", 4)}, testkit.Output(d, out).Read())
	require.Equal(t, []streams.Record[int64, string]{{Key: 7, Value: "7", Timestamp: 2}}, testkit.Output(d, byNumber).Read())
	require.Equal(t, []record{rec("k", "", 3), nullValue("k", 5)}, testkit.Output(d, wordless).Read())
}

func TestOutputsOfAProcessorOfValues(t *testing.T) {
	b := streams.NewBuilder("app")
	words := streams.ProcessValues(streams.From(b, in), streams.ProcessValuesFunc(
		func(ctx *fixedContext, r fixedRecord) error {
			if r.Record().Value == "" {
				return numberless.Forward(ctx, r.Record())
			}
			return ctx.Forward(r)
		}))
	words.To(out)
	streams.SideOutput(words, numberless).MarkAsPartitioned().GroupByKey().Count(tally)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("k", "", 2), rec("k", "", 3))
	require.Equal(t, []string{"a"}, values(d))
	require.Equal(t, int64(2), testkit.Rows(d, tally)[0].Value)
}

func TestAnOutputThatWasNotAskedFor(t *testing.T) {
	b := streams.NewBuilder("app")
	words := streams.Process(streams.From(b, in), streams.ProcessFunc(dealer))
	words.To(out)
	streams.SideOutput(words, streams.NewOutput[string, string]("numbers")) // with other types than dealer's
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	pipe(d, rec("k", "7", 1))
	var missing *graph.MissingOutputError
	require.ErrorAs(t, d.Err(), &missing)
	require.Equal(t, "numbers", missing.Output)
	require.Contains(t, missing.Record, "Record[int64,string]")
	require.Contains(t, missing.Site, "output_test.go:")
	require.NoError(t, d.Close())
}

func TestMistakesWithOutputs(t *testing.T) {
	for want, describe := range map[string]func(s *stream){
		"none of Process or ProcessValues":     func(s *stream) { streams.SideOutput(s, numberless) },
		"a name is needed":                     func(s *stream) { streams.SideOutput(dealt(s), streams.Output[string, string]{}) },
		"may only have letters, digits":        func(s *stream) { streams.SideOutput(dealt(s), streams.NewOutput[string, string]("a b")) },
		"put Repartition":                      func(s *stream) { streams.SideOutput(dealt(s), numberless).GroupByKey().Count(tally) },
		"is added to a topology that has been": func(s *stream) { streams.SideOutput(dealt(s), numberless) },
	} {
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		if want == "is added to a topology that has been" {
			_, err := b.Build()
			require.NoError(t, err)
		}
		describe(s)
		_, err := b.Build()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "output_test.go:")
	}
}

func dealt(s *stream) *stream { return streams.Process(s, streams.ProcessFunc(dealer)) }

// A side output is in the sub-topology of its step, has its name in descriptions, and nothing in the lock file.
func TestDescriptionOfOutputs(t *testing.T) {
	describe := func(side bool) *topology.Topology {
		b := streams.NewBuilder("app")
		words := dealt(streams.From(b, in))
		words.To(out)
		if side {
			streams.SideOutput(words, numbers).ForEach(func(streams.Record[int64, string]) error { return nil })
		}
		return build(t, b)
	}
	topo := describe(true)
	require.Len(t, (*graph.Topology)(topo).Subs(), 1)
	require.Contains(t, topo.Describe(), "Processor: output-numbers-3 (stores: [])")
	require.Equal(t, describe(false).Lock(), topo.Lock())
}

// What is joined by way of a side output must be partitioned alike, as anything else.
func TestASideOutputIsCopartitioned(t *testing.T) {
	b := streams.NewBuilder("app")
	side := streams.SideOutput(dealt(streams.From(b, in)), numberless).MarkAsPartitioned()
	streams.Join(side, streams.TableFrom(b, other, rows), concat).To(out)
	topo := compiled(t, b)
	_, err := topo.Partitions(map[string]int32{in.Name(): 4, other.Name(): 3, out.Name(): 1})
	var wrong *streams.CopartitionError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, map[string]int32{in.Name(): 4, other.Name(): 3}, wrong.Counts)
}
