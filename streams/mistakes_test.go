package streams_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
)

// lineAbove2 is the file:line two above the call: of a call that takes two lines, where it begins.
func lineAbove2() string {
	_, file, line, _ := runtime.Caller(1)
	return file + ":" + strconv.Itoa(line-2)
}

// misuses are mistakes, each with what Build must say, and the line that it must name.
var misuses = map[string]func(*streams.Builder, *stream) (line, text string){
	"final results and idle ones": func(_ *streams.Builder, s *stream) (string, string) {
		table := reduced(s.GroupByKey().WindowedBy(tumbling(10, 0)))
		table.Final()
		table.Filter(isA).FinalIdle(time.Second)
		return lineAbove(), `final results of store "texts" are taken with idle times 0s and 1s`
	},
	"a store of two Go types": func(_ *streams.Builder, s *stream) (string, string) {
		type old struct{ Name string }
		type new struct{ Name []string }
		streams.Process(s, newLookup, state.NewKeyValue("json", serde.String, serde.JSON[old]()))
		streams.Process(s, newLookup, state.NewKeyValue("json", serde.String, serde.JSON[new]()))
		return lineAbove(), `store "json" is declared twice, as key-value(string,json) of string, streams_test.new`
	},
	"a global store of other types": func(b *streams.Builder, s *stream) (string, string) {
		streams.GlobalTableFrom(b, other, rows)
		streams.Process(s, newLookup, state.NewKeyValue("rows", serde.String, serde.Int64))
		return lineAbove(), `store "rows" is declared twice, as key-value(string,int64) of string, int64`
	},
	"no idle time": func(_ *streams.Builder, s *stream) (string, string) {
		table := reduced(s.GroupByKey().WindowedBy(tumbling(10, 0)))
		table.FinalIdle(0)
		return lineAbove(), "idle time 0s: must be whole milliseconds, 1 or more"
	},
	"half an idle millisecond": func(_ *streams.Builder, s *stream) (string, string) {
		table := reduced(s.GroupByKey().WindowedBy(tumbling(10, 0)))
		table.FinalIdle(1500 * time.Microsecond)
		return lineAbove(), "idle time 1.5ms: must be whole milliseconds, 1 or more"
	},
	"late records of values that no group has": func(b *streams.Builder, s *stream) (string, string) {
		add := func(_ record, row string) (optional, error) { return streams.Some(row), nil }
		more := func(_ streams.Record[string, int64], row string) (optional, error) { return streams.Some(row), nil }
		c := streams.CogroupAdd(streams.NewCogroup(s.GroupByKey(), zero, add), streams.From(b, counts).GroupByKey(), more)
		streams.Late[bool](c.AggregateWindows(tumbling(10, 0), texts))
		return lineAbove(), `late records with values of type bool: those that are grouped have int64, string`
	},
	"duplicates within nothing": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Deduplicate(s, first, 0, passed)
		return lineAbove(), "deduplicate within 0s: must be whole milliseconds, 1 or more"
	},
	"duplicates of changed keys": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Deduplicate(streams.SelectKey(s, first), first, time.Second, passed)
		return lineAbove(), "Deduplicate needs the records of a key in one partition"
	},
	"duplicates in a store that is kept": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Deduplicate(s, first, time.Second, passed)
		streams.Deduplicate(s, first, time.Second, passed)
		return lineAbove(), `store "passed" is kept by the step at`
	},
	"a part of a millisecond to live": func(_ *streams.Builder, s *stream) (string, string) {
		s.ToTable(rows.TTL(time.Microsecond))
		return lineAbove(), "time to live 1µs: must be whole milliseconds"
	},
	"a time to live of a materialized table": func(b *streams.Builder, _ *stream) (string, string) {
		streams.TableFrom(b, other, rows).Materialize(mortalText)
		return lineAbove(), `store "mortal" has a time to live`
	},
	"a time to live of a group of a table": func(b *streams.Builder, _ *stream) (string, string) {
		streams.TableGroupBy(streams.TableFrom(b, other, rows), valueTwice, rekey).Reduce(mortalText, glue, glue)
		return lineAbove(), `store "mortal" has a time to live`
	},
	"a time to live of a global table": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, other, mortalText)
		return lineAbove(), `store "mortal" has a time to live`
	},
	"a time to live of a global processor": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalProcess(b, other, newCapitals, mortalText)
		return lineAbove(), `store "mortal" has a time to live`
	},
	"a time to live of a join by foreign key": func(b *streams.Builder, _ *stream) (string, string) {
		left, right := albums(b), artists(b)
		streams.JoinForeignKey(left, right, albumArtists, mortalText, artistOf, glue)
		return lineAbove(), `store "mortal" has a time to live`
	},
	"a time to live in a processor alone": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Process(s, newReader, rows.TTL(time.Minute))
		return lineAbove(), `store "rows" has a time to live, which only tables`
	},
	"a time to live in a processor of values alone": func(_ *streams.Builder, s *stream) (string, string) {
		streams.ProcessValues(s, newPassing, rows.TTL(time.Minute))
		return lineAbove(), `store "rows" has a time to live, which only tables`
	},
	"a time to live that the table does not have": func(b *streams.Builder, s *stream) (string, string) {
		streams.Process(s, newReader, rows.TTL(time.Minute))
		line := lineAbove()
		s.ToTable(rows)
		return line, `store "rows" has a time to live`
	},
	"the newest in a processor alone": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Process(s, newReader, rows.NewestWins())
		return lineAbove(), `in store "rows" the newest record wins, which only tables`
	},
	"half a millisecond of a processor's windows": func(_ *streams.Builder, s *stream) (string, string) {
		streams.Process(s, newReader, texts.Retain(1500*time.Microsecond))
		return lineAbove(), `store "texts": retention 1.5ms: must be whole milliseconds`
	},
	"a retention below zero of records that wait": func(b *streams.Builder, s *stream) (string, string) {
		held := state.NewBuffer("held", serde.String, serde.String).Retain(-time.Second)
		streams.JoinWithGrace(s, versionsOf(b), streams.Left, ms(10), held, rowOf)
		return lineAbove(), `store "held": retention -1s: must be whole milliseconds, 0 or more`
	},
	"a buffer that is never full": func(_ *streams.Builder, s *stream) (string, string) {
		buffer := state.NewSuppress("held", serde.String, serde.String)
		s.ToTable(rows).Suppress(streams.HoldFor(ms(10)).FailWhenFull(), buffer)
		return lineAbove(), "FailWhenFull has no effect without MaxRecords or MaxBytes"
	},
	"a global table of the latest": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, other.FromLatest(), rows)
		return lineAbove(), `topic "other" fills a global table or processor, which reads it from its start`
	},
	"a global processor of the committed": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalProcess(b, other.FromCommitted(), newCapitals, rows)
		return lineAbove(), `topic "other" fills a global table or processor, which reads it from its start`
	},
	"a global table of the past": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, other.FromPast(time.Hour), rows)
		return lineAbove(), `topic "other" fills a global table or processor, which reads it from its start`
	},
	"a repartition topic with a name that cannot be": func(_ *streams.Builder, s *stream) (string, string) {
		s.Repartition(streams.NewRepartition("a/b", serde.String, serde.String))
		return lineAbove(), `topic "a/b": name "a/b" may only have letters, digits and . _ -`
	},
	"the newest in an aggregation": func(_ *streams.Builder, s *stream) (string, string) {
		s.GroupByKey().Reduce(rows.NewestWins(), concat)
		return lineAbove(), `in store "rows" the newest record wins, which only tables of topics and streams heed`
	},
	"the newest in a materialized table": func(b *streams.Builder, _ *stream) (string, string) {
		streams.TableFrom(b, other, rows).Materialize(state.NewKeyValue("new", serde.String, serde.String).NewestWins())
		return lineAbove(), `in store "new" the newest record wins`
	},
	"a source that is global already": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, other, rows)
		streams.From(b, other)
		return lineAbove(), `topic "other" is a global table or a source, not both`
	},
	"a global table that is a source already": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, in, rows)
		return lineAbove(), `topic "in" is a global table or a source, not both`
	},
	"a topic in two global tables": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, other, rows)
		streams.GlobalProcess(b, other, newCapitals, tally)
		return lineAbove(), `topic "other" fills one global table or processor`
	},
	"a global table in a kept store": func(b *streams.Builder, s *stream) (string, string) {
		s.ToTable(rows)
		streams.GlobalTableFrom(b, other, rows)
		return lineAbove(), `store "rows" is kept by the step at`
	},
	"a global table without serdes": func(b *streams.Builder, _ *stream) (string, string) {
		streams.GlobalTableFrom(b, streams.NewTopic[string, string]("bare", nil, serde.String), rows)
		return lineAbove(), `topic "bare" needs a serde for keys and one for values`
	},
	"an outer join with a global table": func(b *streams.Builder, s *stream) (string, string) {
		table := streams.GlobalTableFrom(b, other, rows)
		streams.JoinGlobalRecord(s, table, streams.Outer, sameKey, keyed)
		return lineAbove(), "a join with a global table is Inner or Left"
	},
	"a global table of another builder": func(_ *streams.Builder, s *stream) (string, string) {
		table := streams.GlobalTableFrom(streams.NewBuilder("another"), other, rows)
		streams.JoinGlobalRecord(s, table, streams.Left, sameKey, keyed)
		return lineAbove(), "stream and table of two builders are joined"
	},
	"a join with what is told per commit": func(b *streams.Builder, s *stream) (string, string) {
		table := streams.PerCommit(streams.TableFrom(b, other, rows))
		joins["Join"](s, table)
		return "join_test.go:", "nowhere kept behind Suppress or PerCommit: put Materialize there"
	},
	"rows of windows in one store": func(_ *streams.Builder, s *stream) (string, string) {
		reduced(s.GroupByKey().WindowedBy(tumbling(10, 0)))
		s.GroupByKey().WindowedBy(tumbling(10, 0)).Reduce(texts, concat)
		return lineAbove(), `store "texts" is kept by the step at`
	},
}

func rowOf(_ record, row optional) (optional, error) { return row, nil }

func newPassing() streams.FixedKeyProcessor[string, string, string] {
	pass := func(ctx *streams.FixedKeyContext[string, string], r streams.FixedKeyRecord[string, string]) error {
		return ctx.Forward(r)
	}
	return streams.ProcessValuesFunc(pass)()
}

// TestAProcessorMayHaveTheStoreOfATableThatDies: as the table declares it, or without the settings that are the table's.
func TestAProcessorMayHaveTheStoreOfATableThatDies(t *testing.T) {
	for _, given := range []state.KeyValue[string, string]{mortalText, state.NewKeyValue("mortal", serde.String, serde.String)} {
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		streams.Process(s, newReader, given)
		s.ToTable(mortalText)
		build(t, b)
	}
}

// TestEachMistakeOfAStoreHasItsLine: a store of no constructor has several.
func TestEachMistakeOfAStoreHasItsLine(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).ToTable(state.KeyValue[string, string]{})
	for _, line := range strings.Split(mistakes(t, b), "\n") {
		require.Contains(t, line, "mistakes_test.go:")
		require.Contains(t, line, `store "": `)
	}
}

// TestATopologyThatNothingBuilt is refused in words, by all that run one.
func TestATopologyThatNothingBuilt(t *testing.T) {
	_, err := streams.New(&topology.Topology{}, streams.Config{})
	require.ErrorContains(t, err, "use what streams.Builder.Build returned")
	_, err = testkit.NewDriver(&topology.Topology{})
	require.ErrorContains(t, err, "use what streams.Builder.Build returned")
}

var mortalText = state.NewKeyValue("mortal", serde.String, serde.String).TTL(time.Minute)

func keyed(r record, _, row optional) (optional, error) { return row, nil }

func TestBuildNamesTheLineOfEachMisuse(t *testing.T) {
	for name, misuse := range misuses {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			line, text := misuse(b, streams.From(b, in))
			got := mistakes(t, b)
			require.Contains(t, got, text)
			if line[0] == '/' {
				line += ": "
			}
			require.Contains(t, got, line)
			require.NotContains(t, got, "\n", "one mistake, one line")
		})
	}
}
