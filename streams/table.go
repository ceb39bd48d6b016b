package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// Table is a row for each key, as it is now. Steps on a table work on its changes: the row before and the row after. A
// delete goes on only if the row was there.
type Table[K, V any] struct {
	b    *Builder
	node *graph.Node
	keys serde.Serde[K] // of the store in which the rows are, or that they come from
	tableRows
}

// tableRows are the rows of a table without its types.
type tableRows struct {
	rows      operator.Rows  // how a join looks a row up
	stores    []storage.Spec // that rows uses
	versioned bool           // rows answers as of a time
	held      bool           // rows shows changes that are held back until the record has been through all steps
}

//go:noinline
func rowsIn(store storage.Spec) tableRows {
	return tableRows{rows: operator.RowsIn(store), stores: []storage.Spec{store}}
}

// stored is a table whose rows are in a store.
func stored[K, V any](b *Builder, n *graph.Node, store storage.Spec) *Table[K, V] {
	return &Table[K, V]{
		b: b, node: n, keys: keysOf[K](store), tableRows: rowsIn(store),
	}
}

// keysOf is the serde of a store's keys; nil if it was declared without one, which Build reports.
func keysOf[K any](store storage.Spec) serde.Serde[K] {
	keys, _ := store.Options().Keys.(serde.Serde[K])
	return keys
}

// serdesOf are the serdes of a declaration that its constructor was given.
func serdesOf[K, V any](store state.Spec) (keys serde.Serde[K], values serde.Serde[V]) {
	if d := storage.Unsealed(store); d != nil {
		keys, _ = d.Key().(serde.Serde[K])
		values, _ = d.Value().(serde.Serde[V])
	}
	return keys, values
}

// lookedUp reports a table whose rows cannot be looked up, where a join needs that.
//
//go:noinline
func (b *Builder) lookedUp(t tableRows, site string) {
	if t.rows == nil {
		b.graph.Fail(site, "a join looks rows of the table up, which are nowhere kept behind Suppress or PerCommit: "+
			"put Materialize there")
	}
}

// Filter keeps the rows whose value keep accepts; a row that no longer passes is deleted. keep must be a pure function.
func (t *Table[K, V]) Filter(keep func(V) bool) *Table[K, V] {
	t.of().given(keep != nil, "Filter: keep")
	return filteredTable(t, func(r *graph.Flow) (bool, error) { return keep(*r.Value.(*V)), nil })
}

// FilterNot keeps the rows whose value drop does not accept; a row that no longer passes is deleted. drop must be a
// pure function.
func (t *Table[K, V]) FilterNot(drop func(V) bool) *Table[K, V] {
	t.of().given(drop != nil, "FilterNot: drop")
	return filteredTable(t, func(r *graph.Flow) (bool, error) { return !drop(*r.Value.(*V)), nil })
}

// FilterRecord keeps the rows that keep accepts; a row that no longer passes is deleted. keep must be a pure function
// of key and value.
func (t *Table[K, V]) FilterRecord(keep func(Record[K, V]) (bool, error)) *Table[K, V] {
	t.of().given(keep != nil, "FilterRecord: keep")
	return filteredTable(t, func(r *graph.Flow) (bool, error) { return keep(graph.RecordOf[K, V](r)) })
}

func filteredTable[K, V any](t *Table[K, V], keep func(*graph.Flow) (bool, error)) *Table[K, V] {
	return mapTable[V](t, "filter", operator.FilterOf(keep))
}

// TableMapValues gives each row another value. fn must be a pure function.
func TableMapValues[VR, K, V any](t *Table[K, V], fn func(V) VR) *Table[K, VR] {
	t.of().given(fn != nil, "TableMapValues: fn")
	return mapTable[VR](t, "mapvalues", operator.ValueMapper(fn))
}

// TableMapValuesRecord gives each row another value, or none, which takes it out of the table. fn must be a pure
// function of key and value.
func TableMapValuesRecord[VR, K, V any](t *Table[K, V], fn func(Record[K, V]) (Optional[VR], error)) *Table[K, VR] {
	t.of().given(fn != nil, "TableMapValuesRecord: fn")
	return mapTable[VR](t, "mapvalues", operator.MapperOf(fn))
}

func mapTable[VR, K, V any](t *Table[K, V], op string, fn func() operator.Mapper) *Table[K, VR] {
	out := &Table[K, VR]{b: t.of(), node: t.of().mapChanges(t.node, op, fn), keys: t.keys, tableRows: t.tableRows}
	out.rows = mappedRows[V, VR](t.rows, fn)
	return out
}

//go:noinline
func (b *Builder) mapChanges(table *graph.Node, op string, fn func() operator.Mapper) *graph.Node {
	return graph.AddStep(b.graph, op, graph.Site(), []*graph.Node{table}, nil,
		func() graph.Step { return operator.MapChange(fn) })
}

// mappedRows are rows of type V, each with the value of type VR that fn makes of it.
func mappedRows[V, VR any](rows operator.Rows, fn func() operator.Mapper) operator.Rows {
	return rows.Mapped(fn, func() any { return new(V) }, func(value, out any) { *out.(*VR) = *value.(*VR) })
}

// Materialize keeps the rows of the table in a store of its own, to be queried under that name or to spare lookups the
// functions before it.
func (t *Table[K, V]) Materialize(store state.KeyValueDeclaration[K, V]) *Table[K, V] {
	spec := t.of().specOf(store, graph.Site())
	return stored[K, V](t.b, t.b.materialize(t.node, spec), spec)
}

//go:noinline
func (b *Builder) materialize(table *graph.Node, store storage.Spec) *graph.Node {
	site := graph.Site()
	b.own(store, site)
	b.withoutTTL(store, site)
	b.arrivals(store, site)
	return graph.AddStep(b.graph, "materialize", site, []*graph.Node{table}, []storage.Spec{store},
		func() graph.Step { return operator.Materialize(store) })
}

// ToStream is the stream of the table's rows as they change; a deleted row has a null value.
func (t *Table[K, V]) ToStream() *Stream[K, V] {
	return &Stream[K, V]{b: t.of(), node: t.of().toStream(t.node, "tostream")}
}

// toStream is the node that shows the rows of a table as they change.
func (b *Builder) toStream(table *graph.Node, op string) *graph.Node {
	return graph.AddStep(b.graph, op, graph.Site(), []*graph.Node{table}, nil, operator.ToStream)
}

// ToStreamKey is the stream of the table's rows as they change, under other keys; a deleted row has a null value.
func ToStreamKey[KR, K, V any](t *Table[K, V], key func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	t.of().given(key != nil, "ToStreamKey: key")
	return selectKey(t.ToStream(), key)
}
