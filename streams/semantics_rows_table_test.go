package streams_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// tableOfT is topic T as a table, with steps.
func tableOfT(steps func(*table) *table) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream { return steps(streams.TableFrom(b, topicT, rows)).ToStream() }
}

func asItIs(t *table) *table { return t }

// tablesLR joins the tables of topics L and R.
func tablesLR(kind streams.JoinKind) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream {
		l := streams.TableFrom(b, topicL, rows)
		r := streams.TableFrom(b, topicR, state.NewKeyValue("others", serde.String, serde.String))
		return streams.TableJoinRecord(l, r, kind, joinRows).ToStream()
	}
}

// Kafka Streams: results have the higher time of both rows; a delete comes out only where there was a result; repeated
// deletes give nothing; null keys are dropped and counted.
func TestRow08JoinsOfTables(t *testing.T) {
	for kind, script := range map[streams.JoinKind]string{
		streams.Inner: `
			L(k,A)@3
			R(k,a)@4 -> (k,A/a)@4
			L(k,B)@2 -> (k,B/a)@4
			L(k,null)@7 -> (k,null)@7
			L(k,null)@8
			R(k,null)@8`,
		streams.Left: `
			L(k,A)@3 -> (k,A/null)@3
			R(k,a)@4 -> (k,A/a)@4
			L(k,B)@2 -> (k,B/a)@4
			L(k,null)@7 -> (k,null)@7
			L(k,null)@8
			R(k,null)@8`,
		streams.Outer: `
			L(k,A)@3 -> (k,A/null)@3
			R(k,a)@4 -> (k,A/a)@4
			L(k,B)@2 -> (k,B/a)@4
			L(k,null)@7 -> (k,null/a)@7
			L(k,null)@8
			R(k,null)@8 -> (k,null)@8`,
	} {
		d := plays(t, tablesLR(kind), `
			L(k,null)@1
			R(k,null)@2`+script+`
			R(k,null)@9
			L(null,x)@9`)
		require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped())
	}
}

// Kafka Streams: an older timestamp overwrites, the same value is emitted again, a repeated delete only without a
// cache. Millstream: the later arrival wins, too, unless the store says that the newest does, and a delete comes out
// only where a row was, whatever the cache.
func TestRow09TableUpdatesOutOfOrderAndRepeated(t *testing.T) {
	for _, cache := range []int64{1, 64 << 20} {
		d := plays(t, tableOfT(asItIs), `
			T(k,null)@3
			T(k,v10)@10 -> (k,v10)@10
			T(k,v5)@5 -> (k,v5)@5
			T(k,null)@3 -> (k,null)@3
			T(k,null)@20
			T(k,same)@21 -> (k,same)@21
			T(k,same)@22 -> (k,same)@22
			T(null,x)@23`, testkit.CacheBytes(cache))
		require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped())
	}
	plays(t, func(b *streams.Builder) *stream { return streams.TableFrom(b, topicT, rows.NewestWins()).ToStream() }, `
		T(k,v10)@10 -> (k,v10)@10
		T(k,v5)@5
		T(k,same)@10 -> (k,same)@10
		restart
		T(k,null)@9
		T(k,null)@11 -> (k,null)@11`)
}

// Kafka Streams: a change within a group is one result, subtract then add; a change of group is a result of the old
// one, then one of the new. A null group or value is no member. A count that reaches 0 stays a row: Millstream keeps
// that.
func TestRow10GroupsOfTables(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		groups := streams.TableGroupByRecord(streams.TableFrom(b, topicT, rows), func(r record) (record, error) {
			r.Key, r.NullKey = r.Value[:1], r.Value == "NULLKEY"
			return r, nil
		}, rekey)
		texts := state.NewKeyValue("groups", serde.String, serde.String)
		return streams.TableAggregate(groups, texts, func() string { return "" },
			func(_, v, row string) string { return row + "+" + v },
			func(_, v, row string) string { return row + "-" + v }).ToStream()
	}, `
		T(k1,a1)@10 -> (a,+a1)@10
		T(k1,a2)@5 -> (a,+a1-a1+a2)@10
		T(k1,b1)@11 -> (a,+a1-a1+a2-a2)@11 (b,+b1)@11
		T(k1,null)@12 -> (b,+b1-b1)@12
		T(k1,null)@13
		T(k2,NULLKEY)@14
		T(k2,c1)@15 -> (c,+c1)@15
		T(k2,NULLKEY)@16 -> (c,+c1-c1)@16`)
	plays(t, func(b *streams.Builder) *stream {
		groups := streams.TableGroupBy(streams.TableFrom(b, topicT, rows), valueTwice, rekey)
		return streams.TableMapValues(groups.Count(tally), digits).ToStream()
	}, `
		T(k1,a)@10 -> (a,1)@10
		T(k1,null)@11 -> (a,0)@11
		T(k1,b)@12 -> (b,1)@12
		T(k1,c)@13 -> (b,0)@13 (c,1)@13`)
}

func valueTwice(_, v string) (string, string) { return v, v }

// Kafka Streams: a filter of a table that is not materialised emits a delete for each row that does not pass.
// Millstream never emits a delete of a row that was not visible.
func TestRow11NoUselessDeletesFromFilters(t *testing.T) {
	yes := func(v string) bool { return strings.HasPrefix(v, "y") }
	stored := state.NewKeyValue("stored", serde.String, serde.String)
	for _, steps := range []func(*table) *table{
		func(t *table) *table { return t.Filter(yes) },
		func(t *table) *table { return t.Materialize(stored).Filter(yes) },
		func(t *table) *table { return t.Filter(yes).Materialize(stored) },
	} {
		plays(t, tableOfT(steps), `
			T(k,n1)@1
			T(k,y1)@2 -> (k,y1)@2
			T(k,n2)@3 -> (k,null)@3
			T(k,n3)@4
			T(k,null)@5`)
	}
}

func suppressed(hold streams.Hold) func(*streams.Builder) *stream {
	return tableOfT(func(t *table) *table { return t.Suppress(hold, heldBack) })
}

// Kafka Streams: a row that waits is replaced in place, and keeps the time at which it began to wait. What it was told
// as a delete of a row never seen stays untold here.
func TestRow28SuppressToATimeLimit(t *testing.T) {
	plays(t, suppressed(streams.HoldFor(ms(10))), `
		T(k,1)@0
		T(k,2)@9
		T(k,3)@10 -> (k,3)@10
		T(k,4)@12
		T(k,null)@13
		T(z,z)@22 -> (k,null)@13
		T(q,q)@23
		T(q,null)@24
		T(y,y)@40 -> (z,z)@22`)
}

// Kafka Streams: a full buffer lets the oldest out, or fails the record that filled it.
func TestRow29SuppressBufferFull(t *testing.T) {
	plays(t, suppressed(streams.HoldFor(ms(1000)).MaxRecords(1)), `
		T(k,1)@0
		T(j,2)@1 -> (k,1)@0
		T(i,3)@2 -> (j,2)@1`)
	plays(t, suppressed(streams.HoldFor(ms(1000)).MaxBytes(4)), `
		T(k,1)@0
		T(j,2)@1
		T(i,345)@2 -> (k,1)@0 (j,2)@1
		T(h,6)@3 -> (i,345)@2`)
	b := streams.NewBuilder("app")
	suppressed(streams.HoldFor(ms(1000)).MaxRecords(1).FailWhenFull())(b).To(out)
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	for _, r := range []record{rec("k", "1", 0), rec("j", "2", 1)} {
		testkit.Input(d, topicT).PipeRecord(r)
	}
	require.ErrorIs(t, d.Err(), streams.ErrSuppressFull)
	require.NoError(t, d.Close())
}

// Kafka Streams: the record cache thins updates between commits and hides needless deletes, so that its size changes
// the answers. Here each update is told, whatever the cache and the commits; thinning out is a step of its own.
func TestRow30CacheSizeChangesNothing(t *testing.T) {
	for _, options := range [][]testkit.Option{
		{testkit.CacheBytes(0)}, {testkit.CacheBytes(1 << 30), testkit.CommitEvery(5)}, {testkit.CacheBytes(100)},
	} {
		b := streams.NewBuilder("app")
		streams.TableFrom(b, in, rows).ToStream().To(out)
		d := drive(t, b, options...)
		pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("k", "b", 3), nullValue("k", 4), nullValue("k", 5), rec("k", "c", 6))
		d.Commit()
		require.Equal(t, []record{
			rec("k", "a", 1), rec("k", "b", 2), rec("k", "b", 3), nullValue("k", 4), rec("k", "c", 6),
		}, testkit.Output(d, out).Read())
	}
	b := streams.NewBuilder("app")
	streams.PerCommit(streams.TableFrom(b, in, rows)).ToStream().To(out)
	d := drive(t, b, testkit.CommitEvery(3))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("l", "x", 3), nullValue("k", 4), rec("m", "y", 5), nullValue("m", 6))
	require.Equal(t, []record{rec("k", "b", 2), rec("l", "x", 3), nullValue("k", 4)}, testkit.Output(d, out).Read())
}

// Kafka Streams: with the cache off, the first change of an aggregate's row has the initial value as its old one, so
// that a group of it subtracts what was never added: 1, 1, 1, 1. Here it has none.
func TestRow40FirstChangeHasNoOldValue(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		perKey := streams.From(b, topicS).GroupByKey().Count(tally)
		topic := streams.NewRepartition("all", serde.String, serde.Int64)
		all := streams.TableGroupBy(perKey, func(_ string, n int64) (string, int64) { return "all", n }, topic)
		return streams.TableMapValues(all.Count(state.NewKeyValue("total", serde.String, serde.Int64)), digits).ToStream()
	}, `
		S(a,x)@1 -> (all,1)@1
		S(b,x)@2 -> (all,2)@2
		S(c,x)@3 -> (all,3)@3
		S(a,x)@4 -> (all,3)@4`)
}

// Kafka Streams: suppress to a time limit passes on an old value that was never told, and what stands behind it
// subtracts the wrong thing. Here it is the row that was told last.
func TestRow41SuppressTellsTheOldValueItTold(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		held := streams.TableFrom(b, topicT, rows).Suppress(streams.HoldFor(ms(10)), heldBack)
		return streams.TableMapValues(summed(streams.TableGroupBy(held,
			func(_, v string) (string, string) { return "sum", v }, rekey)), digits).ToStream()
	}, `
		T(k,1)@0
		T(k,5)@1
		T(z,0)@10 -> (sum,5)@1
		T(k,7)@11
		T(k,9)@12
		T(y,0)@21 -> (sum,5)@10 (sum,9)@12`)
}

// Kafka Streams: a repeated right delete in a left or outer join of tables, or a left join by foreign key, emits the
// unmatched value again. Here it does nothing.
func TestRow44RepeatedDeletes(t *testing.T) {
	for _, kind := range []streams.JoinKind{streams.Left, streams.Outer} {
		plays(t, tablesLR(kind), `
			L(k,A)@1 -> (k,A/null)@1
			R(k,null)@2
			R(k,a)@3 -> (k,A/a)@3
			R(k,null)@4 -> (k,A/null)@4
			R(k,null)@5`)
	}
	plays(t, foreignLR(streams.Left), `
		R(f1,r)@1
		L(k,v:f1)@2 -> (k,v:f1/r)@2
		R(f1,null)@3 -> (k,v:f1/null)@3
		R(f1,null)@4`)
}

// foreignLR joins the tables of topics L and R, a left row pointing to what stands behind its colon.
func foreignLR(kind streams.JoinKind) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream {
		l := streams.TableFrom(b, topicL, rows)
		r := streams.TableFrom(b, topicR, state.NewKeyValue("others", serde.String, serde.String))
		via := streams.NewForeignKey("via", serde.String, serde.String, serde.String, serde.String)
		return streams.JoinForeignKeyRecord(l, r, via, state.NewKeyValue("joined", serde.String, serde.String), kind,
			pointer, func(_, l string, r optional) (optional, error) { return streams.Some(l + "/" + orNull(r)), nil }).ToStream()
	}
}

// Kafka Streams, as its newest versions do: a lost foreign key deletes the inner result, a left join answers once. Its
// needless deletes, of rows that never had a result, do not come here.
func TestRow18ForeignKeys(t *testing.T) {
	plays(t, foreignLR(streams.Inner), `
		L(k,v1:f1)@1
		R(f1,r1)@0 -> (k,v1:f1/r1)@0
		L(k,v2:f1)@3 -> (k,v2:f1/r1)@3
		L(k,v2:f1)@4 -> (k,v2:f1/r1)@4
		L(k,v3:f2)@5 -> (k,null)@5
		R(f1,r1b)@6
		R(f2,r2)@7 -> (k,v3:f2/r2)@7
		L(q,w:f2)@8 -> (q,w:f2/r2)@8
		R(f2,null)@9 -> (k,null)@9 (q,null)@9
		R(f2,null)@10
		L(k,nofk)@11
		L(k,v4:f1)@12 -> (k,v4:f1/r1b)@12
		L(k,nofk)@13 -> (k,null)@13
		L(k,v5:f1)@14 -> (k,v5:f1/r1b)@14
		L(k,null)@15 -> (k,null)@15
		L(k,null)@16
		L(n,nofk)@17
		L(n,null)@18
		L(m,v:f9)@19
		L(m,null)@20`)
	plays(t, foreignLR(streams.Left), `
		L(k,v1:f1)@1 -> (k,v1:f1/null)@1
		R(f1,r1)@0 -> (k,v1:f1/r1)@0
		L(k,v3:f2)@5 -> (k,v3:f2/null)@5
		R(f1,r1b)@6
		R(f2,r2)@7 -> (k,v3:f2/r2)@7
		R(f2,null)@9 -> (k,v3:f2/null)@9
		R(f2,null)@10
		L(k,nofk)@11 -> (k,nofk/null)@11
		L(k,v4:f1)@12 -> (k,v4:f1/r1b)@12
		L(k,null)@13 -> (k,null)@13
		L(k,null)@14
		L(n,nofk)@15 -> (n,nofk/null)@15`)
	d := plays(t, foreignLR(streams.Left), `
		R(null,x)@16
		L(null,x:f1)@17`)
	require.Equal(t, drops{streams.DropNullKey: 2}, d.Dropped())
}
