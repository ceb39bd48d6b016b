package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
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
	w.ledger[topology.DropLate] += n
	return []record{r}
}

// lateWindows sends the late records of an aggregation to topic out, and final results elsewhere, if asked to.
func lateWindows(b *streams.Builder, windows window.Windows, final bool) {
	g := streams.From(b, in).GroupByKey().WindowedBy(windows)
	table := reduced(g)
	if final {
		streams.Results(table.Final(), windowText).To(textTopic("finals"))
	}
	streams.Late(g, texts).To(out)
}

func TestLateRecordsOfHoppingWindowsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 20).Draw(t, "size")
		windows := window.Hopping(ms(size), ms(rapid.Int64Range(1, size).Draw(t, "advance"))).
			Grace(ms(rapid.Int64Range(0, 15).Draw(t, "grace")))
		b := streams.NewBuilder("app")
		lateWindows(b, windows, rapid.Bool().Draw(t, "final"))
		w := &lateTwin{ledger: ledger{}, late: func(ts, streamTime int64) (n int64) {
			for start := int64(0); start <= ts; start += windows.Advance() {
				if ts < start+size && windows.CloseTime(start) <= streamTime {
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
	before := w.ledger[topology.DropLate]
	w.sessionTwin.take(r)
	if w.ledger[topology.DropLate] == before {
		return nil
	}
	return []record{r}
}

func TestLateRecordsOfSessionsFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap, grace := rapid.Int64Range(1, 15).Draw(t, "gap"), rapid.Int64Range(0, 10).Draw(t, "grace")
		windows := window.Sessions(ms(gap)).Grace(ms(grace))
		b := streams.NewBuilder("app")
		g := streams.From(b, in).GroupByKey().SessionsBy(windows)
		table := g.Reduce(visits, concat)
		if rapid.Bool().Draw(t, "final") {
			streams.Results(table.Final(), windowText).To(textTopic("finals"))
		}
		streams.LateForSessions(g, visits).To(out)
		w := lateSessionTwin{&sessionTwin{ledger: ledger{}, windows: windows, gap: gap, grace: grace}}
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
	require.Equal(t, drops{topology.DropLate: 2}, d.Dropped())
}

// The record that fails behind Late is taken back, and comes late no more often for it.
func TestALateRecordThatFailsIsTakenBack(t *testing.T) {
	b := streams.NewBuilder("app")
	g := streams.From(b, in).GroupByKey().WindowedBy(tumbling(10, 0))
	reduced(g)
	late := streams.Late(g, texts)
	late.To(out)
	late.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 20), rec("k", "bad", 1), rec("k", "b", 2))
	require.Equal(t, []record{rec("k", "b", 2)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{topology.DropProcess: 1, topology.DropLate: 1}, d.Dropped())
}

// Of a cogroup each group has late records of its own, by the time that they share.
func TestLateRecordsOfACogroup(t *testing.T) {
	b := streams.NewBuilder("app")
	left, right := streams.From(b, in).GroupByKey(), streams.From(b, other).GroupByKey()
	add := func(r record, row string) (optional, error) { return streams.Some(concat(row, r.Value)), nil }
	streams.AddGroup(streams.NewCogroup(left, zero, add), right, add).AggregateWindows(tumbling(10, 0), texts)
	streams.Late(right.WindowedBy(tumbling(10, 0)), texts).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 30), rec("k", "late left", 1))
	testkit.Input(d, other).PipeRecord(rec("k", "late right", 2))
	testkit.Input(d, other).PipeRecord(rec("k", "b", 30))
	require.Equal(t, []record{rec("k", "late right", 2)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{topology.DropLate: 2}, d.Dropped())
}
