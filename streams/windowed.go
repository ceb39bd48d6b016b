package streams

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// WindowedGroup is a group whose records are to be aggregated by key and window.
type WindowedGroup[K, V any] struct {
	group   *Group[K, V]
	windows window.Windows
}

// Count counts the records of each key and window.
func (g *WindowedGroup[K, V]) Count(store state.Window[K, int64]) *WindowTable[K, int64] {
	return aggregateWindows(g, store, count[K, V])
}

// Reduce combines the records of each key and window: the first value is the row, then fn(row, value).
func (g *WindowedGroup[K, V]) Reduce(store state.Window[K, V], fn func(row, value V) V) *WindowTable[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregateWindows(g, store, reduce[K](fn))
}

// ReduceRecord combines whole records of each key and window: the first value is the row, then fn. Where fn returns
// none the row is deleted, and the next record of key and window begins anew.
func (g *WindowedGroup[K, V]) ReduceRecord(
	store state.Window[K, V], fn func(r Record[K, V], row V) (Optional[V], error),
) *WindowTable[K, V] {
	g.of().given(fn != nil, "ReduceRecord: fn")
	return aggregateWindows(g, store, reduceRecord(fn))
}

// AggregateWindows folds the records of each key and window into a row that begins with initial(). add leaves the row
// that it gets as it is: sliding windows begin with rows of others.
func AggregateWindows[K, V, A any](
	g *WindowedGroup[K, V], store state.Window[K, A], initial func() A, add func(key K, value V, row A) A,
) *WindowTable[K, A] {
	g.of().given(initial != nil, "AggregateWindows: initial")
	g.of().given(add != nil, "AggregateWindows: add")
	return aggregateWindows(g, store, fold(initial, add))
}

// AggregateWindowsRecord folds whole records into a row that begins with initial(). Where add returns none the row is
// deleted, and the next record of key and window begins anew.
func AggregateWindowsRecord[K, V, A any](
	g *WindowedGroup[K, V], store state.Window[K, A],
	initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *WindowTable[K, A] {
	g.of().given(initial != nil, "AggregateWindowsRecord: initial")
	g.of().given(add != nil, "AggregateWindowsRecord: add")
	return aggregateWindows(g, store, foldRecord(initial, add))
}

func aggregateWindows[K, V, A any](
	g *WindowedGroup[K, V], store state.Window[K, A], fold operator.Fold[K, V, A],
) *WindowTable[K, A] {
	b, site := g.group.b, topology.Site()
	store = storeFor(b, g.windows, store, site)
	parts := []windowPart{inWindows(g.group, g.windows, store, fold, site)}
	return windowTable(b, parts, g.windows, store.Spec(), windowView(store), site)
}

// windowView looks the row of a window up.
func windowView[K, A any](store state.Window[K, A]) operator.View[window.Windowed[K], A] {
	return func(stores state.Stores) operator.Getter[window.Windowed[K], A] {
		open := store.In(stores)
		return func(key window.Windowed[K], _ int64) (value A, timestamp int64, ok bool, err error) {
			row, ok, err := open.Row(key.Key, key.Window.Start)
			return row.Value, row.Timestamp, ok, err
		}
	}
}

// storeFor is a window store as windows need it, owned by the step at site.
func storeFor[K, A any](b *Builder, windows window.Windows, store state.Window[K, A], site string) state.Window[K, A] {
	b.own(store.Spec(), site)
	b.kept(store.Spec(), site)
	if _, ok := windows.(window.SlidingTime); ok {
		store = store.ByKey()
	}
	return store.Retain(max(store.Spec().Options().Retention, eventtime.Duration(windows.Retention())))
}

// windowPart makes the nodes for one of the streams that a windowed aggregation takes records from.
type windowPart struct {
	aggregate func() *topology.Node
	final     func(idle time.Duration) *topology.Node
}

func inWindows[K, V, A any](
	g *Group[K, V], windows window.Windows, store state.Window[K, A], fold operator.Fold[K, V, A], site string,
) windowPart {
	parents, stores := []*topology.Node{g.node}, []state.Spec{store.Spec()}
	return windowPart{
		aggregate: func() *topology.Node {
			return topology.AddProcessor(g.b.graph, "aggregate", site, parents, stores,
				func() topology.Processor[K, V, window.Windowed[K], topology.Change[A]] {
					if sliding, ok := windows.(window.SlidingTime); ok {
						return operator.SlidingAggregate(store, sliding, fold)
					}
					return operator.WindowAggregate(store, windows.(window.Aligned), fold)
				})
		},
		final: func(idle time.Duration) *topology.Node {
			return topology.AddProcessor(g.b.graph, "final", site, parents, stores,
				func() topology.Processor[K, V, window.Windowed[K], A] {
					return operator.Final[K, V](store, windows, idle.Milliseconds())
				})
		},
	}
}

// windowTable is an aggregation of one or more streams into one store.
func windowTable[K, A any](
	b *Builder, parts []windowPart, windows fmt.Stringer, store state.Spec, view operator.View[window.Windowed[K], A],
	site string,
) *WindowTable[K, A] {
	var aggregates []*topology.Node
	for _, p := range parts {
		aggregates = append(aggregates, p.aggregate())
	}
	b.keepers[store.Name()] = keeper{nodes: aggregates, windows: windows.String()}
	keeps(windows, aggregates...)
	n := merged[window.Windowed[K], topology.Change[A]](b, aggregates, site)
	return &WindowTable[K, A]{
		b: b, keys: keysOf[K](store), view: view, stores: []state.Spec{store},
		updates: func() *topology.Node { return n },
		finals: perIdle(func(idle time.Duration) *topology.Node {
			b.oneIdle(store.Name(), idle)
			var finals []*topology.Node
			for i, p := range parts {
				f := p.final(idle)
				f.Before(aggregates[i])
				finals = append(finals, f)
			}
			return merged[window.Windowed[K], A](b, finals, site)
		}),
	}
}

// keeps notes which windows are in the stores of steps.
func keeps(windows fmt.Stringer, nodes ...*topology.Node) {
	for _, n := range nodes {
		n.Windows = windows.String()
		if w, ok := windows.(window.Defined); ok {
			n.Windows, n.Grace = w.Definition()
		}
	}
}

// oneIdle reports final results of one store with different idle times: one would close what the other has not seen.
func (b *Builder) oneIdle(store string, idle time.Duration) {
	first, ok := b.idles[store]
	if ok && first != idle {
		b.graph.Fail(topology.Site(), "final results of store %q are taken with idle times %v and %v: use one (0 is Final)",
			store, first, idle)
	}
	b.idles[store] = idle
}

// merged is one node for the results of several.
func merged[K, V any](b *Builder, nodes []*topology.Node, site string) *topology.Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return topology.AddPass[K, V](b.graph, "merge", site, nodes)
}

// once makes a node when it is first asked for.
func once(make func() *topology.Node) func() *topology.Node {
	var n *topology.Node
	return func() *topology.Node {
		if n == nil {
			n = make()
		}
		return n
	}
}

// perIdle makes a node for each idle time when it is first asked for.
func perIdle(make func(idle time.Duration) *topology.Node) func(idle time.Duration) *topology.Node {
	nodes := map[time.Duration]*topology.Node{}
	return func(idle time.Duration) *topology.Node {
		if nodes[idle] == nil {
			nodes[idle] = make(idle)
		}
		return nodes[idle]
	}
}

// WindowTable is the result of a windowed aggregation: a row for each key and window. It is a type of its own, as a
// Table under windowed keys would make Go instantiate types without end.
type WindowTable[K, V any] struct {
	b       *Builder
	keys    serde.Serde[K]                          // of the store
	updates func() *topology.Node                   // of changes
	finals  func(idle time.Duration) *topology.Node // of values
	view    operator.View[window.Windowed[K], V]
	stores  []state.Spec // that view uses
}

// Updates are the rows as they change: one result for each update. A deleted row has a null value.
func (t *WindowTable[K, V]) Updates() *WindowResults[K, V] {
	n := topology.AddProcessor(t.b.graph, "updates", topology.Site(), []*topology.Node{t.updates()}, nil,
		func() topology.Processor[window.Windowed[K], topology.Change[V], window.Windowed[K], V] {
			return operator.ToStream[window.Windowed[K], V]()
		})
	return &WindowResults[K, V]{b: t.b, node: n}
}

// Final is one result for each window: its last value, once, when stream time reaches its end and grace period. That
// holds for every window that accepted a record, whatever the jumps of stream time, and across restarts. Windows that
// close together come by end, then key in byte order. Final results have no headers.
//
// Only records move stream time: the last windows of a partition that falls silent stay open. FinalIdle closes them.
func (t *WindowTable[K, V]) Final() *WindowResults[K, V] {
	return &WindowResults[K, V]{b: t.b, node: t.finals(0)}
}

// FinalIdle is Final for partitions that may fall silent: once no record has come for the given time by the wall
// clock, windows close as if stream time had moved on by the time since the last record. Records for them that come
// after all are late. That makes results depend on when records come, and so on faults and delays: choose a time well
// above them.
func (t *WindowTable[K, V]) FinalIdle(after time.Duration) *WindowResults[K, V] {
	if after < time.Millisecond || after%time.Millisecond != 0 {
		t.b.graph.Fail(topology.Site(), "idle time %v: must be whole milliseconds, 1 or more", after)
		after = time.Millisecond
	}
	return &WindowResults[K, V]{b: t.b, node: t.finals(after)}
}

// Filter keeps the rows whose value keep accepts. In the updates, a row that no longer passes is deleted. keep must be
// a pure function.
func (t *WindowTable[K, V]) Filter(keep func(V) bool) *WindowTable[K, V] {
	t.of().given(keep != nil, "Filter: keep")
	return t.FilterRecord(func(r Record[window.Windowed[K], V]) (bool, error) { return keep(r.Value), nil })
}

// FilterNot keeps the rows whose value drop does not accept, as Filter does. drop must be a pure function.
func (t *WindowTable[K, V]) FilterNot(drop func(V) bool) *WindowTable[K, V] {
	t.of().given(drop != nil, "FilterNot: drop")
	return t.FilterRecord(func(r Record[window.Windowed[K], V]) (bool, error) { return !drop(r.Value), nil })
}

// FilterRecord keeps the rows that keep accepts, as Filter does. keep must be a pure function of key, window and
// value.
func (t *WindowTable[K, V]) FilterRecord(keep func(Record[window.Windowed[K], V]) (bool, error)) *WindowTable[K, V] {
	t.of().given(keep != nil, "FilterRecord: keep")
	return mapWindows(t, "filter", func(r Record[window.Windowed[K], V]) (Optional[V], error) {
		ok, err := keep(r)
		return Optional[V]{Value: r.Value, OK: ok}, err
	})
}

// MapWindowValues gives each row another value. fn must be a pure function.
func MapWindowValues[VR, K, V any](t *WindowTable[K, V], fn func(V) VR) *WindowTable[K, VR] {
	t.of().given(fn != nil, "MapWindowValues: fn")
	return mapWindows(t, "mapvalues", func(r Record[window.Windowed[K], V]) (Optional[VR], error) {
		return Some(fn(r.Value)), nil
	})
}

// MapWindowValuesRecord gives each row another value, or none, which takes it out of the table. fn must be a pure
// function.
func MapWindowValuesRecord[VR, K, V any](
	t *WindowTable[K, V], fn func(Record[window.Windowed[K], V]) (Optional[VR], error),
) *WindowTable[K, VR] {
	t.of().given(fn != nil, "MapWindowValuesRecord: fn")
	return mapWindows(t, "mapvalues", fn)
}

func mapWindows[VR, K, V any](
	t *WindowTable[K, V], op string, fn func(Record[window.Windowed[K], V]) (Optional[VR], error),
) *WindowTable[K, VR] {
	site := topology.Site()
	type key = window.Windowed[K]
	return &WindowTable[K, VR]{
		b: t.b, keys: t.keys,
		updates: once(func() *topology.Node {
			return topology.AddProcessor(t.b.graph, op, site, []*topology.Node{t.updates()}, nil,
				func() topology.Processor[key, topology.Change[V], key, topology.Change[VR]] {
					return operator.MapChange(fn)
				})
		}),
		view: mapView(t.view, fn), stores: t.stores,
		finals: perIdle(func(idle time.Duration) *topology.Node {
			return topology.AddProcessor(t.b.graph, op, site, []*topology.Node{t.finals(idle)}, nil,
				func() topology.Processor[window.Windowed[K], V, window.Windowed[K], VR] { return operator.MapRow(fn) })
		}),
	}
}

// TableOf is the windowed rows as a table under windowed keys: to join, group or suppress them as those of any table.
// It has the updates of the windows, and looks rows up until their store forgets them.
func TableOf[K, V any](t *WindowTable[K, V]) *Table[window.Windowed[K], V] {
	return &Table[window.Windowed[K], V]{
		b: t.of(), node: t.updates(), keys: window.SessionKey(t.keys), view: t.view, stores: t.stores,
	}
}

// WindowResults are results of windows, each under its key and window, on the way to becoming a stream.
type WindowResults[K, V any] struct {
	b    *Builder
	node *topology.Node
}

// Results is a stream of results under keys made of key and window. It counts as a stream whose key was changed: where
// the key is that of the records, use ByKey.
func Results[KR, K, V any](r *WindowResults[K, V], key func(window.Windowed[K]) KR) *Stream[KR, V] {
	r.of().given(key != nil, "Results: key")
	return results(r, func(r Record[window.Windowed[K], V]) (Record[KR, V], error) {
		return topology.WithKey(r, key(r.Key)), nil
	})
}

// ResultsRecord is a stream of records made of whole results: key and value are those that fn returns, timestamp and
// headers stay.
func ResultsRecord[KR, VR, K, V any](
	r *WindowResults[K, V], fn func(Record[window.Windowed[K], V]) (Record[KR, VR], error),
) *Stream[KR, VR] {
	r.of().given(fn != nil, "ResultsRecord: fn")
	return results(r, fn)
}

func results[KR, VR, K, V any](
	r *WindowResults[K, V], fn func(Record[window.Windowed[K], V]) (Record[KR, VR], error),
) *Stream[KR, VR] {
	site := topology.Site()
	n := topology.AddProcessor(r.b.graph, "results", site, []*topology.Node{r.node}, nil,
		func() topology.Processor[window.Windowed[K], V, KR, VR] { return operator.Map(fn) })
	return &Stream[KR, VR]{b: r.b, node: n, rekeyed: site}
}

// ByKey is a stream of results under the keys of their records. They are in the partition of their key already, so
// steps that need the records of a key together need no repartition topic. Which window a result is of is lost: Results
// and ResultsRecord see it.
func (r *WindowResults[K, V]) ByKey() *Stream[K, V] {
	out := results(r, func(r Record[window.Windowed[K], V]) (Record[K, V], error) {
		return topology.WithKey(r, r.Key.Key), nil
	})
	out.rekeyed = ""
	return out
}

// WindowedResults is a stream of results under their windowed keys, for topics whose keys have the serde
// window.TimeKey. Such a topic is partitioned by the key alone, so the results stay in the partition of their key.
func WindowedResults[K, V any](r *WindowResults[K, V]) *Stream[window.Windowed[K], V] {
	return &Stream[window.Windowed[K], V]{b: r.b, node: r.node}
}
