package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// lateTwin passes the records that are late for at least one window.
type lateTwin struct {
	ledger
	time int64
	late func(ts, streamTime int64) (windows int64) // that are closed
}

func (w *lateTwin) take(r record) []record {
	if !r.NullKey {
		w.time = max(w.time, r.Timestamp)
	}
	if w.rejects(r) {
		return nil
	}
	n := w.late(r.Timestamp, w.time)
	if n == 0 {
		return nil
	}
	w.ledger[streams.DropLate] += n
	return []record{r}
}

// lateWindows sends the late records of an aggregation to topic out, and final results elsewhere, if asked to.
func lateWindows(b *streams.Builder, windows window.Windows, final bool) {
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(windows))
	if final {
		streams.ResultsBy(table.Final(), windowText).To(textTopic("finals"))
	}
	streams.Late[string](table).To(out)
}

func TestLateRecordsOfHoppingWindowsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 20).Draw(t, "size")
		advance := rapid.Int64Range(1, size).Draw(t, "advance")
		grace := rapid.Int64Range(0, 15).Draw(t, "grace")
		b := streams.NewBuilder("app")
		lateWindows(b, window.Hopping(ms(size), ms(advance)).Grace(ms(grace)), rapid.Bool().Draw(t, "final"))
		w := &lateTwin{ledger: ledger{}, late: func(ts, streamTime int64) (n int64) {
			for start := int64(0); start <= ts; start += advance {
				if ts < start+size && start+size+grace <= streamTime {
					n++
				}
			}
			return n
		}}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

func TestLateRecordsOfSlidingWindowsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, grace := rapid.Int64Range(1, 20).Draw(t, "difference"), rapid.Int64Range(0, 15).Draw(t, "grace")
		b := streams.NewBuilder("app")
		lateWindows(b, sliding(d, grace), rapid.Bool().Draw(t, "final"))
		w := &lateTwin{ledger: ledger{}, late: func(ts, streamTime int64) int64 {
			if ts+d+grace < streamTime {
				return 1
			}
			return 0
		}}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// lateSessionTwin passes the records that sessions count as late.
type lateSessionTwin struct{ *sessionTwin }

func (w lateSessionTwin) take(r record) []record {
	before := w.ledger[streams.DropLate]
	w.sessionTwin.take(r)
	if w.ledger[streams.DropLate] == before {
		return nil
	}
	return []record{r}
}

func TestLateRecordsOfSessionsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap, grace := rapid.Int64Range(1, 15).Draw(t, "gap"), rapid.Int64Range(0, 10).Draw(t, "grace")
		windows := window.Sessions(ms(gap)).Grace(ms(grace))
		b := streams.NewBuilder("app")
		table := streams.From(b, in).GroupByKey().SessionsBy(windows).Reduce(visits, concat)
		if rapid.Bool().Draw(t, "final") {
			streams.ResultsBy(table.Final(), windowText).To(textTopic("finals"))
		}
		streams.Late[string](table).To(out)
		w := lateSessionTwin{&sessionTwin{ledger: ledger{}, gap: gap, grace: grace}}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

// What is late in one partition is not in another: each has a stream time of its own.
func TestWhatIsLateIsAMatterOfThePartition(t *testing.T) {
	b := streams.NewBuilder("app")
	lateWindows(b, tumbling(10, 0), true)
	d := drive(t, b, testkit.Partitions(4), testkit.CommitEvery(3))
	ahead, behind := apart(t, d)
	pipe(d, rec(ahead, "1", 100), rec(behind, "2", 5), rec(ahead, "3", 5), withHeader(rec(ahead, "4", 95), "h"))
	d.Commit()
	require.Equal(t, []record{rec(ahead, "3", 5), withHeader(rec(ahead, "4", 95), "h")}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
}

// The record that fails behind Late is taken back, and comes late no more often for it.
func TestALateRecordThatFailsIsTakenBack(t *testing.T) {
	b := streams.NewBuilder("app")
	late := streams.Late[string](reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0))))
	late.To(out)
	late.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 20), rec("k", "bad", 1), rec("k", "b", 2))
	require.Equal(t, []record{rec("k", "b", 2)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropProcess: 1, streams.DropLate: 1}, d.Dropped())
}

// lateCogroup looks for the late records of an aggregation of two groups with values of one type.
func lateCogroup(t *testing.T, aggregate func(*streams.Cogroup[string, string]) *windowTable) {
	b := streams.NewBuilder("app")
	left, right := streams.From(b, in).GroupByKey(), streams.From(b, other).GroupByKey()
	add := func(r record, row string) (optional, error) { return streams.Some(concat(row, r.Value)), nil }
	table := aggregate(streams.CogroupAdd(streams.NewCogroup(left, zero, add), right, add))
	streams.Late[string](table).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 30), rec("k", "late left", 1))
	testkit.Input(d, other).PipeRecord(rec("k", "late right", 2))
	testkit.Input(d, other).PipeRecord(rec("k", "b", 30))
	require.Equal(t, []record{rec("k", "late left", 1), rec("k", "late right", 2)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
}

// The groups of a cogroup share a time: what is late by it comes from all of them.
func TestLateRecordsOfACogroup(t *testing.T) {
	t.Run("windows", func(t *testing.T) {
		lateCogroup(t, func(c *streams.Cogroup[string, string]) *windowTable {
			return c.AggregateWindows(tumbling(10, 0), texts)
		})
	})
	t.Run("sessions", func(t *testing.T) {
		lateCogroup(t, func(c *streams.Cogroup[string, string]) *windowTable {
			return c.AggregateSessions(window.Sessions(ms(10)), visits,
				func(_ string, a, b string) (string, error) { return concat(a, b), nil })
		})
	})
}

// Groups whose values have types of their own have late records of their own, by the time that they share.
func TestLateRecordsOfACogroupByType(t *testing.T) {
	numbers := streams.NewTopic("numbers", serde.String, serde.Int64)
	lateNumbers := streams.NewTopic("late-numbers", serde.String, serde.Int64)
	b := streams.NewBuilder("app")
	left, right := streams.From(b, in).GroupByKey(), streams.From(b, numbers).GroupByKey()
	table := streams.CogroupAdd(
		streams.NewCogroup(left, zero, func(_ record, row string) (optional, error) { return streams.Some(row), nil }),
		right, func(r streams.Record[string, int64], row string) (optional, error) {
			return streams.Some(row + "n"), nil
		},
	).AggregateWindows(tumbling(10, 0), texts)
	streams.Late[int64](table).To(lateNumbers)
	streams.Late[string](table).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 30), rec("k", "late", 1))
	testkit.Input(d, numbers).PipeRecord(streams.NewRecord("k", int64(7), 2))
	require.Equal(t, []record{rec("k", "late", 1)}, testkit.Output(d, out).Read())
	late := []streams.Record[string, int64]{streams.NewRecord("k", int64(7), 2)}
	require.Equal(t, late, testkit.Output(d, lateNumbers).Read())
}

// A group that is in a cogroup twice drops a record twice; it is late once.
func TestALateRecordOfAGroupThatIsAddedTwiceComesOnce(t *testing.T) {
	b := streams.NewBuilder("app")
	g := streams.From(b, in).GroupByKey()
	add := func(r record, row string) (optional, error) { return streams.Some(concat(row, r.Value)), nil }
	table := streams.CogroupAdd(streams.NewCogroup(g, zero, add), g, add).AggregateWindows(tumbling(10, 0), texts)
	streams.Late[string](table).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 30), rec("k", "late", 1))
	require.Equal(t, []record{rec("k", "late", 1)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
}

// Days in a time zone have no length of their own: that of Berlin on the 29th of March 2026 has 23 hours.
func TestLateRecordsOfCalendarDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(day, hour int) int64 { return time.Date(2026, 3, day, hour, 0, 0, 0, berlin).UnixMilli() }
	b := streams.NewBuilder("app")
	lateWindows(b, window.Days(berlin).Grace(time.Hour), true)
	d := drive(t, b)
	pipe(d, rec("k", "a", at(29, 1)), rec("k", "b", at(30, 1)-1), rec("k", "in time", at(29, 23)),
		rec("k", "c", at(30, 1)), rec("k", "late", at(29, 23)), rec("k", "of the next day", at(30, 0)))
	require.Equal(t, []record{rec("k", "late", at(29, 23))}, testkit.Output(d, out).Read())
}

// Late records are those of the aggregation, whatever is done with its rows, however often one asks.
func TestRowsThatAreFilteredAndMappedHaveTheSameLateRecords(t *testing.T) {
	b := streams.NewBuilder("app")
	table := reduced(streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0)))
	lengths := streams.WindowedMapValues(table.FilterNot(isA), func(v string) int64 { return int64(len(v)) })
	streams.Late[string](lengths).To(out)
	streams.Late[string](table).To(other)
	d := drive(t, b)
	pipe(d, rec("k", "b", 20), rec("k", "a", 1))
	late := []record{rec("k", "a", 1)}
	require.Equal(t, late, testkit.Output(d, out).Read())
	require.Equal(t, late, testkit.Output(d, other).Read())
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}
