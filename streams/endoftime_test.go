package streams_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// spanCounts counts records by key and window, and is the counts as they come.
func spanCounts(t *testing.T, windows window.Windows, restart bool, records ...record) []int64 {
	t.Helper()
	b := streams.NewBuilder("app")
	counted := streams.From(b, in).GroupByKey().WindowedBy(windows).
		Count(state.NewWindow("spans", serde.String, serde.Int64))
	streams.ResultsBy(counted.Updates(), func(w window.Windowed[string]) string { return w.Key }).To(counts)
	d := drive(t, b)
	for _, r := range records {
		pipe(d, r)
		if restart {
			d.LoseState()
		}
	}
	var got []int64
	for _, r := range testkit.Output(d, counts).Read() {
		got = append(got, r.Value)
	}
	require.Empty(t, d.Dropped())
	return got
}

var year9999 = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli()

func TestAWindowWithoutEndKeepsItsCount(t *testing.T) {
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	at := start.UnixMilli()
	for _, far := range []int64{year9999, math.MaxInt64} {
		for _, restart := range []bool{false, true} {
			got := spanCounts(t, window.Unlimited(start), restart,
				rec("k", "v", at), rec("k", "v", at+1), rec("far", "v", far), rec("k", "v", at+2), rec("k", "v", at+3))
			require.Equal(t, []int64{1, 2, 1, 3, 4}, got)
		}
	}
}

func TestWindowsAtTheEndOfTimeCount(t *testing.T) {
	end := int64(math.MaxInt64)
	for _, windows := range []window.Windows{
		window.Tumbling(time.Hour), window.Tumbling(ms(1)), window.Tumbling(time.Hour).Grace(time.Hour),
		window.Days(time.UTC), window.Weeks(time.UTC, time.Monday), window.Months(time.UTC).Grace(time.Hour),
		window.Unlimited(time.UnixMilli(0)),
	} {
		require.Equal(t, []int64{1, 2, 3}, spanCounts(t, windows, false,
			rec("k", "v", end), rec("k", "v", end), rec("k", "v", end)), windows.String())
	}
	require.Equal(t, []int64{1, 1, 2, 2}, spanCounts(t, window.Hopping(ms(4), ms(2)), false,
		rec("k", "v", end), rec("k", "v", end)))
	// Of sliding windows, that which ends at the record.
	require.Equal(t, []int64{1, 2, 3}, spanCounts(t, window.Sliding(ms(10)), false,
		rec("k", "v", end), rec("k", "v", end), rec("k", "v", end)))
}

// A window whose grace is the longest there is, too.
func TestWindowsWithTheLongestGraceKeepTheirCounts(t *testing.T) {
	ever := time.Duration(math.MaxInt64).Truncate(time.Millisecond)
	for _, windows := range []window.Windows{
		window.Tumbling(time.Hour).Grace(ever), window.Days(time.UTC).Grace(ever), window.Tumbling(ever),
	} {
		got := spanCounts(t, windows, false, rec("k", "v", 1), rec("far", "v", ever.Milliseconds()-1), rec("k", "v", 2))
		require.Equal(t, []int64{1, 1, 2}, got, windows.String())
	}
}

func TestSessionsAtTheEndOfTimeMerge(t *testing.T) {
	b := streams.NewBuilder("app")
	counted := streams.From(b, in).GroupByKey().SessionsBy(window.Sessions(ms(100))).
		Count(state.NewSession("visits", serde.String, serde.Int64))
	streams.ResultsBy(counted.Updates(), func(w window.Windowed[string]) string { return w.Key }).To(counts)
	d := drive(t, b)
	end := int64(math.MaxInt64)
	pipe(d, rec("k", "v", end-50), rec("k", "v", end), rec("k", "v", end-120))
	require.Equal(t, map[string]int64{"k": 3}, testkit.Latest(testkit.Output(d, counts)))
	require.Empty(t, d.Dropped())
}

func TestDuplicatesAtTheEndOfTimeAreFound(t *testing.T) {
	end := int64(math.MaxInt64)
	for _, within := range []time.Duration{ms(100), time.Duration(math.MaxInt64 / 2).Truncate(time.Millisecond)} {
		b := streams.NewBuilder("app")
		id := func(v string) string { return v }
		streams.Deduplicate(streams.From(b, in), id, within, state.NewWindow("ids", serde.String, serde.Bool)).To(out)
		d := drive(t, b)
		pipe(d, rec("k", "a", end-10), rec("k", "a", end), rec("k", "b", end), rec("k", "b", end-10), rec("k", "a", end-20))
		require.Equal(t, []record{rec("k", "a", end-10), rec("k", "b", end)}, testkit.Output(d, out).Read())
	}
}

func TestStreamsJoinAtTheEndOfTime(t *testing.T) {
	end := int64(math.MaxInt64)
	for name, c := range map[string]struct {
		windows window.Join
		want    []record
	}{
		"within": {window.Within(ms(100)), []record{rec("k", "l/r", end-1)}},
		"later":  {window.Between(-ms(20), ms(100)), nil},
	} {
		b := streams.NewBuilder("app")
		streams.JoinStreams(streams.From(b, in), streams.From(b, other), c.windows,
			state.NewJoin("both", serde.String, serde.String, serde.String),
			func(l, r string) string { return l + "/" + r }).To(out)
		d := drive(t, b)
		testkit.Input(d, other).PipeRecord(rec("k", "r", end-1))
		pipe(d, rec("k", "l", end-10))
		require.Equal(t, c.want, testkit.Output(d, out).Read(), name)
	}
}

func TestRowsAtTheEndOfTimeLive(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.TableFrom(b, in, rows.TTL(ms(100))).ToStream().To(out)
	d := drive(t, b)
	end := int64(math.MaxInt64)
	pipe(d, rec("k", "a", end-200), rec("l", "b", end-50), rec("m", "c", end))
	require.Equal(t, []record{
		rec("k", "a", end-200), nullValue("k", end-99), rec("l", "b", end-50), rec("m", "c", end),
	}, testkit.Output(d, out).Read())
	require.Len(t, testkit.Rows(d, rows), 2)
}

func TestPunctuationsAtTheEndOfTimeAreNotDueForEver(t *testing.T) {
	fired := 0
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() textProcessor { return &counting{fired: &fired} }).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "v", math.MaxInt64-1), rec("k", "v", math.MaxInt64), rec("k", "v", math.MaxInt64))
	require.Equal(t, 1, fired)
}

type counting struct {
	fired *int
}

func (p *counting) Init(ctx *textContext) error {
	ctx.Schedule(time.Hour, streams.StreamTime, func(int64) error { *p.fired++; return nil })
	return nil
}

func (p *counting) Process(ctx *textContext, r record) error {
	return ctx.Forward(r)
}
