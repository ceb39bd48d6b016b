package streams

import (
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/windows"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// WindowedGroup is a group whose records are to be aggregated by key and window.
type WindowedGroup[K, V any] struct {
	group   *Group[K, V]
	windows windows.Windows
}

// Count counts the records of each key and window.
func (g *WindowedGroup[K, V]) Count(store state.WindowDeclaration[K, int64]) *WindowTable[K, int64] {
	return aggregateWindows[int64](g, store, count)
}

// Reduce combines the records of each key and window: the first value is the row, then fn(row, value).
func (g *WindowedGroup[K, V]) Reduce(store state.WindowDeclaration[K, V], fn func(row, value V) V) *WindowTable[K, V] {
	g.of().given(fn != nil, "Reduce: fn")
	return aggregateWindows[V](g, store, reduce(fn))
}

// ReduceRecord combines whole records of each key and window: the first value is the row, then fn. Where fn returns
// none the row is deleted, and the next record of key and window begins anew.
func (g *WindowedGroup[K, V]) ReduceRecord(
	store state.WindowDeclaration[K, V], fn func(r Record[K, V], row V) (Optional[V], error),
) *WindowTable[K, V] {
	g.of().given(fn != nil, "ReduceRecord: fn")
	return aggregateWindows[V](g, store, reduceRecord(fn))
}

// WindowedAggregate folds the records of each key and window into a row that begins with initial(). add leaves the row
// that it gets as it is: sliding windows begin with rows of others.
func WindowedAggregate[K, V, A any](
	g *WindowedGroup[K, V], store state.Window[K, A], initial func() A, add func(key K, value V, row A) A,
) *WindowTable[K, A] {
	g.of().given(initial != nil, "WindowedAggregate: initial")
	g.of().given(add != nil, "WindowedAggregate: add")
	return aggregateWindows[A](g, store, fold(initial, add))
}

// WindowedAggregateRecord folds whole records into a row that begins with initial(). Where add returns none the row is
// deleted, and the next record of key and window begins anew.
func WindowedAggregateRecord[K, V, A any](
	g *WindowedGroup[K, V], store state.Window[K, A],
	initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *WindowTable[K, A] {
	g.of().given(initial != nil, "WindowedAggregateRecord: initial")
	g.of().given(add != nil, "WindowedAggregateRecord: add")
	return aggregateWindows[A](g, store, foldRecord(initial, add))
}

func aggregateWindows[A, K, V any](
	g *WindowedGroup[K, V], store state.Declaration, fold operator.Fold,
) *WindowTable[K, A] {
	b, site := g.group.b, graph.Site()
	spec := b.storeFor(g.windows, store, site)
	m := memberOf(g.group, fold)
	return &WindowTable[K, A]{keysOf[K](spec), b.windowRows(m, g.windows, spec, site)}
}

//go:noinline
func (b *Builder) windowRows(m member, windows windows.Windows, store storage.Spec, site string) *windowRows {
	return b.windowTable([]windowPart{b.inWindows(m, windows, store, site)}, windows, store, site)
}

// storeFor is a window store as windows need it, owned by the step at site.
//
//go:noinline
func (b *Builder) storeFor(w windows.Windows, store state.Declaration, site string) storage.Spec {
	_, sliding := w.(windows.SlidingTime)
	return b.forWindows(b.specOf(store, site), w.Retention(), sliding, site)
}

// forWindows is a store whose retention is that of its windows, in milliseconds, or its own, where that is longer. The
// step at site owns the store.
func (b *Builder) forWindows(store storage.Spec, windows int64, byKey bool, site string) storage.Spec {
	b.own(store, site)
	b.kept(store, site)
	return storage.ForWindows(store, max(store.Options().Retention, eventtime.Duration(windows)), byKey)
}

// windowPart makes the nodes for one of the streams that a windowed aggregation takes records from.
type windowPart struct {
	parent    *graph.Node
	values    graph.Type // of the records
	aggregate func() *graph.Node
	final     func(idle time.Duration) *graph.Node
	late      func(site string) *graph.Node
}

//go:noinline
func (b *Builder) inWindows(
	m member, w windows.Windows, store storage.Spec, site string,
) windowPart {
	return b.windowPart(m, store, operator.ClosingWindows{Windows: w}, site, func() graph.Step {
		if sliding, ok := w.(windows.SlidingTime); ok {
			return operator.SlidingAggregate(store, sliding, m.fold)
		}
		return operator.WindowAggregate(store, w.(windows.Aligned), m.fold)
	})
}

// windowPart is that of one stream: new makes the step that aggregates it.
func (b *Builder) windowPart(
	m member, store storage.Spec, windows operator.Closing, site string, new func() graph.Step,
) windowPart {
	parents, stores := []*graph.Node{m.node}, []storage.Spec{store}
	return windowPart{
		parent: m.node, values: m.values,
		aggregate: func() *graph.Node {
			return graph.AddStep(b.graph, "aggregate", site, parents, stores, new)
		},
		final: func(idle time.Duration) *graph.Node {
			return graph.AddStep(b.graph, "final", site, parents, stores,
				func() graph.Step { return operator.Final(store, windows, idle.Milliseconds()) })
		},
		late: func(site string) *graph.Node {
			return graph.AddStep(b.graph, "late", site, parents, stores,
				func() graph.Step { return operator.Late(store, windows) })
		},
	}
}

// windowTable is an aggregation of one or more streams into one store.
func (b *Builder) windowTable(
	parts []windowPart, windows windows.Defined, store storage.Spec, site string,
) *windowRows {
	var aggregates []*graph.Node
	for _, p := range parts {
		aggregates = append(aggregates, p.aggregate())
	}
	keeps(windows, aggregates...)
	n := merged(b, aggregates, site)
	return &windowRows{
		b: b, rows: operator.RowsOfWindows(store), stores: []storage.Spec{store},
		updates: func() *graph.Node { return n },
		late:    b.lateRecords(parts, aggregates),
		finals: nodePer(func(idle time.Duration) *graph.Node {
			b.oneIdle(store.Name(), idle)
			var finals []*graph.Node
			for i, p := range parts {
				f := p.final(idle)
				f.Before(aggregates[i])
				finals = append(finals, f)
			}
			return merged(b, finals, site)
		}),
	}
}

// keeps notes which windows are in the stores of steps.
func keeps(windows windows.Defined, nodes ...*graph.Node) {
	for _, n := range nodes {
		n.Windows, n.Grace = windows.Definition()
	}
}

// oneIdle reports final results of one store with different idle times: one would close what the other has not seen.
func (b *Builder) oneIdle(store string, idle time.Duration) {
	first, ok := b.idles[store]
	if ok && first != idle {
		b.graph.Fail(graph.Site(), "final results of store %q are taken with idle times %v and %v: use one (0 is Final)",
			store, first, idle)
	}
	b.idles[store] = idle
}

// merged is one node for the results of several.
func merged(b *Builder, nodes []*graph.Node, site string) *graph.Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return graph.AddPass(b.graph, "merge", site, nodes)
}

// once makes a node when it is first asked for.
func once(make func() *graph.Node) func() *graph.Node {
	var n *graph.Node
	return func() *graph.Node {
		if n == nil {
			n = make()
		}
		return n
	}
}

// nodePer makes a node for each idle time, or each type of values, when it is first asked for.
func nodePer[T comparable](make func(T) *graph.Node) func(T) *graph.Node {
	nodes := map[T]*graph.Node{}
	return func(of T) *graph.Node {
		if nodes[of] == nil {
			nodes[of] = make(of)
		}
		return nodes[of]
	}
}

// WindowTable is the result of a windowed aggregation: a row for each key and window. It is a type of its own, as a
// Table under windowed keys would make Go instantiate types without end.
type WindowTable[K, V any] struct {
	keys serde.Serde[K] // of the store
	*windowRows
}

// windowRows is a WindowTable without its types.
type windowRows struct {
	b       *Builder
	updates func() *graph.Node                   // of changes
	finals  func(idle time.Duration) *graph.Node // of values
	late    func(values graph.Type) *graph.Node  // records that are not in the rows
	rows    operator.Rows                        // under windowed keys
	stores  []storage.Spec                       // that rows uses
}

// Updates are the rows as they change: one result for each update. A deleted row has a null value.
func (t *WindowTable[K, V]) Updates() *WindowResults[K, V] {
	return &WindowResults[K, V]{b: t.b, node: t.b.toStream(t.updates(), "updates")}
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
		t.b.graph.Fail(graph.Site(), "idle time %v: must be whole milliseconds, 1 or more", after)
		after = time.Millisecond
	}
	return &WindowResults[K, V]{b: t.b, node: t.finals(after)}
}

// Filter keeps the rows whose value keep accepts. In the updates, a row that no longer passes is deleted. keep must be
// a pure function.
func (t *WindowTable[K, V]) Filter(keep func(V) bool) *WindowTable[K, V] {
	t.of().given(keep != nil, "Filter: keep")
	return filteredWindows(t, func(r *graph.Flow) (bool, error) { return keep(*r.Value.(*V)), nil })
}

// FilterNot keeps the rows whose value drop does not accept, as Filter does. drop must be a pure function.
func (t *WindowTable[K, V]) FilterNot(drop func(V) bool) *WindowTable[K, V] {
	t.of().given(drop != nil, "FilterNot: drop")
	return filteredWindows(t, func(r *graph.Flow) (bool, error) { return !drop(*r.Value.(*V)), nil })
}

// FilterRecord keeps the rows that keep accepts, as Filter does. keep must be a pure function of key, window and
// value.
func (t *WindowTable[K, V]) FilterRecord(keep func(Record[window.Windowed[K], V]) (bool, error)) *WindowTable[K, V] {
	t.of().given(keep != nil, "FilterRecord: keep")
	return filteredWindows(t, func(r *graph.Flow) (bool, error) {
		return keep(graph.RecordOf[window.Windowed[K], V](r))
	})
}

func filteredWindows[K, V any](t *WindowTable[K, V], keep func(*graph.Flow) (bool, error)) *WindowTable[K, V] {
	return mapWindows[V](t, "filter", operator.FilterOf(keep))
}

// WindowedMapValues gives each row another value. fn must be a pure function.
func WindowedMapValues[VR, K, V any](t *WindowTable[K, V], fn func(V) VR) *WindowTable[K, VR] {
	t.of().given(fn != nil, "WindowedMapValues: fn")
	return mapWindows[VR](t, "mapvalues", operator.ValueMapper(fn))
}

// WindowedMapValuesRecord gives each row another value, or none, which takes it out of the table. fn must be a pure
// function.
func WindowedMapValuesRecord[VR, K, V any](
	t *WindowTable[K, V], fn func(Record[window.Windowed[K], V]) (Optional[VR], error),
) *WindowTable[K, VR] {
	t.of().given(fn != nil, "WindowedMapValuesRecord: fn")
	return mapWindows[VR](t, "mapvalues", operator.MapperOf(fn))
}

func mapWindows[VR, K, V any](t *WindowTable[K, V], op string, fn func() operator.Mapper) *WindowTable[K, VR] {
	return &WindowTable[K, VR]{t.keys, mappedWindows(t.windowRows, op, fn, mappedRows[V, VR](t.rows, fn))}
}

// mappedWindows are the rows with other values. It is no method, as each WindowTable would have that, too.
//
//go:noinline
func mappedWindows(t *windowRows, op string, fn func() operator.Mapper, rows operator.Rows) *windowRows {
	site := graph.Site()
	return &windowRows{
		b: t.b, rows: rows, stores: t.stores, late: t.late,
		updates: once(func() *graph.Node {
			return graph.AddStep(t.b.graph, op, site, []*graph.Node{t.updates()}, nil,
				func() graph.Step { return operator.MapChange(fn) })
		}),
		finals: nodePer(func(idle time.Duration) *graph.Node {
			return graph.AddStep(t.b.graph, op, site, []*graph.Node{t.finals(idle)}, nil,
				func() graph.Step { return operator.MapRow(fn) })
		}),
	}
}

// TableOf is the windowed rows as a table under windowed keys: to join, group or suppress them as those of any table.
// It has the updates of the windows, and looks rows up until their store forgets them.
func TableOf[K, V any](t *WindowTable[K, V]) *Table[window.Windowed[K], V] {
	return &Table[window.Windowed[K], V]{
		b: t.of(), node: t.updates(), keys: window.SessionKey(t.keys), tableRows: tableRows{rows: t.rows, stores: t.stores},
	}
}

// WindowResults are results of windows, each under its key and window, on the way to becoming a stream.
type WindowResults[K, V any] struct {
	b    *Builder
	node *graph.Node
}

// ResultsBy is a stream of results under keys made of key and window. It counts as a stream whose key was changed:
// where the key is that of the records, use ByKey.
func ResultsBy[KR, K, V any](r *WindowResults[K, V], key func(window.Windowed[K]) KR) *Stream[KR, V] {
	r.of().given(key != nil, "ResultsBy: key")
	return results[KR, V](r, operator.KeyOf(func(r Record[window.Windowed[K], V]) (Optional[KR], error) {
		return Some(key(r.Key)), nil
	}))
}

// ResultsByRecord is a stream of records made of whole results: key and value are those that fn returns, timestamp and
// headers stay.
func ResultsByRecord[KR, VR, K, V any](
	r *WindowResults[K, V], fn func(Record[window.Windowed[K], V]) (Record[KR, VR], error),
) *Stream[KR, VR] {
	r.of().given(fn != nil, "ResultsByRecord: fn")
	return results[KR, VR](r, operator.MapOf(fn))
}

func results[KR, VR, K, V any](
	r *WindowResults[K, V], fn func() func(r, out *graph.Flow) error,
) *Stream[KR, VR] {
	site := graph.Site()
	return &Stream[KR, VR]{b: r.b, node: r.b.results(r.node, fn, site), rekeyed: site}
}

//go:noinline
func (b *Builder) results(
	parent *graph.Node, fn func() func(r, out *graph.Flow) error, site string,
) *graph.Node {
	return graph.AddStep(b.graph, "results", site, []*graph.Node{parent}, nil,
		func() graph.Step { return operator.Map(fn) })
}

// ByKey is a stream of results under the keys of their records. They are in the partition of their key already, so
// steps that need the records of a key together need no repartition topic. Which window a result is of is lost:
// ResultsBy and ResultsByRecord see it.
func (r *WindowResults[K, V]) ByKey() *Stream[K, V] {
	return &Stream[K, V]{b: r.b, node: r.b.results(r.node, operator.WithoutWindow[K], graph.Site())}
}

// WindowedResults is a stream of results under their windowed keys, for topics whose keys have the serde
// window.TimeKey. Such a topic is partitioned by the key alone, so the results stay in the partition of their key.
func WindowedResults[K, V any](r *WindowResults[K, V]) *Stream[window.Windowed[K], V] {
	return &Stream[window.Windowed[K], V]{b: r.b, node: r.node}
}
