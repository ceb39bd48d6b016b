package streams_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// family is a table that stems from one or both of two tables of topics, or those themselves, with what its row of a
// key must be.
type family struct {
	name string
	make func(w *relatives) *table
	row  func(rows map[string]optional) optional
}

// relatives has the tables of a topology.
type relatives struct {
	roots map[string]*table
	n     int
}

func root(topic string) family {
	return family{topic, func(w *relatives) *table { return w.roots[topic] },
		func(rows map[string]optional) optional { return rows[topic] }}
}

func (f family) filtered() family {
	return family{f.name + ".filter", func(w *relatives) *table { return f.make(w).Filter(passes) },
		func(rows map[string]optional) optional {
			if row := f.row(rows); row.OK && passes(row.Value) {
				return row
			}
			return optional{}
		}}
}

func (f family) mapped() family {
	return family{f.name + ".map", func(w *relatives) *table { return streams.TableMapValues(f.make(w), mark) },
		func(rows map[string]optional) optional {
			row := f.row(rows)
			if row.OK {
				row.Value = mark(row.Value)
			}
			return row
		}}
}

func (f family) kept() family {
	return family{f.name + ".kept", func(w *relatives) *table {
		from := f.make(w)
		w.n++
		return from.Materialize(state.NewKeyValue(fmt.Sprint("kept-", w.n), serde.String, serde.String))
	}, f.row}
}

func (f family) again() family {
	return family{f.name + ".again", func(w *relatives) *table {
		from := f.make(w)
		w.n++
		return from.ToStream().ToTable(state.NewKeyValue(fmt.Sprint("kept-", w.n), serde.String, serde.String))
	}, f.row}
}

func (f family) joined(kind streams.JoinKind, g family) family {
	join := func(_ string, l, r optional) (optional, error) { return sides(optional{}, l, r) }
	return family{fmt.Sprintf("(%s %d %s)", f.name, kind, g.name), func(w *relatives) *table {
		left := f.make(w)
		return streams.TableJoinRecord(left, g.make(w), kind, join)
	}, func(rows map[string]optional) optional {
		l, r := f.row(rows), g.row(rows)
		if l.OK && r.OK || l.OK && kind != streams.Inner || r.OK && kind == streams.Outer {
			out, _ := join("", l, r)
			return out
		}
		return optional{}
	}}
}

func drawFamily(random *rand.Rand, depth int) family {
	f := root([]string{"in", "in", "in", "other"}[random.IntN(4)])
	if depth > 0 {
		f = drawFamily(random, depth-1).joined(streams.JoinKind(random.IntN(3)), drawFamily(random, random.IntN(depth)))
	}
	switch random.IntN(6) {
	case 0:
		return f.filtered()
	case 1:
		return f.mapped()
	case 2:
		return f.kept()
	case 3:
		return f.filtered().kept()
	case 4:
		return f.again()
	}
	return f
}

// TestTablesThatStemFromOne: whatever is made of one table, and joined again, is at each moment what follows from its
// rows; and whoever sums it up hears of each row that goes.
func TestTablesThatStemFromOne(t *testing.T) {
	a, b := root("in"), root("other")
	families := []family{
		a.joined(streams.Inner, a), a.filtered().joined(streams.Left, a.mapped()),
		a.mapped().joined(streams.Outer, a.filtered()), a.filtered().kept().joined(streams.Inner, a),
		a.joined(streams.Inner, a.filtered().kept()), a.joined(streams.Inner, b).joined(streams.Outer, a.mapped()),
		a.again().joined(streams.Outer, a.mapped()), a.mapped().joined(streams.Inner, a.again().filtered()),
		a.joined(streams.Outer, a.filtered()).kept().joined(streams.Left, b.joined(streams.Left, a)),
	}
	random := rand.New(rand.NewPCG(7, 9))
	for range 60 {
		families = append(families, drawFamily(random, 1+random.IntN(3)))
	}
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) { requireFamily(t, f, random) })
	}
}

func requireFamily(t *testing.T, f family, random *rand.Rand) {
	b := streams.NewBuilder("app")
	w := &relatives{roots: map[string]*table{
		"in":    streams.TableFrom(b, in, state.NewKeyValue("in", serde.String, serde.String)),
		"other": streams.TableFrom(b, other, state.NewKeyValue("other", serde.String, serde.String)),
	}}
	result := f.make(w)
	result.ToStream().To(out)
	streams.TableGroupBy(result, valueTwice, rekey).Count(tally)
	d := drive(t, b, testkit.CommitEvery(1+random.IntN(3)))
	topics := map[string]streams.Topic[string, string]{"in": in, "other": other}
	rows, last := map[string]map[string]optional{}, map[string]optional{}
	for at := range 60 {
		topic, key := []string{"in", "other"}[random.IntN(2)], string(rune('k'+random.IntN(2)))
		r := rec(key, "abcdef"[:random.IntN(5)], int64(at))
		r.NullValue = random.IntN(3) == 0
		testkit.Input(d, topics[topic]).PipeRecord(r)
		if rows[key] == nil {
			rows[key] = map[string]optional{}
		}
		rows[key][topic] = optional{Value: r.Value, OK: !r.NullValue}
		d.Commit()
		for _, r := range testkit.Output(d, out).Read() {
			last[r.Key] = optional{Value: r.Value, OK: !r.NullValue}
		}
		want := map[string]int64{}
		for key := range rows {
			row := f.row(rows[key])
			require.Equal(t, row.OK, last[key].OK, "%s of %v", key, rows[key])
			if row.OK {
				require.Equal(t, row.Value, last[key].Value)
				want[row.Value]++
			}
		}
		for _, group := range testkit.Rows(d, tally) {
			require.Equal(t, want[group.Key], group.Value, "rows %q", group.Key)
			delete(want, group.Key)
		}
		require.Empty(t, want)
	}
}

// TestAChangeOfBothSidesIsOneResult, with the time and the headers of the record, and none where nothing was.
func TestAChangeOfBothSidesIsOneResult(t *testing.T) {
	b := streams.NewBuilder("app")
	root := streams.TableFrom(b, in, rows)
	streams.TableJoin(root.Filter(passes), streams.TableMapValues(root, mark), glue).ToStream().To(out)
	d := drive(t, b)
	pipe(d, withHeader(rec("k", "a", 5), "h"), rec("k", "bb", 3), rec("k", "", 6), nullValue("k", 7), rec("k", "c", 8),
		nullValue("k", 9))
	require.Equal(t, []record{
		withHeader(rec("k", glue("a", "a!"), 5), "h"), rec("k", glue("bb", "bb!"), 3), nullValue("k", 6),
		rec("k", glue("c", "c!"), 8), nullValue("k", 9),
	}, testkit.Output(d, out).Read())
}

// TestARecordThatFailsBehindTwins leaves nothing of itself in the join.
func TestARecordThatFailsBehindTwins(t *testing.T) {
	b := streams.NewBuilder("app")
	root := streams.TableFrom(b, in, rows)
	joined := streams.TableJoin(root.Filter(passes), root, glue).ToStream()
	joined.To(out)
	joined.ForEach(failOn(glue("bad!", "bad!")))
	root.ToStream().ForEach(failOn("worse"))
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("k", "bad!", 2), rec("l", "worse", 3), rec("k", "b", 4))
	require.Equal(t, []record{rec("k", glue("a", "a"), 1), rec("k", glue("b", "b"), 4)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{"process": 2}, d.Dropped())
}

// TestTwinsBehindPerCommit and behind what holds back: what comes with the commit is joined within it.
func TestTwinsBehindPerCommit(t *testing.T) {
	b := streams.NewBuilder("app")
	root := streams.TableFrom(b, in, rows)
	thin := streams.PerCommit(root).Materialize(state.NewKeyValue("thin", serde.String, serde.String))
	streams.PerCommit(streams.TableJoin(thin, streams.TableMapValues(thin, mark), glue)).ToStream().To(out)
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), rec("k", "b", 2))
	d.Commit()
	require.Equal(t, []record{rec("k", glue("b", "b!"), 2)}, testkit.Output(d, out).Read())
	pipe(d, nullValue("k", 3))
	d.Restart()
	require.Equal(t, []record{nullValue("k", 3)}, testkit.Output(d, out).Read())
}

// TestTwinsWithATimeToLive: several rows may go with one record.
func TestTwinsWithATimeToLive(t *testing.T) {
	b := streams.NewBuilder("app")
	root := streams.TableFrom(b, in, rows.TTL(ms(10)))
	streams.TableOuterJoin(root.Filter(passes), streams.TableMapValues(root, mark), bare).ToStream().To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "b", 2))
	testkit.Output(d, out).Read()
	pipe(d, rec("m", "c", 20))
	both := bare(streams.Some("c"), streams.Some("c!"))
	require.Equal(t, []record{nullValue("k", 12), nullValue("l", 13), rec("m", both, 20)}, testkit.Output(d, out).Read())
}

// TestTwinsJoinedWithAnotherTableOfTheRecord: the tables are two of one stream, with stores of their own, so a record
// changes both, one after the other; the join of twins among them tells its change later than its rows show it.
func TestTwinsJoinedWithAnotherTableOfTheRecord(t *testing.T) {
	for kind := streams.Inner; kind <= streams.Outer; kind++ {
		for _, twinsLeft := range []bool{true, false} {
			b := streams.NewBuilder("app")
			s := streams.From(b, in)
			root := s.ToTable(rows)
			twins := streams.TableJoin(root, streams.TableMapValues(root, mark), glue)
			left, right := twins, s.ToTable(state.NewKeyValue("another", serde.String, serde.String))
			if !twinsLeft {
				left, right = right, left
			}
			result := streams.TableJoinRecord(left, right, kind,
				func(_ string, l, r optional) (optional, error) { return sides(optional{}, l, r) })
			result.ToStream().To(out)
			streams.TableGroupBy(result, valueTwice, rekey).Count(tally)
			d := drive(t, b)
			pipe(d, rec("k", "a", 1), rec("k", "b", 2), nullValue("k", 3))
			all := testkit.Output(d, out).Read()
			require.NotEmpty(t, all)
			require.Equal(t, nullValue("k", 3), all[len(all)-1], "kind %d", kind)
			for _, group := range testkit.Rows(d, tally) {
				require.Zero(t, group.Value, "kind %d, rows %q", kind, group.Key)
			}
		}
	}
}

// TestTwinsAndAnotherTableThatEndTogether: one record ends rows of both tables of a join, in the order in which they were
// declared.
func TestTwinsAndAnotherTableThatEndTogether(t *testing.T) {
	for kind := streams.Inner; kind <= streams.Outer; kind++ {
		for _, twinsFirst := range []bool{true, false} {
			b := streams.NewBuilder("app")
			var roots, right *table
			declare := []func(){
				func() { roots = streams.TableFrom(b, in, rows.TTL(ms(4))) },
				func() {
					right = streams.TableFrom(b, other, state.NewKeyValue("another", serde.String, serde.String).TTL(ms(9)))
				},
			}
			if !twinsFirst {
				slices.Reverse(declare)
			}
			declare[0]()
			declare[1]()
			result := streams.TableJoinRecord(streams.TableJoin(roots, streams.TableMapValues(roots, mark), glue), right, kind,
				func(_ string, l, r optional) (optional, error) { return sides(optional{}, l, r) })
			streams.TableGroupBy(result, valueTwice, rekey).Count(tally)
			d := drive(t, b)
			testkit.Input(d, other).PipeRecord(rec("k", "r", 14))
			pipe(d, rec("k", "a", 20), nullValue("l", 25))
			require.NotEmpty(t, testkit.Rows(d, tally))
			for _, group := range testkit.Rows(d, tally) {
				require.Zero(t, group.Value, "kind %d, rows %q", kind, group.Key)
			}
		}
	}
}

// TestAStreamFindsNoTwinsThatAreOver, in a store behind their join: it has heard of their end before the record comes.
func TestAStreamFindsNoTwinsThatAreOver(t *testing.T) {
	b := streams.NewBuilder("app")
	root := streams.TableFrom(b, in, rows.TTL(ms(4)))
	kept := streams.TableJoin(root, streams.TableMapValues(root, mark), glue).
		Materialize(state.NewKeyValue("kept", serde.String, serde.String))
	streams.LeftJoin(streams.From(b, other), kept, func(v string, row optional) string { return v + "/" + row.Value }).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 20))
	testkit.Input(d, other).PipeRecord(rec("k", "in time", 24))
	testkit.Input(d, other).PipeRecord(rec("k", "over", 25))
	require.Equal(t, []record{rec("k", "in time/"+glue("a", "a!"), 24), rec("k", "over/", 25)},
		testkit.Output(d, out).Read())
}
