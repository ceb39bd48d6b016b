package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// joinLR joins topics L and R.
func joinLR(kind streams.JoinKind, windows window.Join) func(*streams.Builder) *stream {
	return func(b *streams.Builder) *stream {
		return streams.JoinStreamsRecord(streams.From(b, topicL), streams.From(b, topicR), kind, windows, pairs, sides)
	}
}

func within(d, grace int64) window.Join { return window.Within(ms(d)).Grace(ms(grace)) }

// Kafka Streams: "no match" is final with the first record that brings stream time past ts + after + grace; it comes
// out before that record's own results, and null keys and values move time, too.
func TestRow01NoMatchIsFinalWhenTimePassesTheWindow(t *testing.T) {
	plays(t, joinLR(streams.Left, within(10, 5)), `
		L(k,A)@0
		R(k2,x)@15
		R(k2,x)@16 -> (k,A/null)@0
		L(k,B)@20
		R(q,r)@30
		L(q,C)@36 -> (k,B/null)@20 (q,C/r)@36
		L(k,D)@37
		R(null,x)@53 -> (k,D/null)@37
		L(k,E)@53
		L(k,null)@69 -> (k,E/null)@53`)
}

// Kafka Streams: a left join passes a null left key on at once, unmatched; an outer join either; everything else that
// has a null in it is dropped and counted.
func TestRow02NullsInJoinsOfStreams(t *testing.T) {
	d := plays(t, joinLR(streams.Left, within(10, 0)), `
		L(null,A)@0 -> (null,A/null)@0
		R(null,b)@0
		L(k,null)@1
		R(k,null)@1
		L(null,null)@1`)
	require.Equal(t, drops{streams.DropNullKey: 2, streams.DropNullValue: 2}, d.Dropped())
	d = plays(t, joinLR(streams.Outer, within(10, 0)), `
		L(null,A)@0 -> (null,A/null)@0
		R(null,b)@0 -> (null,null/b)@0
		R(k,null)@1`)
	require.Equal(t, drops{streams.DropNullValue: 1}, d.Dropped())
	d = plays(t, joinLR(streams.Inner, within(10, 0)), `
		L(null,A)@0
		R(null,b)@0
		L(k,null)@1`)
	require.Equal(t, drops{streams.DropNullKey: 2, streams.DropNullValue: 1}, d.Dropped())
}

// Kafka Streams: a left record whose window has passed comes out alone at once, though grace has not, and again with
// its partner. Millstream waits for the grace period.
func TestRow03SpuriousLeftResult(t *testing.T) {
	plays(t, joinLR(streams.Left, within(10, 100)), `
		R(other,z)@50
		L(k,A)@20
		R(k,b)@25 -> (k,A/b)@25
		R(other,z)@500`)
}

// Kafka Streams: a late record is not stored, and counted, but still joins what the other side's store happens to hold.
// Millstream drops it whole.
func TestRow04LateRecordInAJoinOfStreams(t *testing.T) {
	d := plays(t, joinLR(streams.Inner, within(10, 0)), `
		R(k,b)@100
		L(z,adv)@1000
		L(k,late)@100
		R(k,b2)@101`)
	require.Equal(t, drops{streams.DropLate: 2}, d.Dropped())
	d = plays(t, joinLR(streams.Inner, within(4, 2)), `
		L(k,A)@3
		R(k,a)@4 -> (k,A/a)@4
		R(k,d)@7 -> (k,A/d)@7
		R(k,e)@14
		L(k,E)@15 -> (k,E/e)@15
		L(k,F)@4`)
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped(), "F is late, and meets none of the records still there")
}

// Kafka Streams: records of one key and time are all kept, a match takes all of them out of the pending ones; pending
// results come by time, then right before left, then key.
func TestRow05DuplicatesInAJoinOfStreams(t *testing.T) {
	plays(t, joinLR(streams.Outer, within(10, 0)), `
		L(k,A)@0
		L(k,B)@0
		L(k2,C)@3
		R(k,r)@5 -> (k,A/r)@5 (k,B/r)@5
		R(k3,s)@6
		L(zz,adv)@200 -> (k2,C/null)@3 (k3,null/s)@6`)
	plays(t, joinLR(streams.Outer, within(10, 0)), `
		L(b,x)@7
		L(a,y)@7
		L(a,y2)@7
		R(c,z)@7
		L(zz,adv)@200 -> (c,null/z)@7 (a,y/null)@7 (a,y2/null)@7 (b,x/null)@7`)
}

// Kafka Streams: both ends of a window are in it. With before 100 and after 0 an unmatched left record comes out at
// once where left records move time, and 100 later where right ones do. Millstream has one rule for both.
func TestRow06WhoeverMovesTimeOfALopsidedJoin(t *testing.T) {
	plays(t, joinLR(streams.Inner, window.Between(ms(10), 0)), `
		R(k,r0)@0
		L(k,A)@10 -> (k,A/r0)@10
		L(k,B)@11
		R(k,r11)@11 -> (k,B/r11)@11
		R(k,r12)@12`)
	for _, mover := range []string{"L(z,t)@1001", "R(z,t)@1001"} {
		plays(t, joinLR(streams.Left, window.Between(ms(100), 0)), `
			L(k,A)@1000
			`+mover+` -> (k,A/null)@1000`)
	}
}

// Kafka Streams: a record of a self join meets itself; each record is first a left one, then a right one.
func TestRow07SelfJoin(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		s := streams.From(b, topicL)
		return streams.JoinStreamsRecord(s, s, streams.Inner, within(10, 0), pairs, sides)
	}, `
		L(k,A)@0 -> (k,A/A)@0
		L(k,B)@5 -> (k,B/A)@5 (k,A/B)@5 (k,B/B)@5
		L(k,C)@3 -> (k,C/A)@3 (k,C/B)@5 (k,A/C)@3 (k,C/C)@3 (k,B/C)@5`)
}

// Kafka Streams: only the stream side of a join with a table triggers, with its own time even where the row is newer.
// Millstream offers the row as of the record's time too, by versioned tables.
func TestRow19StreamTable(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		return joins["LeftJoin"](streams.From(b, topicS), streams.TableFrom(b, topicT, rows))
	}, `
		S(k,A)@10 -> (k,A/null)@10
		T(k,t20)@20
		S(k,B)@5 -> (k,B/t20)@5
		S(k,null)@21
		S(null,C)@22 -> (null,C/null)@22
		T(k,null)@23
		S(k,D)@24 -> (k,D/null)@24`)
	plays(t, func(b *streams.Builder) *stream {
		return joins["LeftJoin"](streams.From(b, topicS), streams.VersionedTableFrom(b, topicT, versions(100)))
	}, `
		T(k,t10)@10
		T(k,t20)@20
		S(k,B)@5 -> (k,B/null)@5
		S(k,C)@15 -> (k,C/t10)@15
		S(k,D)@25 -> (k,D/t20)@25`)
}

func versions(history int64) state.Versioned[string, string] {
	return state.NewVersioned("versions", serde.String, serde.String, ms(history))
}

// Kafka Streams: a put older than the history is refused; a version that came late is history only; asked about times
// before the history, a key answers only with its newest version.
func TestRow32VersionedTable(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		return joins["LeftJoin"](streams.From(b, topicS), streams.VersionedTableFrom(b, topicT, versions(10)))
	}, `
		T(k,t1)@1
		T(k,t20)@20
		T(old,o)@2
		S(old,A)@20 -> (old,A/null)@20
		S(k,B)@9 -> (k,B/null)@9
		S(k,C)@10 -> (k,C/t1)@10
		T(k,null)@25
		S(k,D)@26 -> (k,D/null)@26
		S(k,E)@24 -> (k,E/t20)@24
		T(only,x)@26
		T(q,adv)@100
		S(only,F)@30 -> (only,F/x)@30`)
	plays(t, func(b *streams.Builder) *stream {
		table := streams.TableJoinRecord(streams.VersionedTableFrom(b, topicL, versions(100)),
			streams.TableFrom(b, topicR, rows), streams.Left, joinRows)
		return table.ToStream()
	}, `
		L(k,new)@10 -> (k,new/null)@10
		L(k,older)@5
		R(k,r)@6 -> (k,new/r)@10`)
	b := streams.NewBuilder("app")
	streams.VersionedTableFrom(b, in, versions(10)).Suppress(streams.HoldFor(ms(1)), heldBack)
	require.Contains(t, mistakes(t, b), "suppress of a versioned table")
}

func joinRows(_ string, l, r optional) (optional, error) { return sides(optional{}, l, r) }

// Kafka Streams: a join with grace holds a record until the stream's own time less grace has reached it; late records
// join at once. A left join with a null key is a NullPointerException there; here it comes out alone.
func TestRow33JoinWithGrace(t *testing.T) {
	plays(t, func(b *streams.Builder) *stream {
		return streams.JoinWithGrace(streams.From(b, topicS), streams.VersionedTableFrom(b, topicT, versions(100)),
			streams.Left, ms(5), waiting,
			func(r record, row optional) (optional, error) { return streams.Some(r.Value + "/" + orNull(row)), nil })
	}, `
		S(k,A)@10
		T(k,t9)@9
		T(k,t50)@50
		S(k,B)@14
		S(null,N)@14 -> (null,N/null)@14
		S(q,C)@15 -> (k,A/t9)@10
		S(k,late)@9 -> (k,late/t9)@9
		S(q,D)@60 -> (k,B/t9)@14 (q,C/null)@15`)
}

// Kafka Streams: unmatched and final results are looked for once per second of wall clock, so that they come later and
// in other groups than in its own test driver. Here the wall clock has no say.
func TestRow34NoWallClockInResults(t *testing.T) {
	plays(t, joinLR(streams.Left, within(10, 0)), `
		L(k,A)@0
		L(k,B)@20 -> (k,A/null)@0
		L(k,C)@40 -> (k,B/null)@20
		wall 1000
		L(k,D)@41
		wall 5000
		L(k,E)@60 -> (k,C/null)@40 (k,D/null)@41`)
}

// Kafka Streams: after a pass over the pending results it waits for the newest of those that stay, so that the one at 1
// comes out at 20 here. Millstream lets each go when it is due.
func TestRow39UnmatchedResultsComeWhenDue(t *testing.T) {
	plays(t, joinLR(streams.Left, within(10, 0)), `
		L(a,A)@0
		L(b,B)@1
		L(c,C)@9
		R(z,t)@11 -> (a,A/null)@0
		R(z,t)@12 -> (b,B/null)@1
		R(z,t)@19
		R(z,t)@20 -> (c,C/null)@9`)
}

// Kafka Streams: with before 10, after 0 and grace 0 the store has expired the record at the lower end of the window as
// soon as one at its upper end has come. Millstream keeps both ends.
func TestRow43TheLowerEndOfTheWindow(t *testing.T) {
	plays(t, joinLR(streams.Inner, window.Between(ms(10), 0)), `
		R(k,r0)@0
		R(k,r10)@10
		L(k,A)@10 -> (k,A/r0)@10 (k,A/r10)@10`)
}
