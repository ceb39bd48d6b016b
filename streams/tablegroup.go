package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/state"
)

// TableGroup is the rows of a table in groups, to be aggregated: as a row changes, what it was is subtracted from its
// old group and what it is now is added to its new one.
type TableGroup[K, V any] struct {
	b    *Builder
	node *graph.Node
}

// TableGroupBy groups the rows of a table: fn gives the group of a row and its value there. Rows travel through a
// repartition topic to the partition of their group, in the bytes of Kafka Streams' ChangedSerializer.
func TableGroupBy[KR, VR, K, V any](
	t *Table[K, V], fn func(key K, value V) (KR, VR), topic Repartition[KR, VR],
) *TableGroup[KR, VR] {
	t.of().given(fn != nil, "TableGroupBy: fn")
	return groupTable(t, func(r Record[K, V]) (Record[KR, VR], error) {
		k, v := fn(r.Key, r.Value)
		return Record[KR, VR]{Key: k, Value: v}, nil
	}, topic)
}

// TableGroupByRecord groups the rows of a table: key and value of the result are the group of a row and its value
// there. A row for which one of them is null is in no group. fn must be a pure function of key and value.
func TableGroupByRecord[KR, VR, K, V any](
	t *Table[K, V], fn func(Record[K, V]) (Record[KR, VR], error), topic Repartition[KR, VR],
) *TableGroup[KR, VR] {
	t.of().given(fn != nil, "TableGroupByRecord: fn")
	return groupTable(t, fn, topic)
}

func groupTable[KR, VR, K, V any](
	t *Table[K, V], fn func(Record[K, V]) (Record[KR, VR], error), topic Repartition[KR, VR],
) *TableGroup[KR, VR] {
	site, d := graph.Site(), topic.d.given()
	regroup := graph.AddFormed(t.b.graph, "regroup", site, []*graph.Node{t.node}, nil,
		graph.Changes, graph.Records,
		func() graph.Processor[K, Change[V], KR, Change[VR]] {
			return operator.Regroup(fn, serdeOf[KR](d.key))
		})
	changes := newDeclaredTopic(d.name, serdeOf[KR](d.key), wire.Change(serdeOf[VR](d.value)))
	changes.partitions = d.partitions
	if d.value == nil {
		changes.value = nil
	}
	if d.spread != nil {
		t.b.graph.Fail(site, "repartition topic %q has a Partitioner: what leaves a group of a table must meet what "+
			"came into it, so these are split by key", d.name)
	}
	return &TableGroup[KR, VR]{b: t.b, node: t.b.throughTopic(regroup, changes, site)}
}

// Count counts the rows of each group. A group whose rows have all left stays, with 0.
func (g *TableGroup[K, V]) Count(store state.KeyValueDeclaration[K, int64]) *Table[K, int64] {
	return aggregateTable[int64](g, store, count, func(_ *graph.Flow, row, out any) (bool, error) {
		return counted(row, out, -1)
	})
}

// Reduce combines the values of each group's rows: the first is the result, then add(result, value); subtract(result,
// value) takes a row's value out again.
func (g *TableGroup[K, V]) Reduce(
	store state.KeyValueDeclaration[K, V], add, subtract func(row, value V) V,
) *Table[K, V] {
	g.of().given(add != nil, "Reduce: add")
	g.of().given(subtract != nil, "Reduce: subtract")
	return aggregateTable[V](g, store, reduce(add), reduce(subtract))
}

// TableAggregate folds the rows of each group into a result that begins with initial(): add puts the value of a row in,
// subtract takes it out again.
func TableAggregate[K, V, A any](
	g *TableGroup[K, V], store state.KeyValue[K, A], initial func() A, add, subtract func(key K, value V, row A) A,
) *Table[K, A] {
	g.of().given(initial != nil, "TableAggregate: initial")
	g.of().given(add != nil, "TableAggregate: add")
	g.of().given(subtract != nil, "TableAggregate: subtract")
	return aggregateTable[A](g, store, fold(initial, add), fold(initial, subtract))
}

// TableAggregateRecord folds rows into a result that begins with initial(). Where add or subtract return none the
// group's result is deleted, and begins anew with the next row.
func TableAggregateRecord[K, V, A any](
	g *TableGroup[K, V], store state.KeyValue[K, A], initial func() A,
	add, subtract func(r Record[K, V], row A) (Optional[A], error),
) *Table[K, A] {
	g.of().given(initial != nil, "TableAggregateRecord: initial")
	g.of().given(add != nil, "TableAggregateRecord: add")
	g.of().given(subtract != nil, "TableAggregateRecord: subtract")
	return aggregateTable[A](g, store, foldRecord(initial, add), foldRecord(initial, subtract))
}

func aggregateTable[A, K, V any](
	g *TableGroup[K, V], store state.Declaration, add, subtract operator.Fold,
) *Table[K, A] {
	site := graph.Site()
	spec := g.of().specOf(store, site)
	g.b.own(spec, site)
	g.b.withoutTTL(spec, site)
	g.b.arrivals(spec, site)
	n := graph.AddStep(g.b.graph, "aggregate", site, []*graph.Node{g.node}, []storage.Spec{spec},
		func() graph.Step { return operator.TableAggregate(spec, add, subtract) })
	return stored[K, A](g.b, n, spec)
}
