package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

func TestBuildReportsAllMistakesWithTheirLines(t *testing.T) {
	b := streams.NewBuilder("my app")
	s := streams.From(b, in)
	s.GroupByKey().Count(state.NewKeyValue("", serde.String, serde.Int64))
	noName := lineAbove()
	s.ToTable(state.NewKeyValue("a/b", serde.String, serde.String))
	badName := lineAbove()
	s.GroupByKey().WindowedBy(window.Tumbling(0)).Count(minutes)
	noSize := lineAbove()
	s.Repartition(streams.NewRepartition("", serde.String, serde.String))
	noTopic := lineAbove()
	s.To(streams.NewTopic[string, string]("plain", serde.String, nil))
	noSerde := lineAbove()

	text := mistakes(t, b)
	require.Contains(t, text, `application id: name "my app"`)
	require.Contains(t, text, noName+`: store "": a name is needed`)
	require.Contains(t, text, badName+`: store "a/b"`)
	require.Contains(t, text, noSize+`: window size 0s`)
	require.Contains(t, text, noTopic+`: topic "": a name is needed`)
	require.Contains(t, text, noSerde+`: topic "plain" needs a serde`)
}

func TestBuildWantsASource(t *testing.T) {
	require.Contains(t, mistakes(t, streams.NewBuilder("app")), "no source")
}

func TestATopicReadTwiceHasOneSource(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).To(out)
	streams.TableFrom(b, in, rows)
	topo := compiled(t, b)
	require.Len(t, topo.Subs(), 1)
	require.Len(t, topo.Subs()[0].Sources, 1)
}

func TestATopicReadTwiceHasOneDeclaration(t *testing.T) {
	zero := func(record, int64) (int64, error) { return 0, nil }
	stamped := in.Timestamp(zero)
	numbers := streams.NewTopic("in", serde.String, serde.Int64)
	quoted := streams.NewTopic("in", serde.String, serde.JSON[string]())
	for name, second := range map[string]func(*streams.Builder){
		"other types":       func(b *streams.Builder) { streams.From(b, numbers) },
		"other format":      func(b *streams.Builder) { streams.From(b, quoted) },
		"other time":        func(b *streams.Builder) { streams.From(b, in) },
		"another extractor": func(b *streams.Builder) { streams.From(b, in.Timestamp(zero)) },
		"other start":       func(b *streams.Builder) { streams.From(b, stamped.FromLatest()) },
		"other past":        func(b *streams.Builder) { streams.From(b, stamped.FromPast(time.Hour)) },
	} {
		b := streams.NewBuilder("app")
		streams.From(b, stamped)
		line := lineAbove()
		second(b)
		require.Contains(t, mistakes(t, b), `topic "in" is read with another declaration at `+line, name)
	}
	b := streams.NewBuilder("app")
	streams.From(b, stamped)
	streams.From(b, stamped)
	build(t, b)
}

func TestAStoreHasOneStepThatKeepsIt(t *testing.T) {
	text := state.NewKeyValue("tally", serde.String, serde.String)
	for name, second := range map[string]func(*streams.Builder, *stream){
		"aggregate":   func(_ *streams.Builder, s *stream) { s.GroupByKey().Count(tally) },
		"to table":    func(_ *streams.Builder, s *stream) { s.ToTable(text) },
		"table":       func(b *streams.Builder, _ *stream) { streams.TableFrom(b, other, text) },
		"materialize": func(_ *streams.Builder, s *stream) { s.ToTable(rows).Materialize(text) },
		"windows": func(_ *streams.Builder, s *stream) {
			s.GroupByKey().WindowedBy(window.Tumbling(time.Second)).
				Count(state.NewWindow("tally", serde.String, serde.Int64))
		},
	} {
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		s.GroupByKey().Count(tally)
		line := lineAbove()
		second(b, s)
		require.Contains(t, mistakes(t, b), `store "tally" is kept by the step at `+line, name)
	}
}

func TestARepartitionTopicHasOneUse(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	s.Repartition(rekey)
	line := lineAbove()
	s.Filter(isA).Repartition(rekey)
	require.Contains(t, mistakes(t, b), `repartition topic "rekey" is used at `+line)
}

func TestStepsOfTwoBuildersDoNotMix(t *testing.T) {
	a, b := streams.NewBuilder("a"), streams.NewBuilder("b")
	streams.From(a, in).Merge(streams.From(b, other))
	require.Contains(t, mistakes(t, a), "two builders are merged")

	c := streams.NewBuilder("c")
	streams.Join(streams.From(c, in), streams.TableFrom(b, other, rows), func(v, row string) string { return v })
	require.Contains(t, mistakes(t, c), "two builders are joined")
}

func TestTimestampsComeFromTheExtractor(t *testing.T) {
	seconds := func(r record, partitionTime int64) (int64, error) {
		if r.Value == "before" {
			return partitionTime, nil
		}
		return int64(len(r.Value)) - 2, nil
	}
	b := streams.NewBuilder("app")
	streams.From(b, in.Timestamp(seconds)).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "12345", 99), rec("k", "1", 99), rec("k", "before", 99))
	require.Equal(t, []record{rec("k", "12345", 3), rec("k", "before", 3)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropTimestamp: 1}, d.Dropped())
}

func TestANegativeTimestampNeedsAnExtractor(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).To(out)
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", -1), rec("k", "b", 0))
	require.Equal(t, []record{rec("k", "b", 0)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropTimestamp: 1}, d.Dropped())
}

func TestTopicsSayWhereTheyAreReadFrom(t *testing.T) {
	for want, topic := range map[graph.Reset]streams.Topic[string, string]{
		graph.Earliest: in, graph.Latest: in.FromLatest(), graph.Committed: in.FromCommitted(),
		graph.Past: in.FromLatest().FromPast(time.Hour),
	} {
		b := streams.NewBuilder("app")
		streams.From(b, topic).To(out)
		reset, past := compiled(t, b).ResetOf("in")
		require.Equal(t, want, reset)
		require.Equal(t, want == graph.Past, past == time.Hour)
	}
	b := streams.NewBuilder("app")
	streams.From(b, in.FromPast(0))
	line := lineAbove()
	require.Contains(t, mistakes(t, b), line+`: topic "in" is read from the past 0s`)
}
