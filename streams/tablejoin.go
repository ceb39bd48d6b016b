package streams

import (
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
)

// TableJoin joins two tables by key: a row for each key that both have, kept up to date as either side changes. A
// result has the higher timestamp of both rows. Both tables must have the same number of partitions, which is
// checked when the application starts, and the same partitioner.
//
// Tables that stem from one table are joined without a moment in between: a record that changes both sides changes the
// result once, after it has been through all other steps.
func TableJoin[V, K, L, R any](left *Table[K, L], right *Table[K, R], join func(left L, right R) V) *Table[K, V] {
	left.of().given(join != nil, "TableJoin: join")
	return joinTables(left, right, operator.Sides{}, func(_ K, l Optional[L], r Optional[R]) (Optional[V], error) {
		return Some(join(l.Value, r.Value)), nil
	})
}

// TableLeftJoin is TableJoin with a row for each of the left table: where the right one has none, right is none.
func TableLeftJoin[V, K, L, R any](
	left *Table[K, L], right *Table[K, R], join func(left L, right Optional[R]) V,
) *Table[K, V] {
	left.of().given(join != nil, "TableLeftJoin: join")
	return joinTables(left, right, operator.Sides{Left: true},
		func(_ K, l Optional[L], r Optional[R]) (Optional[V], error) { return Some(join(l.Value, r)), nil })
}

// TableOuterJoin is TableJoin with a row for each key that either table has; the side that does not is none.
func TableOuterJoin[V, K, L, R any](
	left *Table[K, L], right *Table[K, R], join func(left Optional[L], right Optional[R]) V,
) *Table[K, V] {
	left.of().given(join != nil, "TableOuterJoin: join")
	return joinTables(left, right, operator.Sides{Left: true, Right: true},
		func(_ K, l Optional[L], r Optional[R]) (Optional[V], error) { return Some(join(l, r)), nil })
}

// TableJoinRecord joins two tables in the way that kind says, by a function that sees the key. A result of none is no
// row. join must be a pure function.
func TableJoinRecord[V, K, L, R any](
	left *Table[K, L], right *Table[K, R], kind JoinKind,
	join func(key K, left Optional[L], right Optional[R]) (Optional[V], error),
) *Table[K, V] {
	left.of().given(join != nil, "TableJoinRecord: join")
	kind.check(left.of())
	return joinTables(left, right, kind.sides(), join)
}

// JoinKind says which records or rows have a result without a partner.
type JoinKind int

const (
	Inner JoinKind = iota // neither
	Left                  // those of the left side
	Outer                 // those of both sides
)

// check reports a kind that there is not.
func (k JoinKind) check(b *Builder) {
	if k < Inner || k > Outer {
		b.graph.Fail(graph.Site(), "a join of kind %d: must be Inner, Left or Outer", int(k))
	}
}

func (k JoinKind) sides() operator.Sides {
	return operator.Sides{Left: k == Left || k == Outer, Right: k == Outer}
}

func joinTables[V, K, L, R any](
	left *Table[K, L], right *Table[K, R], alone operator.Sides, join operator.Joiner[K, L, R, V],
) *Table[K, V] {
	b, site := left.of(), graph.Site()
	right = tableGiven(b, right, left.node, site)
	if right.b != b {
		b.graph.Fail(site, "tables of two builders are joined: build both with one")
	}
	b.lookedUp(left.tableRows, site)
	b.lookedUp(right.tableRows, site)
	stores := slices.Concat(left.stores, right.stores)
	b.graph.Copartition(site, left.node, right.node)
	leftView, rightView := operator.ViewOf[K, L](left.rows), operator.ViewOf[K, R](right.rows)
	out := &Table[K, V]{
		b: b, keys: left.keys, tableRows: tableRows{
			stores: unique(stores), rows: operator.RowsOf(operator.JoinView(leftView, rightView, alone, join)),
		},
	}
	if left.held || right.held || left.node.Entwined(right.node, stores) {
		out.held = true
		out.node = twinJoin(left, right, alone, join, stores, site)
		return out
	}
	leftNode := graph.AddFormed(b.graph, "join", site, []*graph.Node{left.node}, slices.Clone(stores),
		graph.Changes, graph.Changes,
		func() graph.Processor[K, Change[L], K, Change[V]] {
			return operator.TableJoinLeft(rightView, alone, join)
		})
	rightNode := graph.AddFormed(b.graph, "join", site, []*graph.Node{right.node}, slices.Clone(stores),
		graph.Changes, graph.Changes,
		func() graph.Processor[K, Change[R], K, Change[V]] {
			return operator.TableJoinRight(leftView, alone, join)
		})
	out.node = merged(b, []*graph.Node{leftNode, rightNode}, site)
	return out
}

// twinJoin joins tables of which one record may change both, or one of which is such a join: its rows are looked up in
// stores that have the record's change already, while the join itself still holds it back.
func twinJoin[V, K, L, R any](
	left *Table[K, L], right *Table[K, R], alone operator.Sides, join operator.Joiner[K, L, R, V], stores []storage.Spec,
	site string,
) *graph.Node {
	g := left.b.graph
	leftNode := graph.AddFormed(g, "left", site, []*graph.Node{left.node}, nil,
		graph.Changes, graph.Records,
		func() graph.Processor[K, Change[L], K, operator.Twin[L, R]] { return operator.LeftTwin[K, L, R]() })
	rightNode := graph.AddFormed(g, "right", site, []*graph.Node{right.node}, nil,
		graph.Changes, graph.Records,
		func() graph.Processor[K, Change[R], K, operator.Twin[L, R]] { return operator.RightTwin[K, L, R]() })
	return graph.AddFormed(g, "join", site, []*graph.Node{leftNode, rightNode}, slices.Clone(stores),
		graph.Records, graph.Changes,
		func() graph.Processor[K, operator.Twin[L, R], K, Change[V]] {
			return operator.TwinJoin(
				operator.ViewOf[K, L](left.rows), operator.ViewOf[K, R](right.rows), alone, left.keys, join)
		})
}

// unique leaves out the stores that are there already.
func unique(stores []storage.Spec) (out []storage.Spec) {
	for _, s := range stores {
		if !slices.ContainsFunc(out, func(o storage.Spec) bool { return o.Name() == s.Name() }) {
			out = append(out, s)
		}
	}
	return out
}
