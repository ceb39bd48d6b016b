package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// Group is a stream whose records are to be aggregated by key. In every kind of aggregation, records with a null key or
// a null value are dropped and counted; each update is passed on, with the headers of the record that made it and the
// highest timestamp of the row's records.
type Group[K, V any] struct {
	b    *Builder
	node *topology.Node
}

// Count counts the records of each key.
func (g *Group[K, V]) Count(store state.KeyValue[K, int64]) *Table[K, int64] {
	return aggregate(g, store, count[K, V])
}

// Reduce combines the records of each key: the first value is the row, then fn(row, value).
func (g *Group[K, V]) Reduce(store state.KeyValue[K, V], fn func(row, value V) V) *Table[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregate(g, store, reduce[K](fn))
}

// ReduceRecord combines whole records of each key: the first value is the row, then fn. Where fn returns none the row
// is deleted, and the next record of the key begins anew.
func (g *Group[K, V]) ReduceRecord(
	store state.KeyValue[K, V], fn func(r Record[K, V], row V) (Optional[V], error),
) *Table[K, V] {
	g.of().given(fn != nil, "ReduceRecord: fn")
	return aggregate(g, store, reduceRecord(fn))
}

// Aggregate folds the records of each key into a row that begins with initial(). add leaves the row that it gets as it
// is; see Rows in the package documentation.
func Aggregate[K, V, A any](
	g *Group[K, V], store state.KeyValue[K, A], initial func() A, add func(key K, value V, row A) A,
) *Table[K, A] {
	g.of().given(initial != nil, "Aggregate: initial")
	g.of().given(add != nil, "Aggregate: add")
	return aggregate(g, store, fold(initial, add))
}

// AggregateRecord folds whole records into a row that begins with initial(). Where add returns none the row is deleted,
// and the next record of the key begins anew.
func AggregateRecord[K, V, A any](
	g *Group[K, V], store state.KeyValue[K, A], initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *Table[K, A] {
	g.of().given(initial != nil, "AggregateRecord: initial")
	g.of().given(add != nil, "AggregateRecord: add")
	return aggregate(g, store, foldRecord(initial, add))
}

func aggregate[K, V, A any](g *Group[K, V], store state.KeyValue[K, A], fold operator.Fold[K, V, A]) *Table[K, A] {
	site := topology.Site()
	g.b.own(store.Spec(), site)
	g.b.arrivals(store.Spec(), site)
	return stored(g.b, expiring[V](g.b, aggregateNode(g, store, fold, site), store, site), store)
}

func aggregateNode[K, V, A any](
	g *Group[K, V], store state.KeyValue[K, A], fold operator.Fold[K, V, A], site string,
) *topology.Node {
	return topology.AddProcessor(g.b.graph, "aggregate", site, []*topology.Node{g.node}, []state.Spec{store.Spec()},
		func() topology.Processor[K, V, K, topology.Change[A]] { return operator.Aggregate(store, fold) })
}

// WindowedBy aggregates each key by windows of event time: window.Tumbling, Hopping, Sliding, Days and other calendar
// windows, or Unlimited.
//
// Which records are late depends on their order in the partition, as stream time is the highest timestamp so far.
// Behind a repartition topic that order depends on how fast each upstream task ran, so that a run over the same input
// may drop other records as late: group by the topic's own key where that matters, or give enough grace.
func (g *Group[K, V]) WindowedBy(windows window.Windows) *WindowedGroup[K, V] {
	return &WindowedGroup[K, V]{group: g, windows: g.of().checked(windows, topology.Site())}
}

// checked reports windows that are wrong, or of a kind that no aggregation knows.
func (b *Builder) checked(windows window.Windows, site string) window.Windows {
	if windows == nil {
		b.graph.Fail(site, "windows are nil")
		return window.Tumbling(time.Millisecond)
	}
	if err := windows.Err(); err != nil {
		b.graph.Fail(site, "%w", err)
		return window.Tumbling(time.Millisecond) // whatever: Build fails
	}
	_, aligned := windows.(window.Aligned)
	if _, sliding := windows.(window.SlidingTime); !aligned && !sliding {
		b.graph.Fail(site, "windows of type %T: must be a window.Aligned, or window.Sliding", windows)
		return window.Tumbling(time.Millisecond)
	}
	return windows
}

// SessionsBy aggregates each key by sessions of activity. Stream time is as for WindowedBy.
func (g *Group[K, V]) SessionsBy(windows window.Session) *SessionGroup[K, V] {
	return &SessionGroup[K, V]{group: g, windows: g.of().checkedSessions(windows, topology.Site())}
}

// checkedSessions reports sessions that are wrong.
func (b *Builder) checkedSessions(windows window.Session, site string) window.Session {
	if err := windows.Err(); err != nil {
		b.graph.Fail(site, "%w", err)
		return window.Sessions(time.Millisecond) // whatever: Build fails
	}
	return windows
}

func count[K, V any](_ Record[K, V], row Optional[int64]) (Optional[int64], error) {
	return Some(row.Value + 1), nil
}

func reduce[K, V any](fn func(row, value V) V) operator.Fold[K, V, V] {
	return func(r Record[K, V], row Optional[V]) (Optional[V], error) {
		if !row.OK {
			return Some(r.Value), nil
		}
		return Some(fn(row.Value, r.Value)), nil
	}
}

func reduceRecord[K, V any](fn func(Record[K, V], V) (Optional[V], error)) operator.Fold[K, V, V] {
	return func(r Record[K, V], row Optional[V]) (Optional[V], error) {
		if !row.OK {
			return Some(r.Value), nil
		}
		return operator.Clean(fn(r, row.Value))
	}
}

func fold[K, V, A any](initial func() A, add func(K, V, A) A) operator.Fold[K, V, A] {
	return func(r Record[K, V], row Optional[A]) (Optional[A], error) {
		if !row.OK {
			row.Value = initial()
		}
		return Some(add(r.Key, r.Value, row.Value)), nil
	}
}

func foldRecord[K, V, A any](initial func() A, add func(Record[K, V], A) (Optional[A], error)) operator.Fold[K, V, A] {
	return func(r Record[K, V], row Optional[A]) (Optional[A], error) {
		if !row.OK {
			row.Value = initial()
		}
		return operator.Clean(add(r, row.Value))
	}
}
