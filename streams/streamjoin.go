package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// JoinStreams joins the records of two streams that have the same key and meet in time: a right record joins a left one
// if it is within windows of it. The result of two records has the higher timestamp of both and comes when the later of
// them arrives. Records that arrive when stream time has passed their window are late, dropped and counted; so are
// those with a null key or value. A stream may be joined with itself.
//
// Both streams must have the same number of partitions, which is checked when the application starts, and the same
// partitioner.
func JoinStreams[V, K, L, R any](
	left *Stream[K, L], right *Stream[K, R], windows window.Join, stores state.Join[K, L, R],
	join func(left L, right R) V,
) *Stream[K, V] {
	left.of().given(join != nil, "JoinStreams: join")
	return joinStreams(left, right, windows, stores, operator.Sides{},
		func(_ Optional[K], l Optional[L], r Optional[R]) (Optional[V], error) {
			return Some(join(l.Value, r.Value)), nil
		})
}

// LeftJoinStreams is JoinStreams with a result for each left record: one that no right record has met comes out alone
// when stream time has passed its window and grace period, once and for ever. Left records with a null key come out
// alone at once.
func LeftJoinStreams[V, K, L, R any](
	left *Stream[K, L], right *Stream[K, R], windows window.Join, stores state.Join[K, L, R],
	join func(left L, right Optional[R]) V,
) *Stream[K, V] {
	left.of().given(join != nil, "LeftJoinStreams: join")
	return joinStreams(left, right, windows, stores, operator.Sides{Left: true},
		func(_ Optional[K], l Optional[L], r Optional[R]) (Optional[V], error) {
			return Some(join(l.Value, r)), nil
		})
}

// OuterJoinStreams is LeftJoinStreams with a result for each right record, too.
func OuterJoinStreams[V, K, L, R any](
	left *Stream[K, L], right *Stream[K, R], windows window.Join, stores state.Join[K, L, R],
	join func(left Optional[L], right Optional[R]) V,
) *Stream[K, V] {
	left.of().given(join != nil, "OuterJoinStreams: join")
	return joinStreams(left, right, windows, stores, operator.Sides{Left: true, Right: true},
		func(_ Optional[K], l Optional[L], r Optional[R]) (Optional[V], error) { return Some(join(l, r)), nil })
}

// JoinStreamsRecord joins two streams in the way that kind says, by a function that sees the key, which is none for a
// record that came without one. A result of none is a null value.
func JoinStreamsRecord[V, K, L, R any](
	left *Stream[K, L], right *Stream[K, R], kind JoinKind, windows window.Join, stores state.Join[K, L, R],
	join func(key Optional[K], left Optional[L], right Optional[R]) (Optional[V], error),
) *Stream[K, V] {
	left.of().given(join != nil, "JoinStreamsRecord: join")
	kind.check(left.of())
	return joinStreams(left, right, windows, stores, kind.sides(), join)
}

func joinStreams[V, K, L, R any](
	left *Stream[K, L], right *Stream[K, R], meeting window.Join, stores state.Join[K, L, R], alone operator.Sides,
	join operator.StreamJoiner[K, L, R, V],
) *Stream[K, V] {
	b, site, within := left.of(), graph.Site(), windows.Join(meeting)
	if right == nil || right.b == nil {
		b.graph.Fail(site, "the stream to join is nil")
		right = &Stream[K, R]{b: b, node: left.node}
	}
	if right.b != b {
		b.graph.Fail(site, "streams of two builders are joined: build both with one")
	}
	keep := max(eventtime.Duration(within.Retention()), time.Millisecond)
	ours, theirs, rest := stores.Stores(storage.Joining{Keep: keep, LeftAlone: alone.Left, RightAlone: alone.Right})
	if rest.Name == "" {
		b.graph.Fail(site, "the stores of a join need a name: it outlives the process and is never made up")
	}
	if err := within.Err(); err != nil {
		b.graph.Fail(site, "%w", err)
	}
	left.of().keyedHere(left.rekeyed, site, "a join of streams")
	right.of().keyedHere(right.rekeyed, site, "a join of streams")
	j := operator.StreamJoin[K, L, R, V]{
		Windows: within, Alone: alone, Join: join, Left: ours, Right: theirs, Unmatched: rest.Unmatched,
	}
	specs := []storage.Spec{storage.Of(j.Left), storage.Of(j.Right)}
	if alone.Left || alone.Right {
		specs = append(specs, storage.Of(j.Unmatched))
	}
	for _, s := range specs {
		b.own(s, site)
	}
	leftNode := graph.AddProcessor(b.graph, "join", site, []*graph.Node{left.node}, specs,
		func() graph.Processor[K, L, K, V] { return operator.StreamJoinLeft(j) })
	rightNode := graph.AddProcessor(b.graph, "join", site, []*graph.Node{right.node}, specs,
		func() graph.Processor[K, R, K, V] { return operator.StreamJoinRight(j) })
	keeps(within, leftNode, rightNode)
	b.graph.Copartition(site, left.node, right.node)
	return &Stream[K, V]{b: b, node: merged(b, []*graph.Node{leftNode, rightNode}, site)}
}
