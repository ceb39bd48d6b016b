package streams_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

type (
	windowGroup = streams.WindowedGroup[string, string]
	windowTable = streams.WindowTable[string, string]
	results     = streams.WindowResults[string, string]
)

var texts = state.NewWindow("texts", serde.String, serde.String)

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func tumbling(size, grace int64) window.Windows { return window.Tumbling(ms(size)).Grace(ms(grace)) }

// windowText is key@[start,end).
func windowText(w window.Windowed[string]) string { return w.Key + "@" + w.Window.String() }

func reduced(g *windowGroup) *windowTable { return g.Reduce(texts, concat) }

func updates(t *windowTable) *results { return t.Updates() }
func finals(t *windowTable) *results  { return t.Final() }

// windowDriver runs topic in through an aggregation by windows to topic out.
func windowDriver(
	t testing.TB, w window.Windows, aggregate func(*windowGroup) *windowTable, path func(*windowTable) *results,
	opts ...testkit.Option,
) *testkit.Driver {
	t.Helper()
	b := streams.NewBuilder("app")
	table := aggregate(streams.From(b, in).GroupByKey().WindowedBy(w))
	streams.ResultsBy(path(table), windowText).To(out)
	return drive(t, b, opts...)
}

// windowed is what that makes of records.
func windowed(
	t testing.TB, w window.Windows, aggregate func(*windowGroup) *windowTable, path func(*windowTable) *results,
	records ...record,
) ([]record, drops) {
	t.Helper()
	d := windowDriver(t, w, aggregate, path)
	pipe(d, records...)
	return testkit.Output(d, out).Read(), d.Dropped()
}

func TestTumblingWindows(t *testing.T) {
	got, dropped := windowed(t, tumbling(10, 0), reduced, updates,
		rec("k", "a", 0), rec("l", "b", 1), rec("k", "c", 9), rec("k", "d", 7), rec("k", "e", 10))
	require.Equal(t, []record{
		rec("k@[0,10)", "a", 0), rec("l@[0,10)", "b", 1), rec("k@[0,10)", "a+c", 9), rec("k@[0,10)", "a+c+d", 9),
		rec("k@[10,20)", "e", 10),
	}, got)
	require.Empty(t, dropped)
}

func TestARecordIsLateWhenStreamTimeHasReachedTheCloseOfItsWindow(t *testing.T) {
	at := func(streamTime int64) ([]record, drops) {
		return windowed(t, tumbling(10, 5), reduced, updates, rec("other", "x", streamTime), rec("k", "a", 3))
	}
	got, dropped := at(14)
	require.Equal(t, rec("k@[0,10)", "a", 3), got[1])
	require.Empty(t, dropped)

	got, dropped = at(15)
	require.Len(t, got, 1)
	require.Equal(t, drops{streams.DropLate: 1}, dropped)
}

func TestHoppingWindowsAreUpdatedInAscendingOrderAndExpireOneByOne(t *testing.T) {
	hops := window.Hopping(ms(10), ms(5)).Grace(ms(2))
	got, dropped := windowed(t, hops, reduced, updates,
		rec("k", "a", 7), rec("k", "b", 3), // [0,10) [5,15); [0,10)
		rec("k", "c", 12), rec("k", "d", 8), // [5,15) [10,20); [0,10) has closed, [5,15) has not
		rec("k", "e", 30), rec("k", "f", 8)) // both have closed
	require.Equal(t, []record{
		rec("k@[0,10)", "a", 7), rec("k@[5,15)", "a", 7), rec("k@[0,10)", "a+b", 7),
		rec("k@[5,15)", "a+c", 12), rec("k@[10,20)", "c", 12), rec("k@[5,15)", "a+c+d", 12),
		rec("k@[25,35)", "e", 30), rec("k@[30,40)", "e", 30),
	}, got)
	require.Equal(t, drops{streams.DropLate: 3}, dropped)
}

func TestNullValuesMoveStreamTimeAndNullKeysDoNot(t *testing.T) {
	got, dropped := windowed(t, tumbling(10, 0), reduced, updates,
		nullKey("x", 100), rec("k", "a", 1), nullValue("l", 50), rec("k", "b", 2))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, got)
	require.Equal(t, drops{streams.DropNullKey: 1, streams.DropNullValue: 1, streams.DropLate: 1}, dropped)
}

// Starts of windows are multiples of 5 up to math.MaxInt64-2: the next one would wrap around.
func TestTheEndOfTimeIsNoTrap(t *testing.T) {
	const last = math.MaxInt64 - 2
	got, _ := windowed(t, window.Hopping(ms(10), ms(5)), reduced, updates, rec("k", "a", math.MaxInt64-1))
	require.Equal(t, []record{
		rec(fmt.Sprintf("k@[%d,%d)", int64(last-5), int64(math.MaxInt64)), "a", math.MaxInt64-1),
		rec(fmt.Sprintf("k@[%d,%d)", int64(last), int64(math.MaxInt64)), "a", math.MaxInt64-1),
	}, got)
}

func TestAWindowAggregatorThatReturnsNoneDeletesTheRow(t *testing.T) {
	add := func(g *windowGroup) *windowTable { return streams.WindowedAggregateRecord(g, texts, zero, unless("x")) }
	records := []record{
		rec("k", "x", 1), // no row to delete
		rec("k", "a", 9), rec("k", "x", 4), rec("k", "x", 5), rec("k", "b", 2), rec("k", "x", 12), rec("k", "c", 30),
	}
	got, _ := windowed(t, tumbling(10, 5), add, updates, records...)
	require.Equal(t, []record{
		rec("k@[0,10)", "0+a", 9), nullValue("k@[0,10)", 9), rec("k@[0,10)", "0+b", 2), rec("k@[30,40)", "0+c", 30),
	}, got)
	got, _ = windowed(t, tumbling(10, 5), add, finals, records...)
	require.Equal(t, []record{rec("k@[0,10)", "0+b", 2)}, got)
}

func TestTheFormsOfWindowedAggregation(t *testing.T) {
	records := []record{rec("k", "a", 1), rec("k", "b", 2)}
	for name, form := range map[string]struct {
		aggregate func(*windowGroup) *windowTable
		want      string
	}{
		"Reduce":       {reduced, "a+b"},
		"ReduceRecord": {func(g *windowGroup) *windowTable { return g.ReduceRecord(texts, unless("x")) }, "a+b"},
		"Aggregate": {func(g *windowGroup) *windowTable {
			return streams.WindowedAggregate(g, texts, zero, func(key, v, row string) string { return concat(row, key+v) })
		}, "0+ka+kb"},
		"Count": {func(g *windowGroup) *windowTable {
			return streams.WindowedMapValues(g.Count(minutes), func(n int64) string { return fmt.Sprint(n) })
		}, "2"},
	} {
		got, _ := windowed(t, tumbling(10, 0), form.aggregate, updates, records...)
		require.Equal(t, rec("k@[0,10)", form.want, 2), got[1], name)
	}
}

func TestStepsOnAWindowTableApplyToUpdatesAndFinals(t *testing.T) {
	// A row is visible while it does not end in b.
	hasNoB := func(v string) bool { return !strings.HasSuffix(v, "b") }
	for name, steps := range map[string]func(*windowTable) *windowTable{
		"Filter":    func(t *windowTable) *windowTable { return t.Filter(hasNoB) },
		"FilterNot": func(t *windowTable) *windowTable { return t.FilterNot(func(v string) bool { return !hasNoB(v) }) },
		"FilterRecord": func(t *windowTable) *windowTable {
			return t.FilterRecord(func(r streams.Record[window.Windowed[string], string]) (bool, error) {
				return r.Key.Window.Start >= 0 && hasNoB(r.Value), nil
			})
		},
		"WindowedMapValuesRecord": func(t *windowTable) *windowTable {
			return streams.WindowedMapValuesRecord(t,
				func(r streams.Record[window.Windowed[string], string]) (streams.Optional[string], error) {
					return streams.Optional[string]{Value: r.Value, OK: hasNoB(r.Value)}, nil
				})
		},
	} {
		t.Run(name, func(t *testing.T) {
			aggregate := func(g *windowGroup) *windowTable {
				return streams.WindowedMapValues(steps(reduced(g)), strings.ToUpper)
			}
			records := []record{
				rec("k", "a", 1), rec("k", "b", 2), rec("k", "b", 3), rec("k", "c", 4), rec("l", "b", 5), rec("x", "x", 10),
			}
			got, _ := windowed(t, tumbling(10, 0), aggregate, updates, records...)
			require.Equal(t, []record{
				rec("k@[0,10)", "A", 1), nullValue("k@[0,10)", 2), rec("k@[0,10)", "A+B+B+C", 4), rec("x@[10,20)", "X", 10),
			}, got)
			got, _ = windowed(t, tumbling(10, 0), aggregate, finals, records...)
			require.Equal(t, []record{rec("k@[0,10)", "A+B+B+C", 4)}, got)
		})
	}
}

func TestUpdatesHaveTheHeadersOfTheirRecord(t *testing.T) {
	got, _ := windowed(t, tumbling(10, 0), reduced, updates, withHeader(rec("k", "a", 1), "h"), rec("k", "b", 2))
	require.Equal(t, []record{withHeader(rec("k@[0,10)", "a", 1), "h"), rec("k@[0,10)", "a+b", 2)}, got)
}

func TestResultsRecordMakesKeyAndValue(t *testing.T) {
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0)))
	streams.ResultsByRecord(table.Updates(), func(r streams.Record[window.Windowed[string], string]) (record, error) {
		return record{Key: r.Value, Value: windowText(r.Key), Timestamp: 99}, nil
	}).To(out)
	d := drive(t, b)
	pipe(d, withHeader(rec("k", "a", 1), "h"))
	require.Equal(t, []record{withHeader(rec("a", "k@[0,10)", 1), "h")}, testkit.Output(d, out).Read())
}

func TestWindowedResultsGoToATopicOfWindowedKeys(t *testing.T) {
	w := tumbling(60_000, 0)
	topic := streams.NewTopic("windows", window.TimeKey(serde.String, w), serde.String)
	b := streams.NewBuilder("app")
	streams.WindowedResults(reduced(streams.From(b, in).GroupByKey().WindowedBy(w)).Updates()).To(topic)
	d := drive(t, b)
	pipe(d, rec("alice", "a", 61_000))
	require.Equal(t, []streams.Record[window.Windowed[string], string]{{
		Key:   window.Windowed[string]{Key: "alice", Window: window.Window{Start: 60_000, End: 120_000}},
		Value: "a", Timestamp: 61_000,
	}}, testkit.Output(d, topic).Read())
}

func TestTheStoreKeepsWindowsForTheirSizeAndGraceOrLonger(t *testing.T) {
	of := func(store state.Window[string, string]) time.Duration {
		b := streams.NewBuilder("app")
		streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 5)).Reduce(store, concat)
		return compiled(t, b).Subs()[0].Stores[0].Options().Retention
	}
	require.Equal(t, ms(15), of(texts))
	require.Equal(t, ms(15), of(texts.Retain(ms(1))))
	require.Equal(t, ms(100), of(texts.Retain(ms(100))))
}

// A processor that reads the store of a windowed aggregation, declared before or behind it, never shortens the store's
// retention.
func TestTheLongestRetentionOfAStoreHolds(t *testing.T) {
	for _, processorFirst := range []bool{true, false} {
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		aggregate := func() { s.GroupByKey().WindowedBy(tumbling(10, 5)).Reduce(texts, concat) }
		if processorFirst {
			streams.Process(s, newPassOn, texts)
			aggregate()
		} else {
			aggregate()
			streams.Process(s, newPassOn, texts)
		}
		require.Equal(t, ms(15), compiled(t, b).Subs()[0].Stores[0].Options().Retention, "processor first: %v", processorFirst)
	}
}
