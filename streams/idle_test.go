package streams_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// idle closes windows after 100 ms of silence.
func idle(t *windowTable) *results { return t.FinalIdle(ms(100)) }

func TestSilenceClosesWindows(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, idle)
	final := testkit.Output(d, out)
	pipe(d, rec("k", "a", 1))
	d.AdvanceWallClock(ms(99))
	require.Empty(t, final.Read())
	d.AdvanceWallClock(ms(1))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, final.Read(), "stream time is 101")

	pipe(d, rec("k", "late", 5), rec("k", "late too", 99), rec("k", "b", 102))
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
	require.Empty(t, final.Read())
	d.AdvanceWallClock(ms(1000))
	require.Equal(t, []record{rec("k@[100,110)", "b", 102)}, final.Read())
}

func TestSilenceClosesWindowsThatSlideAndSessions(t *testing.T) {
	for name, steps := range map[string]func(*streams.Group[string, string]) *results{
		"k@[0,1]": func(g *streams.Group[string, string]) *results { return idle(reduced(g.WindowedBy(sliding(1, 0)))) },
		"k@[1,1]": func(g *streams.Group[string, string]) *results {
			return idle(g.SessionsBy(window.Sessions(ms(10))).Reduce(visits, concat))
		},
	} {
		b := streams.NewBuilder("app")
		streams.ResultsBy(steps(streams.From(b, in).GroupByKey()), windowText).To(out)
		d := drive(t, b)
		pipe(d, rec("k", "a", 1))
		d.AdvanceWallClock(ms(100))
		require.Equal(t, []record{rec(name, "a", 1)}, testkit.Output(d, out).Read())
	}
}

func TestARecordEndsTheSilence(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, idle)
	pipe(d, rec("k", "a", 1))
	d.AdvanceWallClock(ms(60))
	pipe(d, rec("k", "b", 2))
	d.AdvanceWallClock(ms(60))
	require.Empty(t, testkit.Output(d, out).Read(), "120 ms, but no more than 60 without a record")
	d.AdvanceWallClock(ms(50))
	require.Equal(t, []record{rec("k@[0,10)", "a+b", 2)}, testkit.Output(d, out).Read())
}

func TestNothingClosesBeforeTheFirstRecord(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, idle)
	d.AdvanceWallClock(ms(100_000))
	pipe(d, rec("k", "a", 1))
	d.AdvanceWallClock(ms(50))
	require.Empty(t, testkit.Output(d, out).Read())
	require.Empty(t, d.Dropped())
}

// Silence has moved stream time from 100 to 600 when a record comes that is older. The next silence begins at 600.
func TestASilenceGoesOnFromWhereTheOneBeforeEnded(t *testing.T) {
	d := windowDriver(t, tumbling(1000, 0), reduced, idle)
	pipe(d, rec("k", "a", 100))
	d.AdvanceWallClock(ms(500))
	pipe(d, rec("k", "b", 200))
	d.AdvanceWallClock(ms(399))
	require.Empty(t, testkit.Output(d, out).Read())
	d.AdvanceWallClock(ms(26))
	require.Equal(t, []record{rec("k@[0,1000)", "a+b", 200)}, testkit.Output(d, out).Read())
}

func TestASilentPartitionClosesWhileAnotherIsBusy(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, idle, testkit.Partitions(4), testkit.CacheBytes(1))
	silent, busy := apart(t, d)
	pipe(d, rec(silent, "x", 1))
	for i := range int64(5) {
		pipe(d, rec(busy, "y", i))
		d.AdvanceWallClock(ms(40))
	}
	require.Equal(t, []record{rec("a@[0,10)", "x", 1)}, testkit.Output(d, out).Read())
}

// The groups of a cogroup share their windows: as long as records come in one of them, though none moves stream time,
// there is no silence.
func TestACogroupIsSilentWhenAllItsGroupsAre(t *testing.T) {
	b := streams.NewBuilder("app")
	add := func(r record, row string) (optional, error) { return streams.Some(concat(row, r.Value)), nil }
	left := streams.NewCogroup(streams.From(b, in).GroupByKey(), zero, add)
	table := streams.CogroupAdd(left, streams.From(b, other).GroupByKey(), add).AggregateWindows(tumbling(10, 0), texts)
	streams.ResultsBy(table.FinalIdle(ms(100)), windowText).To(out)
	d := drive(t, b)
	testkit.Input(d, other).PipeRecord(rec("k", "r", 5))
	for range 5 {
		pipe(d, rec("k", "l", 1))
		d.AdvanceWallClock(ms(60))
	}
	require.Empty(t, testkit.Output(d, out).Read())
	d.AdvanceWallClock(ms(60))
	require.Equal(t, []record{rec("k@[0,10)", "0+r+l+l+l+l+l", 5)}, testkit.Output(d, out).Read())
}

func TestIdleFinalsComeOnceAcrossAccidents(t *testing.T) {
	for name, happen := range accidents {
		for when := range 5 {
			d := windowDriver(t, tumbling(10, 0), reduced, idle, testkit.CommitEvery(0), testkit.Partitions(2))
			for i, step := range []func(){
				func() { pipe(d, rec("k", "a", 1)) },
				func() { d.AdvanceWallClock(ms(200)) },
				func() { d.AdvanceWallClock(ms(500)); d.Commit() }, // from here on the window is closed for good
				func() { pipe(d, rec("k", "late", 5)) },
				func() { pipe(d, rec("k", "b", 1000)) },
			} {
				if step(); i == when {
					happen(d)
				}
			}
			d.Commit()
			require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, testkit.Output(d, out).Read(), "%s behind %d", name, when)
			require.LessOrEqual(t, int64(1), d.Dropped()[streams.DropLate], "%s behind %d", name, when)
		}
	}
}

func TestARestartBeginsANewSilence(t *testing.T) {
	d := windowDriver(t, tumbling(10, 0), reduced, idle)
	pipe(d, rec("k", "a", 1))
	d.AdvanceWallClock(ms(90))
	d.Restart()
	d.AdvanceWallClock(ms(90))
	require.Empty(t, testkit.Output(d, out).Read())
	d.AdvanceWallClock(ms(10))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1)}, testkit.Output(d, out).Read())
}

func TestAFailingConsumerOfIdleFinalsLosesNone(t *testing.T) {
	fail := true
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0)))
	streams.ResultsBy(idle(table), windowText).FilterRecord(func(r record) (bool, error) {
		if fail && r.Key == "l@[0,10)" {
			return false, errors.New("not now")
		}
		return true, nil
	}).To(out)
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("l", "b", 2))
	d.AdvanceWallClock(ms(100))
	require.Empty(t, testkit.Output(d, out).Read(), "k's result had been sent, and is taken back")
	fail = false
	d.AdvanceWallClock(ms(25))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1), rec("l@[0,10)", "b", 2)}, testkit.Output(d, out).Read())
}

func TestStepsOnATableShareItsIdleFinals(t *testing.T) {
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0)))
	streams.ResultsBy(idle(table.Filter(isA)), windowText).To(out)
	streams.ResultsBy(idle(table.FilterNot(isA)), windowText).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "b", 1))
	d.AdvanceWallClock(ms(100))
	require.Equal(t, []record{rec("k@[0,10)", "a", 1), rec("l@[0,10)", "b", 1)}, testkit.Output(d, out).Read())
}
