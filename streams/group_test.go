package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

type group = streams.Group[string, string]

func concat(row, v string) string { return row + "+" + v }

// unless is concat that deletes the row at one value.
func unless(value string) func(record, string) (streams.Optional[string], error) {
	return func(r record, row string) (streams.Optional[string], error) {
		return streams.Optional[string]{Value: concat(row, r.Value), OK: r.Value != value}, nil
	}
}

func zero() string { return "0" }

// aggregated is what an aggregation of topic in makes of records.
func aggregated(t *testing.T, aggregate func(*group) *table, records ...record) ([]record, *testkit.Driver) {
	t.Helper()
	b := streams.NewBuilder("app")
	aggregate(streams.From(b, in).GroupByKey()).ToStream().To(out)
	d := drive(t, b)
	pipe(d, records...)
	return testkit.Output(d, out).Read(), d
}

func TestCountIsAnInt64PerKey(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).GroupByKey().Count(tally).ToStream().To(counts)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "a", 2), rec("k", "", 3))
	require.Equal(t, []streams.Record[string, int64]{
		{Key: "k", Value: 1, Timestamp: 1}, {Key: "l", Value: 1, Timestamp: 2}, {Key: "k", Value: 2, Timestamp: 3},
	}, testkit.Output(d, counts).Read())
}

func TestReduceBeginsWithTheFirstValue(t *testing.T) {
	got, _ := aggregated(t, func(g *group) *table { return g.Reduce(rows, concat) },
		rec("k", "a", 5), rec("k", "b", 3), rec("k", "c", 9))
	require.Equal(t, []record{rec("k", "a", 5), rec("k", "a+b", 5), rec("k", "a+b+c", 9)}, got)
}

func TestAggregateBeginsWithTheInitialValue(t *testing.T) {
	got, _ := aggregated(t, func(g *group) *table {
		return streams.Aggregate(g, rows, zero, func(key, v, row string) string { return concat(row, key+v) })
	}, rec("k", "a", 5), rec("k", "b", 3))
	require.Equal(t, []record{rec("k", "0+ka", 5), rec("k", "0+ka+kb", 5)}, got)
}

func TestAnAggregatorThatReturnsNoneDeletesTheRow(t *testing.T) {
	got, d := aggregated(t, func(g *group) *table { return streams.AggregateRecord(g, rows, zero, unless("x")) },
		rec("k", "x", 1), // there is no row: nothing to delete
		rec("k", "a", 9), rec("k", "c", 3), rec("k", "x", 4), rec("k", "x", 5),
		rec("k", "b", 2)) // begins anew: initial value and timestamp
	require.Equal(t, []record{
		rec("k", "0+a", 9), rec("k", "0+a+c", 9), nullValue("k", 9), rec("k", "0+b", 2),
	}, got)
	require.Equal(t, []state.Row[string, string]{{Key: "k", Value: "0+b", Timestamp: 2}}, testkit.Rows(d, rows))
}

func TestReduceRecordMayDeleteTheRow(t *testing.T) {
	got, _ := aggregated(t, func(g *group) *table { return g.ReduceRecord(rows, unless("x")) },
		rec("k", "a", 9), rec("k", "b", 1), rec("k", "x", 4), rec("k", "c", 2))
	require.Equal(t, []record{rec("k", "a", 9), rec("k", "a+b", 9), nullValue("k", 9), rec("k", "c", 2)}, got)
}

func TestAggregatesDropNullsAndCountThem(t *testing.T) {
	got, d := aggregated(t, func(g *group) *table { return g.Reduce(rows, concat) },
		nullKey("a", 1), nullValue("k", 2), record{NullKey: true, NullValue: true, Timestamp: 3}, rec("k", "", 4))
	require.Equal(t, []record{rec("k", "", 4)}, got)
	require.Equal(t, drops{streams.DropNullKey: 2, streams.DropNullValue: 1}, d.Dropped())
}

func TestAResultHasTheHeadersOfItsRecord(t *testing.T) {
	got, _ := aggregated(t, func(g *group) *table { return g.Reduce(rows, concat) },
		withHeader(rec("k", "a", 5), "first"), rec("k", "b", 6), withHeader(rec("k", "c", 7), "third"))
	require.Equal(t, []record{
		withHeader(rec("k", "a", 5), "first"), rec("k", "a+b", 6), withHeader(rec("k", "a+b+c", 7), "third"),
	}, got)
}

// The old value of a row's first change is none, not the initial value: a filter that would have let the initial value
// pass has nothing to delete.
func TestTheFirstChangeOfARowHasNoOldValue(t *testing.T) {
	got, _ := aggregated(t, func(g *group) *table {
		sum := streams.Aggregate(g, rows, zero, func(_, v, row string) string { return concat(row, v) })
		return sum.Filter(func(v string) bool { return v == zero() })
	}, rec("k", "a", 1))
	require.Empty(t, got)
}
