package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// Group is a stream whose records are to be aggregated by key. In every kind of aggregation, records with a null key or
// a null value are dropped and counted; each update is passed on, with the headers of the record that made it and the
// highest timestamp of the row's records.
type Group[K, V any] struct {
	b    *Builder
	node *graph.Node
}

// Count counts the records of each key.
func (g *Group[K, V]) Count(store state.KeyValueDeclaration[K, int64]) *Table[K, int64] {
	return aggregate[int64](g, store, count)
}

// Reduce combines the records of each key: the first value is the row, then fn(row, value).
func (g *Group[K, V]) Reduce(store state.KeyValueDeclaration[K, V], fn func(row, value V) V) *Table[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregate[V](g, store, reduce(fn))
}

// ReduceRecord combines whole records of each key: the first value is the row, then fn. Where fn returns none the row
// is deleted, and the next record of the key begins anew.
func (g *Group[K, V]) ReduceRecord(
	store state.KeyValueDeclaration[K, V], fn func(r Record[K, V], row V) (Optional[V], error),
) *Table[K, V] {
	g.of().given(fn != nil, "ReduceRecord: fn")
	return aggregate[V](g, store, reduceRecord(fn))
}

// Aggregate folds the records of each key into a row that begins with initial(). add leaves the row that it gets as it
// is; see Rows in the package documentation.
func Aggregate[K, V, A any](
	g *Group[K, V], store state.KeyValue[K, A], initial func() A, add func(key K, value V, row A) A,
) *Table[K, A] {
	g.of().given(initial != nil, "Aggregate: initial")
	g.of().given(add != nil, "Aggregate: add")
	return aggregate[A](g, store, fold(initial, add))
}

// AggregateRecord folds whole records into a row that begins with initial(). Where add returns none the row is deleted,
// and the next record of the key begins anew.
func AggregateRecord[K, V, A any](
	g *Group[K, V], store state.KeyValue[K, A], initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *Table[K, A] {
	g.of().given(initial != nil, "AggregateRecord: initial")
	g.of().given(add != nil, "AggregateRecord: add")
	return aggregate[A](g, store, foldRecord(initial, add))
}

func aggregate[A, K, V any](g *Group[K, V], store state.Declaration, fold operator.Fold) *Table[K, A] {
	spec := g.of().specOf(store, graph.Site())
	return stored[K, A](g.b, aggregated(g.b, g.node, spec, fold), spec)
}

// aggregated is the node of an aggregation into a store of its own.
//
//go:noinline
func aggregated(b *Builder, parent *graph.Node, store storage.Spec, fold operator.Fold) *graph.Node {
	site := graph.Site()
	b.own(store, site)
	b.arrivals(store, site)
	return b.expiring(aggregateNode(b, parent, store, fold, site), store, site)
}

func aggregateNode(
	b *Builder, parent *graph.Node, store storage.Spec, fold operator.Fold, site string,
) *graph.Node {
	return graph.AddStep(b.graph, "aggregate", site, []*graph.Node{parent}, []storage.Spec{store},
		func() graph.Step { return operator.Aggregate(store, fold) })
}

// WindowedBy aggregates each key by windows of event time: window.Tumbling, Hopping, Sliding, Days and other calendar
// windows, or Unlimited.
//
// Which records are late depends on their order in the partition, as stream time is the highest timestamp so far.
// Behind a repartition topic that order depends on how fast each upstream task ran, so that a run over the same input
// may drop other records as late: group by the topic's own key where that matters, or give enough grace.
func (g *Group[K, V]) WindowedBy(windows window.Windows) *WindowedGroup[K, V] {
	return &WindowedGroup[K, V]{group: g, windows: g.of().checked(windows, graph.Site())}
}

// checked are windows as the engine knows them; it reports those that are wrong.
func (b *Builder) checked(w window.Windows, site string) windows.Windows {
	made := windows.Of(windows.Sealed(w))
	if made == nil {
		b.graph.Fail(site, "no windows: make some with window.Tumbling or another function of that package")
		return windows.Tumbling(time.Millisecond) // whatever: Build fails
	}
	if err := made.Err(); err != nil {
		b.graph.Fail(site, "%w", err)
		return windows.Tumbling(time.Millisecond)
	}
	return made
}

// SessionsBy aggregates each key by sessions of activity. Stream time is as for WindowedBy.
func (g *Group[K, V]) SessionsBy(windows window.Session) *SessionGroup[K, V] {
	return &SessionGroup[K, V]{group: g, windows: g.of().checkedSessions(windows, graph.Site())}
}

// checkedSessions are sessions as the engine knows them; it reports those that are wrong.
func (b *Builder) checkedSessions(w window.Session, site string) windows.Session {
	made := windows.Session(w)
	if err := made.Err(); err != nil {
		b.graph.Fail(site, "%w", err)
		return windows.Sessions(time.Millisecond) // whatever: Build fails
	}
	return made
}

func count(_ *graph.Flow, row, out any) (bool, error) { return counted(row, out, 1) }

func counted(row, out any, by int64) (bool, error) {
	if row != nil {
		by += *row.(*int64)
	}
	*out.(*int64) = by
	return true, nil
}

//go:noinline
func reduce[V any](fn func(row, value V) V) operator.Fold {
	return func(r *graph.Flow, row, out any) (bool, error) {
		value := *r.Value.(*V)
		if row != nil {
			value = fn(*row.(*V), value)
		}
		*out.(*V) = value
		return true, nil
	}
}

//go:noinline
func reduceRecord[K, V any](fn func(Record[K, V], V) (Optional[V], error)) operator.Fold {
	return operator.FoldOf(func(r Record[K, V], row Optional[V]) (Optional[V], error) {
		if !row.OK {
			return Some(r.Value), nil
		}
		return fn(r, row.Value)
	})
}

func fold[K, V, A any](initial func() A, add func(K, V, A) A) operator.Fold {
	return func(r *graph.Flow, row, out any) (bool, error) {
		before, after := row, out.(*A)
		if before == nil {
			*after = initial()
			before = after
		}
		*after = add(*r.Key.(*K), *r.Value.(*V), *before.(*A))
		return true, nil
	}
}

func foldRecord[K, V, A any](initial func() A, add func(Record[K, V], A) (Optional[A], error)) operator.Fold {
	return operator.FoldOf(func(r Record[K, V], row Optional[A]) (Optional[A], error) {
		if !row.OK {
			row.Value = initial()
		}
		return add(r, row.Value)
	})
}
