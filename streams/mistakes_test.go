package streams_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
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
