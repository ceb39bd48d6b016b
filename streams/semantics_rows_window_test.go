package streams_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// inWindows reduces topic S by windows.
func inWindows(windows window.Windows, path func(*windowTable) *results) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream {
		table := streams.From(b, topicS).GroupByKey().WindowedBy(windows).Reduce(texts, glue)
		return streams.ResultsBy(path(table), span)
	}
}

// inSessions reduces topic S by sessions.
func inSessions(gap, grace int64, path func(*windowTable) *results) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream {
		sessions := window.Sessions(ms(gap)).Grace(ms(grace))
		table := streams.From(b, topicS).GroupByKey().SessionsBy(sessions).Reduce(visits, glue)
		return streams.ResultsBy(path(table), span)
	}
}

func sliding(d, grace int64) window.Windows { return window.Sliding(ms(d)).Grace(ms(grace)) }

// Kafka Streams: null values are counted by tumbling and hopping windows and sessions, and skipped by plain aggregates
// and sliding windows. Millstream has one rule: nulls are dropped and counted. An aggregator that returns null deletes
// the row, and what comes next begins anew, in value and time.
func TestRow12NullsInAggregates(t *testing.T) {
	perWindow := func(windows window.Windows) func(*streams.Builder) *stream {
		return func(b *streams.Builder) *stream {
			table := streams.From(b, topicS).GroupByKey().WindowedBy(windows).Count(minutes)
			return streams.ResultsBy(streams.WindowedMapValues(table, digits).Updates(), span)
		}
	}
	for key, build := range map[string]func(*streams.Builder) *stream{
		"k": func(b *streams.Builder) *stream {
			return streams.TableMapValues(streams.From(b, topicS).GroupByKey().Count(tally), digits).ToStream()
		},
		"k:20-30": perWindow(tumbling(10, 0)),
		"k:10-20": perWindow(sliding(10, 0)),
		"k:20-20": func(b *streams.Builder) *stream {
			table := streams.From(b, topicS).GroupByKey().SessionsBy(window.Sessions(ms(10))).
				Count(state.NewSession("visits", in.Key(), counts.Value()))
			return streams.ResultsBy(streams.WindowedMapValues(table, digits).Updates(), span)
		},
	} {
		d := plays(t, build, fmt.Sprintf(`
			S(k,a)@20 -> (%s,1)@20
			S(k,null)@20
			S(null,a)@20
			S(k,b)@20 -> (%s,2)@20`, key, key))
		require.Equal(t, drops{streams.DropNullKey: 1, streams.DropNullValue: 1}, d.Dropped(), key)
	}
	plays(t, func(b *streams.Builder) *stream {
		return streams.AggregateRecord(streams.From(b, topicS).GroupByKey(), rows, func() string { return "I" },
			func(r record, row string) (optional, error) {
				return optional{Value: row + r.Value, OK: r.Value != "DEL"}, nil
			}).ToStream()
	}, `
		S(k,a)@10 -> (k,Ia)@10
		S(k,b)@5 -> (k,Iab)@10
		S(k,DEL)@3 -> (k,null)@10
		S(k,DEL)@4
		S(k,c)@2 -> (k,Ic)@2`)
	plays(t, inWindows(tumbling(10, 0), updates), `
		S(null,x)@100
		S(k,a)@1 -> (k:0-10,a)@1`)
}

// Kafka Streams: a window is closed when stream time, shared by all keys, reaches end plus grace; each closed window of
// a record counts as a drop, the others are updated in ascending order.
func TestRow13LateRecordsInAlignedWindows(t *testing.T) {
	d := plays(t, inWindows(tumbling(10, 5), updates), `
		S(k,a)@0 -> (k:0-10,a)@0
		S(k,b)@9 -> (k:0-10,ab)@9
		S(k,c)@10 -> (k:10-20,c)@10
		S(z,t14)@14 -> (z:10-20,t14)@14
		S(k,late14)@3 -> (k:0-10,ablate14)@9
		S(z,t15)@15 -> (z:10-20,t14t15)@15
		S(k,late15)@3`)
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
	d = plays(t, inWindows(window.Hopping(ms(10), ms(4)), updates), `
		S(k,a)@1 -> (k:0-10,a)@1
		S(k,b)@9 -> (k:0-10,ab)@9 (k:4-14,b)@9 (k:8-18,b)@9
		S(k,c)@12 -> (k:4-14,bc)@12 (k:8-18,bc)@12 (k:12-22,c)@12
		S(k,late)@9 -> (k:4-14,bclate)@12 (k:8-18,bclate)@12
		S(k,late2)@1`)
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
}

// Kafka Streams: a merge deletes the sessions it merges and emits the new one, at its end. Where the bounds stay, it
// emits null before the value with the cache off; Millstream never does.
func TestRow14SessionMerge(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		sessions := window.Sessions(ms(5)).Grace(ms(20))
		table := streams.SessionAggregate(streams.From(b, topicS).GroupByKey().SessionsBy(sessions), visits,
			func() string { return "" }, func(_, v, row string) string { return row + v },
			func(_, x, y string) string { return x + "|" + y })
		return streams.ResultsBy(table.Updates(), span)
	}, `
		S(k,a)@0 -> (k:0-0,a)@0
		S(k,b)@10 -> (k:10-10,b)@10
		S(k,c)@5 -> (k:0-0,null)@0 (k:10-10,null)@10 (k:0-10,|a|bc)@10
		S(k,d)@5 -> (k:0-10,||a|bcd)@10
		S(k,e)@16 -> (k:16-16,e)@16
		S(k,f)@11 -> (k:0-10,null)@10 (k:16-16,null)@16 (k:0-16,|||a|bcd|ef)@16
		S(k,g)@0 -> (k:0-16,||||a|bcd|efg)@16`)
	plays(t, inSessions(5, 20, updates), `
		S(k,a)@0 -> (k:0-0,a)@0
		S(k,b)@0 -> (k:0-0,ab)@0
		S(k,c)@3 -> (k:0-0,null)@0 (k:0-3,abc)@3
		S(k,d)@1 -> (k:0-3,abcd)@3`)
}

// Kafka Streams: the bridging record is merged with a session that is closed. Here a closed session never changes: what
// would bridge into it begins a session of its own, and is late if that one is closed.
func TestRow14ClosedSessionsAreNeverMerged(t *testing.T) {
	d := plays(t, inSessions(5, 0, updates), `
		S(k,a)@0 -> (k:0-0,a)@0
		S(z,t5)@5 -> (z:5-5,t5)@5
		S(k2,late5)@0 -> (k2:0-0,late5)@0
		S(z2,t6)@6 -> (z2:6-6,t6)@6
		S(k3,late6)@0
		S(k,bridge)@3 -> (k:3-3,bridge)@3
		S(k,wide)@7 -> (k:3-3,null)@3 (k:3-7,bridgewide)@7
		S(k,b)@1 -> (k:3-7,null)@7 (k:1-7,bridgewideb)@7`)
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

// Kafka Streams: a record updates the windows that hold it and makes those that now exist; those below the difference
// are one window; a record is late when its last possible window is.
func TestRow15SlidingWindows(t *testing.T) {
	d := plays(t, inWindows(sliding(10, 5), updates), `
		S(k,1)@10 -> (k:0-10,1)@10
		S(k,2)@10 -> (k:0-10,12)@10
		S(k,3)@14 -> (k:4-14,123)@14 (k:11-21,3)@14
		S(k,4)@3 -> (k:0-10,124)@10
		S(z,adv)@28 -> (z:18-28,adv)@28
		S(k,5)@13 -> (k:14-24,3)@14
		S(k,6)@12`)
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

// Kafka Streams: suppress until close gives sessions and sliding windows more than one "final" result, or loses one.
// Millstream gives each window exactly one.
func TestRow16FinalExactlyOnce(t *testing.T) {
	plays(t, inWindows(tumbling(10, 5), finals), `
		S(k,a)@0
		S(z,t14)@14
		S(k,late14)@3
		S(z,t15)@15 -> (k:0-10,alate14)@3
		S(k,late15)@3
		S(z,t100)@100 -> (z:10-20,t14t15)@15`)
	plays(t, inSessions(5, 0, finals), `
		S(k,a)@0
		S(z,t5)@5
		S(k,b)@0
		S(k,c)@5
		S(z,t50)@50 -> (k:0-5,abc)@5 (z:5-5,t5)@5`)
	plays(t, inWindows(sliding(10, 0), finals), `
		S(k,a)@20
		S(k,b)@20
		S(k,c)@20
		S(z,t21)@21 -> (k:10-20,abc)@20
		S(k,d)@20
		S(z,t99)@99 -> (z:11-21,t21)@21`)
}

// Kafka Streams: emit on window close loses a window for ever when stream time jumps over what its store keeps, as do
// sliding windows; sessions never come. Here a is told exactly once, wherever the next record is.
func TestRow17NoWindowIsLost(t *testing.T) {
	for _, grace := range []int64{0, 5, 10} {
		for at := 30 + grace; at <= 65; at++ {
			got := plays(t, inWindows(tumbling(10, grace), finals), fmt.Sprintf(`
				S(k,a)@20
				S(z,x)@%d -> (k:20-30,a)@20
				S(z,x)@%d`, at, at))
			require.Empty(t, got.Dropped())
		}
	}
	plays(t, inWindows(tumbling(10, 5), finals), `
		S(k,0)@0
		S(k,1)@10
		S(k,2)@20 -> (k:0-10,0)@0
		S(k,3)@30 -> (k:10-20,1)@10
		wall 1000
		S(k,x)@121 -> (k:20-30,2)@20 (k:30-40,3)@30`)
	plays(t, inSessions(5, 0, finals), `
		S(k,a)@0
		S(z,t50)@50 -> (k:0-0,a)@0`)
	plays(t, inWindows(sliding(10, 0), finals), `
		S(z,t21)@21
		S(z,t99)@9999 -> (z:11-21,t21)@21`)
}

// Kafka Streams: windowed operators, joins and suppress forget their stream time at a restart, and take late records in
// right after it. Millstream keeps it, even when the state directory is lost.
func TestRow31StreamTimeSurvivesRestarts(t *testing.T) {
	for _, again := range []string{"restart", "lose state"} {
		for name, build := range map[string]func(*streams.Builder) *stream{
			"tumbling": inWindows(tumbling(10, 0), finals),
			"sliding":  inWindows(sliding(10, 0), finals),
			"sessions": inSessions(5, 0, finals),
			"join": func(b *streams.Builder) *stream {
				s := streams.From(b, topicS)
				return streams.JoinStreamsRecord(s, s.Filter(isA), streams.Inner, within(5, 0), pairs, sides)
			},
		} {
			d := plays(t, build, `
				S(z,x)@100
				`+again+`
				S(k,late)@9`)
			require.Equal(t, drops{streams.DropLate: 1}, d.Dropped(), "%s, %s", name, again)
		}
		plays(t, func(b *streams.Builder) *stream {
			return streams.TableFrom(b, topicS, rows).Suppress(streams.HoldFor(ms(10)), heldBack).ToStream()
		}, `
			S(z,x)@100
			`+again+`
			S(k,old)@9 -> (k,old)@9`)
	}
}

// Kafka Streams: stateless steps keep headers, aggregates have those of the current record, sessions none; unmatched
// and final results have those of whatever record came by, of another key even. Millstream: own headers, or none.
func TestRow36HeadersOfOthersNeverLeak(t *testing.T) {
	for name, build := range map[string]func(*streams.Builder) *stream{
		"join":     joinLR(streams.Left, within(10, 0)),
		"final":    finalsOfL,
		"sessions": finalSessionsOfL,
	} {
		b := streams.NewBuilder("app")
		build(b).To(out)
		d := drive(t, b)
		for _, r := range []record{rec("k", "a", 0), rec("z", "b", 40), rec("z", "c", 80)} {
			testkit.Input(d, topicL).PipeRecord(withHeader(r, r.Value))
		}
		got := testkit.Output(d, out).Read()
		require.Len(t, got, 2, name)
		for _, r := range got {
			require.Empty(t, r.Headers, "%s: %s", name, show(r))
		}
	}
	b := streams.NewBuilder("app")
	inSessions(5, 0, updates)(b).To(out)
	d := drive(t, b)
	testkit.Input(d, topicS).PipeRecord(withHeader(rec("k", "a", 0), "own"))
	require.Equal(t, []record{withHeader(rec("k:0-0", "a", 0), "own")}, testkit.Output(d, out).Read())
}

func finalsOfL(b *streams.Builder) *stream {
	table := streams.From(b, topicL).GroupByKey().WindowedBy(tumbling(10, 1)).Reduce(texts, glue)
	return streams.ResultsBy(table.Final(), span)
}

func finalSessionsOfL(b *streams.Builder) *stream {
	table := streams.From(b, topicL).GroupByKey().SessionsBy(window.Sessions(ms(5))).Reduce(visits, glue)
	return streams.ResultsBy(table.Final(), span)
}

// Kafka Streams: suppress gives back the headers of the last update of a row, a join those of the record that came
// last.
func TestRow36ResultsHaveTheHeadersOfTheirNewestRecord(t *testing.T) {
	send := func(build func(*streams.Builder) *stream, topics []streams.Topic[string, string], records ...record) []record {
		b := streams.NewBuilder("app")
		build(b).To(out)
		d := drive(t, b)
		for i, r := range records {
			testkit.Input(d, topics[i]).PipeRecord(withHeader(r, r.Value))
		}
		return testkit.Output(d, out).Read()
	}
	got := send(suppressed(streams.HoldFor(ms(10))), []streams.Topic[string, string]{topicT, topicT, topicT},
		rec("k", "a", 0), rec("k", "b", 5), rec("z", "c", 10))
	require.Equal(t, []record{withHeader(rec("k", "b", 5), "b")}, got)
	got = send(joinLR(streams.Inner, within(10, 0)), []streams.Topic[string, string]{topicL, topicR},
		rec("k", "a", 5), rec("k", "b", 3))
	require.Equal(t, []record{withHeader(rec("k", "a/b", 5), "b")}, got)
}

// Kafka Streams: each input of a windowed cogroup has a stream time of its own over the one store, so that values are
// lost or come back from the dead. Here all inputs share one.
func TestRow42WindowedCogroupHasOneStreamTime(t *testing.T) {
	d := plays(t, func(b *streams.Builder) *stream {
		add := func(r record, row string) (optional, error) { return streams.Some(row + r.Value), nil }
		cogroup := streams.NewCogroup(streams.From(b, topicL).GroupByKey(), func() string { return "" }, add)
		cogroup = streams.CogroupAdd(cogroup, streams.From(b, topicR).GroupByKey(), add)
		return streams.ResultsBy(cogroup.AggregateWindows(tumbling(10, 0), texts).Updates(), span)
	}, `
		L(k,a)@1 -> (k:0-10,a)@1
		R(k,b)@2 -> (k:0-10,ab)@2
		R(k,c)@30 -> (k:30-40,c)@30
		L(k,late)@3
		L(k,d)@31 -> (k:30-40,cd)@31`)
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

// Kafka Streams: one record can emit the same sliding window twice, in the order of the store's iteration. Here each
// window comes once, by ascending start.
func TestRow45SlidingWindowsComeOnceAscending(t *testing.T) {
	plays(t, inWindows(sliding(10, 0), updates), `
		S(k,a)@20 -> (k:10-20,a)@20
		S(k,b)@25 -> (k:15-25,ab)@25 (k:21-31,b)@25
		S(k,c)@30 -> (k:20-30,abc)@30 (k:21-31,bc)@30 (k:26-36,c)@30
		S(k,d)@31 -> (k:21-31,bcd)@31 (k:26-36,cd)@31 (k:31-41,d)@31
		S(k,e)@41 -> (k:31-41,de)@41 (k:32-42,e)@41`)
	plays(t, inWindows(sliding(10, 50), updates), `
		S(k,a)@20 -> (k:10-20,a)@20
		S(k,c)@30 -> (k:20-30,ac)@30 (k:21-31,c)@30
		S(k,b)@25 -> (k:15-25,ab)@25 (k:20-30,acb)@30 (k:21-31,cb)@30 (k:26-36,c)@30
		S(k,d)@25 -> (k:15-25,abd)@25 (k:20-30,acbd)@30 (k:21-31,cbd)@30`)
}
