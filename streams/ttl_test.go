package streams_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// mortal is what a table and an aggregation with a time to live, of a table where the newest wins perhaps, have in
// common.
type mortal struct {
	ledger
	ttl, time int64 // ttl 0: for ever
	newest    bool
	fold      func(row, value string) string // nil: a table
	rows      map[string]record
}

func (w *mortal) take(r record) (emitted []record) {
	w.time = max(w.time, r.Timestamp)
	emitted = w.expire()
	if r.NullKey {
		w.rejects(r)
		return emitted
	}
	row, ok := w.rows[r.Key]
	switch {
	case w.fold != nil && w.rejects(r), r.NullValue && !ok:
		return emitted
	case w.newest && ok && r.Timestamp < row.Timestamp:
		w.ledger[streams.DropLate]++
		return emitted
	case r.NullValue:
		delete(w.rows, r.Key)
		return append(emitted, r)
	case w.fold != nil && ok:
		r.Value, r.Timestamp = w.fold(row.Value, r.Value), max(r.Timestamp, row.Timestamp)
	}
	kept := r
	if w.ttl > 0 && ok { // an older record takes none of a row's time
		kept.Timestamp = max(r.Timestamp, row.Timestamp)
	}
	w.rows[r.Key] = kept
	return append(emitted, r)
}

// expire deletes what is too old, oldest first.
func (w *mortal) expire() (emitted []record) {
	for _, r := range w.rows {
		if w.ttl > 0 && r.Timestamp < w.time-w.ttl {
			emitted = append(emitted, nullValue(r.Key, r.Timestamp+w.ttl+1))
			delete(w.rows, r.Key)
		}
	}
	slices.SortFunc(emitted, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Key, b.Key))
	})
	return emitted
}

func TestTablesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &mortal{
			ledger: ledger{}, rows: map[string]record{}, ttl: rapid.Int64Range(0, 40).Draw(t, "time to live"),
			newest: rapid.Bool().Draw(t, "newest wins"),
		}
		store := rows.TTL(ms(w.ttl))
		if w.newest {
			store = store.NewestWins()
		}
		if rapid.Bool().Draw(t, "in memory") {
			store = store.InMemory()
		}
		b := streams.NewBuilder("app")
		streams.TableFrom(b, in, store).ToStream().To(out)
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

func TestMortalAggregatesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &mortal{
			ledger: ledger{}, rows: map[string]record{}, ttl: rapid.Int64Range(1, 40).Draw(t, "time to live"), fold: concat,
		}
		b := streams.NewBuilder("app")
		streams.From(b, in).GroupByKey().Reduce(rows.TTL(ms(w.ttl)), concat).ToStream().To(out)
		follows(t, b, w, drawRecords(t, shape{nullKeys: true, jumps: true}))
	})
}

func TestARowOutlivesItsTimeByAnotherTouch(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.TableFrom(b, in, rows.TTL(ms(10))).ToStream().To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 0), rec("k", "b", 5), rec("l", "c", 15))
	require.Equal(t, []record{rec("k", "a", 0), rec("k", "b", 5), rec("l", "c", 15)}, testkit.Output(d, out).Read())
	pipe(d, rec("l", "d", 16))
	require.Equal(t, []record{nullValue("k", 16), rec("l", "d", 16)}, testkit.Output(d, out).Read())
	require.Len(t, testkit.Rows(d, rows), 1)
}

func TestEachPartitionHasATimeToLiveBy(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.TableFrom(b, in, rows.TTL(ms(10))).ToStream().To(out)
	d := drive(t, b, testkit.Partitions(4))
	one, another := apart(t, d)
	pipe(d, rec(one, "1", 0), rec(another, "2", 100))
	require.Len(t, testkit.Rows(d, rows), 2)
	pipe(d, rec(one, "3", 100))
	require.Equal(t, nullValue(one, 11), testkit.Output(d, out).Read()[2])
}

func TestJoinsAndGroupsHearOfADeath(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	table := s.ToTable(rows.TTL(ms(10)))
	streams.TableGroupBy(table, valueTwice, rekey).Count(tally).ToStream().To(textlessCounts)
	joins["LeftJoin"](streams.From(b, other), table).To(out)
	d := drive(t, b, testkit.Partitions(2))
	ask := func() record {
		testkit.Input(d, other).PipeRecord(rec("k", "?", 0))
		all := testkit.Output(d, out).Read()
		return all[len(all)-1]
	}
	pipe(d, rec("k", "x", 0))
	require.Equal(t, "?/x", ask().Value)
	require.Equal(t, map[string]int64{"x": 1}, testkit.Latest(testkit.Output(d, textlessCounts)))
	same := testkit.PartitionOf(d, in, "k")
	testkit.Input(d, in).PipeTo(same, testkit.RawRecord{Key: []byte("l"), Value: []byte("y"), Timestamp: 11})
	require.Equal(t, "?/null", ask().Value)
	require.Equal(t, map[string]int64{"x": 0, "y": 1}, testkit.Latest(testkit.Output(d, textlessCounts)))
}

// A row restored from the changelog dies when it would have, although nobody has touched it since.
func TestARestoredRowStillDies(t *testing.T) {
	for name, happen := range accidents {
		b := streams.NewBuilder("app")
		streams.TableFrom(b, in, rows.TTL(ms(10))).ToStream().To(out)
		d := drive(t, b, testkit.CacheBytes(1))
		pipe(d, rec("k", "a", 0), rec("l", "b", 9))
		happen(d)
		pipe(d, rec("m", "c", 15))
		require.Equal(t, []record{rec("k", "a", 0), rec("l", "b", 9), nullValue("k", 11), rec("m", "c", 15)},
			testkit.Output(d, out).Read(), name)
	}
}

func TestARecordThatFailsKillsNoRow(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	s.ToTable(rows.TTL(ms(10))).ToStream().To(out)
	s.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 0), rec("l", "bad", 100), rec("k", "b", 5))
	require.Equal(t, []record{rec("k", "a", 0), rec("k", "b", 5)}, testkit.Output(d, out).Read())
}

func TestACogroupWithATimeToLive(t *testing.T) {
	add := func(r record, row string) (optional, error) { return streams.Some(concat(row, r.Value)), nil }
	b := streams.NewBuilder("app")
	left := streams.NewCogroup(streams.From(b, in).GroupByKey(), zero, add)
	streams.CogroupAdd(left, streams.From(b, other).GroupByKey(), add).Aggregate(rows.TTL(ms(10))).ToStream().To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 0))
	testkit.Input(d, other).PipeRecord(rec("k", "b", 5))
	testkit.Input(d, other).PipeRecord(rec("l", "c", 100))
	require.Equal(t, []record{rec("k", "0+a", 0), rec("k", "0+a+b", 5), nullValue("k", 16), rec("l", "0+c", 100)},
		testkit.Output(d, out).Read())
}

// A delete leaves nothing that an older record could be held against.
func TestTheNewestWinsOverOlderRowsOnly(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.TableFrom(b, in, rows.NewestWins()).ToStream().To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 10), rec("k", "older", 9), nullValue("k", 9), rec("k", "same time", 10),
		nullValue("k", 10), rec("k", "after the delete", 1))
	require.Equal(t, []record{
		rec("k", "a", 10), rec("k", "same time", 10), nullValue("k", 10), rec("k", "after the delete", 1),
	}, testkit.Output(d, out).Read())
	require.Equal(t, map[streams.DropReason]int64{streams.DropLate: 2}, d.Dropped())
}

// A row that was written at 1000 lives until 1100, also if an older record touches it, and also behind a restart.
func TestAnOlderRecordTakesNoneOfARowsTime(t *testing.T) {
	for name, again := range map[string]func(*testkit.Driver){
		"running": func(*testkit.Driver) {}, "restarted": (*testkit.Driver).Restart, "restored": (*testkit.Driver).LoseState,
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			streams.TableFrom(b, in, rows.TTL(ms(100))).ToStream().To(out)
			d := drive(t, b)
			pipe(d, rec("k", "a", 1000), rec("k", "b", 850))
			again(d)
			pipe(d, rec("l", "c", 1100))
			v, ok := testkit.Get(d, rows, "k")
			require.True(t, ok)
			require.Equal(t, "b", v)
			pipe(d, rec("l", "d", 1101))
			require.Equal(t, []record{
				rec("k", "a", 1000), rec("k", "b", 850), rec("l", "c", 1100), nullValue("k", 1101), rec("l", "d", 1101),
			}, testkit.Output(d, out).Read())
		})
	}
}

// TestJoinsDoNotSeeARowThatIsOver, although the table itself has no record any more; what was made of the row goes,
// too, each with the time at which it was over.
func TestJoinsDoNotSeeARowThatIsOver(t *testing.T) {
	b := streams.NewBuilder("app")
	mortals := streams.TableFrom(b, in, rows.TTL(ms(10)))
	asking := streams.From(b, other)
	joins["LeftJoin"](asking, mortals).To(out)
	asked := asking.ToTable(state.NewKeyValue("asked", serde.String, serde.String))
	pairs := streams.NewTopic("pairs", serde.String, serde.String)
	streams.TableJoin(mortals.Filter(func(string) bool { return true }), asked, glue).ToStream().To(pairs)
	d := drive(t, b, testkit.Partitions(2))
	pipe(d, rec("k", "row", 0))
	ask := func(value string, at int64) { testkit.Input(d, other).PipeRecord(rec("k", value, at)) }
	ask("a", 10)
	ask("b", 11)
	ask("c", 3)
	require.Equal(t, []record{rec("k", "a/row", 10), rec("k", "b/null", 11), rec("k", "c/null", 3)},
		testkit.Output(d, out).Read())
	require.Equal(t, []record{rec("k", glue("row", "a"), 10), nullValue("k", 11)}, testkit.Output(d, pairs).Read())
	require.Empty(t, testkit.Rows(d, rows))
	at := int64(12)
	for name, happen := range accidents {
		pipe(d, rec("k", "again", at))
		happen(d)
		ask("d", at+10)
		ask("e", at+11)
		all := testkit.Output(d, out).Read()
		require.Equal(t, []string{"d/again", "e/null"}, []string{all[len(all)-2].Value, all[len(all)-1].Value}, name)
		at += 100
	}
}

// TestARowThatIsOverInAJoinByForeignKey is answered for no more, on either side.
func TestARowThatIsOverInAJoinByForeignKey(t *testing.T) {
	b := streams.NewBuilder("app")
	right := streams.TableFrom(b, other, state.NewKeyValue("right", serde.String, serde.String).TTL(ms(10)))
	via := streams.NewForeignKey("fk", serde.String, serde.String, serde.String, serde.String)
	streams.JoinForeignKey(streams.TableFrom(b, in, rows), right, via,
		state.NewKeyValue("joined", serde.String, serde.String),
		func(_, v string) streams.Optional[string] { return streams.Some(v) }, glue).ToStream().To(out)
	d := drive(t, b, testkit.CommitEvery(1))
	testkit.Input(d, other).PipeRecord(rec("r", "row", 0))
	pipe(d, rec("k", "r", 5), rec("l", "r", 11))
	require.Equal(t, []record{rec("k", glue("r", "row"), 5), nullValue("k", 11)}, testkit.Output(d, out).Read())
}

// TestAnotherPartitionsTimeEndsNoRow: time is that of a task.
func TestAnotherPartitionsTimeEndsNoRow(t *testing.T) {
	b := streams.NewBuilder("app")
	mortals := streams.TableFrom(b, in, rows.TTL(ms(10)))
	joins["LeftJoin"](streams.From(b, other), mortals).To(out)
	d := drive(t, b, testkit.Partitions(4))
	one, another := apart(t, d)
	pipe(d, rec(one, "1", 0))
	testkit.Input(d, other).PipeRecord(rec(another, "?", 1000))
	require.Len(t, testkit.Rows(d, rows), 1)
}
