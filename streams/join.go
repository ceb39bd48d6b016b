package streams

import (
	"slices"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
)

// Join joins each record of a stream with the row of its key in a table, as it is when the record is processed. Only
// the stream triggers results; they have its timestamp and headers. Records without a row, and those with a null key or
// value, give none; the latter are counted.
//
// Both sides must have the same number of partitions, which is checked when the application starts, and the same
// partitioner.
func Join[R, K, V, U any](s *Stream[K, V], t *Table[K, U], join func(value V, row U) R) *Stream[K, R] {
	s.of().given(join != nil, "Join: join")
	return joinTable(s, t, false, func(r Record[K, V], row Optional[U]) (Optional[R], error) {
		return Some(join(r.Value, row.Value)), nil
	})
}

// JoinRecord joins in the way that kind says, Inner or Left, by a function that sees the whole record, key included; in
// an inner join there is a row. A result of none is a null value.
func JoinRecord[R, K, V, U any](
	s *Stream[K, V], t *Table[K, U], kind JoinKind, join func(r Record[K, V], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	s.of().given(join != nil, "JoinRecord: join")
	if kind != Inner && kind != Left {
		s.b.graph.Fail(graph.Site(), "a join of a stream with a table is Inner or Left")
	}
	return joinTable(s, t, kind == Left, join)
}

// LeftJoin is Join with a result for each record: where there is no row, or the record has no key, row is none. Records
// with a null value are dropped and counted.
func LeftJoin[R, K, V, U any](s *Stream[K, V], t *Table[K, U], join func(value V, row Optional[U]) R) *Stream[K, R] {
	s.of().given(join != nil, "LeftJoin: join")
	return joinTable(s, t, true, func(r Record[K, V], row Optional[U]) (Optional[R], error) {
		return Some(join(r.Value, row)), nil
	})
}

func joinTable[R, K, V, U any](
	s *Stream[K, V], t *Table[K, U], left bool, join func(Record[K, V], Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	site := graph.Site()
	t = tableGiven(s.of(), t, s.node, site)
	return joinedTable(s, t, site, slices.Clone(t.stores), func() graph.Processor[K, V, K, R] {
		return operator.StreamTable(operator.ViewOf[K, U](t.rows), left, join)
	})
}

// joinedTable adds the node of a join with a table.
func joinedTable[R, K, V, U any](
	s *Stream[K, V], t *Table[K, U], site string, stores []storage.Spec, new func() graph.Processor[K, V, K, R],
) *Stream[K, R] {
	s.of().keyedHere(s.rekeyed, site, "a join with a table")
	if t.b != s.b {
		s.b.graph.Fail(site, "stream and table of two builders are joined: build both with one")
	}
	s.b.lookedUp(t.tableRows, site)
	out := process(s, "join", site, stores, new)
	s.b.graph.Copartition(site, s.node, t.node)
	return out
}
