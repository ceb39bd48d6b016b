package streams_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

type windowedText = window.Windowed[string]

// textlessCounts is a topic of counts beside topic out.
var textlessCounts = streams.NewTopic("counts", serde.String, serde.Int64)

// perWindowOf groups the rows of windows by the window, and counts them: how many keys each window has.
func perWindowOf(table *windowTable) {
	byWindow := streams.TableGroupBy(streams.TableOf(table), func(w windowedText, v string) (string, string) {
		return w.Window.String(), v
	}, rekey)
	byWindow.Count(tally).ToStream().To(counts)
}

func TestRowsOfWindowsInGroups(t *testing.T) {
	for name, happen := range accidents {
		b := streams.NewBuilder("app")
		perWindowOf(reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 100))))
		d := drive(t, b, testkit.Partitions(3), testkit.CommitEvery(0), testkit.CacheBytes(1))
		pipe(d, rec("k", "a", 1), rec("l", "b", 2), rec("k", "c", 11))
		happen(d)
		pipe(d, rec("k", "d", 3), rec("m", "e", 12))
		d.Commit()
		require.Equal(t, map[string]int64{"[0,10)": 2, "[10,20)": 2}, testkit.Latest(testkit.Output(d, counts)), name)
	}
}

// Sessions that meet are one row less.
func TestRowsOfSessionsInGroups(t *testing.T) {
	b := streams.NewBuilder("app")
	sessions := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(ms(10)).Grace(ms(100))).Reduce(visits, concat)
	perKey := streams.TableGroupBy(streams.TableOf(sessions), func(w windowedText, v string) (string, string) {
		return w.Key, v
	}, rekey)
	perKey.Count(tally).ToStream().To(counts)
	d := drive(t, b, testkit.Partitions(3))
	pipe(d, rec("k", "a", 0), rec("k", "b", 20), rec("l", "c", 0))
	require.Equal(t, map[string]int64{"k": 2, "l": 1}, testkit.Latest(testkit.Output(d, counts)))
	pipe(d, rec("k", "between", 10))
	require.Equal(t, map[string]int64{"k": 1}, testkit.Latest(testkit.Output(d, counts)))
}

// A join looks the other side's window up, and follows changes of both.
func TestRowsOfWindowsInJoins(t *testing.T) {
	more := state.NewWindow("more", serde.String, serde.String)
	for kind, want := range map[streams.JoinKind][]string{
		streams.Inner: {"k@[0,10) a/x", "k@[0,10) a+b/x"},
		streams.Left:  {"k@[0,10) a/null", "k@[0,10) a/x", "k@[0,10) a+b/x", "k@[10,20) c/null"},
		streams.Outer: {"k@[0,10) a/null", "k@[0,10) a/x", "l@[0,10) null/y", "k@[0,10) a+b/x", "k@[10,20) c/null"},
	} {
		b := streams.NewBuilder("app")
		left := streams.TableOf(reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 100))))
		right := streams.TableOf(streams.From(b, other).GroupByKey().WindowedBy(tumbling(10, 100)).Reduce(more, concat))
		joined := streams.TableJoinRecord(left, right, kind, func(_ windowedText, l, r optional) (optional, error) {
			return sides(optional{}, l, r)
		})
		streams.ToStreamKey(joined, func(r streams.Record[windowedText, string]) (optional, error) {
			return streams.Some(windowText(r.Key)), nil
		}).To(out)
		d := drive(t, b, testkit.Partitions(2), testkit.CacheBytes(1))
		pipe(d, rec("k", "a", 1))
		pipeOther(d, rec("k", "x", 2), rec("l", "y", 3))
		d.LoseState()
		pipe(d, rec("k", "b", 4), rec("k", "c", 11))
		var got []string
		for _, r := range testkit.Output(d, out).Read() {
			got = append(got, fmt.Sprint(r.Key, " ", r.Value))
		}
		require.Equal(t, want, got, "kind %v", kind)
	}
}

func TestRowsOfWindowsMaterializedAndHeldBack(t *testing.T) {
	key := window.TimeKey(serde.String, tumbling(10, 0))
	kept := state.NewKeyValue("kept", key, serde.String)
	held := state.NewSuppress("held", key, serde.String)
	b := streams.NewBuilder("app")
	table := streams.TableOf(reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0))))
	calm := table.Suppress(streams.HoldFor(ms(10)), held).Materialize(kept)
	streams.ToStreamKey(calm, func(r streams.Record[windowedText, string]) (optional, error) {
		return streams.Some(windowText(r.Key)), nil
	}).To(out)
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2))
	d.LoseState()
	pipe(d, rec("k", "c", 12))
	d.Commit()
	require.Equal(t, []record{rec("k@[0,10)", "a+b", 2)}, testkit.Output(d, out).Read())
	value, ok := testkit.Get(d, kept, windowedText{Key: "k", Window: tumbling(10, 0).Window(0)})
	require.True(t, ok)
	require.Equal(t, "a+b", value)
}

// A step on the windows is one on the table.
func TestAFilterOfWindowsHoldsInTheirTable(t *testing.T) {
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 100)))
	perWindowOf(table.FilterNot(func(v string) bool { return v == "a+b" }))
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "c", 2), rec("k", "b", 3))
	require.Equal(t, map[string]int64{"[0,10)": 1}, testkit.Latest(testkit.Output(d, counts)))
}
