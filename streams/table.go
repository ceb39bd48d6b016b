package streams

import (
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Table is a row for each key, as it is now. Steps on a table work on its changes: the row before and the row after. A
// delete goes on only if the row was there.
type Table[K, V any] struct {
	b      *Builder
	node   *topology.Node
	keys   serde.Serde[K]      // of the store in which the rows are, or that they come from
	view   operator.View[K, V] // how a join looks a row up
	stores []state.Spec        // that view uses

	versioned bool // the view answers as of a time
}

// stored is a table whose rows are in a store.
func stored[K, V any](b *Builder, n *topology.Node, store state.KeyValue[K, V]) *Table[K, V] {
	spec := store.Spec()
	return &Table[K, V]{b: b, node: n, keys: keysOf[K](spec), stores: []state.Spec{spec}, view: storeView(store)}
}

// keysOf is the serde of a store's keys; nil if it was declared without one, which Build reports.
func keysOf[K any](store state.Spec) serde.Serde[K] {
	keys, _ := store.Options().Keys.(serde.Serde[K])
	return keys
}

// storeView looks rows up in a store.
func storeView[K, V any](store state.KeyValue[K, V]) operator.View[K, V] {
	return func(stores state.Stores) operator.Getter[K, V] {
		open := store.In(stores)
		return func(key K, _ int64) (value V, timestamp int64, ok bool, err error) {
			row, ok, err := open.Row(key)
			return row.Value, row.Timestamp, ok, err
		}
	}
}

// lookedUp reports a table whose rows cannot be looked up, where a join needs that.
func (t *Table[K, V]) lookedUp(site string) {
	if t.view == nil {
		t.b.graph.Fail(site, "a join looks rows of the table up, which are nowhere kept behind Suppress or PerCommit: "+
			"put Materialize there")
	}
}

// Filter keeps the rows whose value keep accepts; a row that no longer passes is deleted. keep must be a pure function.
func (t *Table[K, V]) Filter(keep func(V) bool) *Table[K, V] {
	t.of().given(keep != nil, "Filter: keep")
	return t.FilterRecord(func(r Record[K, V]) (bool, error) { return keep(r.Value), nil })
}

// FilterNot keeps the rows whose value drop does not accept; a row that no longer passes is deleted. drop must be a
// pure function.
func (t *Table[K, V]) FilterNot(drop func(V) bool) *Table[K, V] {
	t.of().given(drop != nil, "FilterNot: drop")
	return t.FilterRecord(func(r Record[K, V]) (bool, error) { return !drop(r.Value), nil })
}

// FilterRecord keeps the rows that keep accepts; a row that no longer passes is deleted. keep must be a pure function
// of key and value.
func (t *Table[K, V]) FilterRecord(keep func(Record[K, V]) (bool, error)) *Table[K, V] {
	t.of().given(keep != nil, "FilterRecord: keep")
	return mapTable(t, "filter", func(r Record[K, V]) (Optional[V], error) {
		ok, err := keep(r)
		return Optional[V]{Value: r.Value, OK: ok}, err
	})
}

// MapTableValues gives each row another value. fn must be a pure function.
func MapTableValues[VR, K, V any](t *Table[K, V], fn func(V) VR) *Table[K, VR] {
	t.of().given(fn != nil, "MapTableValues: fn")
	return mapTable(t, "mapvalues", func(r Record[K, V]) (Optional[VR], error) { return Some(fn(r.Value)), nil })
}

// MapTableValuesRecord gives each row another value, or none, which takes it out of the table. fn must be a pure
// function of key and value.
func MapTableValuesRecord[VR, K, V any](t *Table[K, V], fn func(Record[K, V]) (Optional[VR], error)) *Table[K, VR] {
	t.of().given(fn != nil, "MapTableValuesRecord: fn")
	return mapTable(t, "mapvalues", fn)
}

func mapTable[VR, K, V any](t *Table[K, V], op string, fn func(Record[K, V]) (Optional[VR], error)) *Table[K, VR] {
	n := topology.AddProcessor(t.of().graph, op, topology.Site(), []*topology.Node{t.node}, nil,
		func() topology.Processor[K, topology.Change[V], K, topology.Change[VR]] {
			return operator.MapChange(fn)
		})
	return &Table[K, VR]{
		b: t.b, node: n, keys: t.keys, stores: t.stores, view: mapView(t.view, fn), versioned: t.versioned,
	}
}

// mapView looks a row up in the table before fn and applies fn.
func mapView[VR, K, V any](
	view operator.View[K, V], fn func(Record[K, V]) (Optional[VR], error),
) operator.View[K, VR] {
	if view == nil {
		return nil
	}
	return func(stores state.Stores) operator.Getter[K, VR] {
		get := view(stores)
		return func(key K, at int64) (value VR, timestamp int64, ok bool, err error) {
			v, timestamp, ok, err := get(key, at)
			if err != nil || !ok {
				return value, 0, false, err
			}
			out, err := operator.Clean(fn(Record[K, V]{Key: key, Value: v, Timestamp: timestamp}))
			return out.Value, timestamp, out.OK, err
		}
	}
}

// Materialize keeps the rows of the table in a store of its own, to be queried under that name or to spare lookups the
// functions before it.
func (t *Table[K, V]) Materialize(store state.KeyValue[K, V]) *Table[K, V] {
	site := topology.Site()
	t.of().own(store.Spec(), site)
	t.b.immortal(store.Spec(), site)
	t.b.arrivals(store.Spec(), site)
	n := topology.AddProcessor(t.b.graph, "materialize", site, []*topology.Node{t.node}, []state.Spec{store.Spec()},
		func() topology.Processor[K, topology.Change[V], K, topology.Change[V]] {
			return operator.Materialize(store)
		})
	return stored(t.b, n, store)
}

// ToStream is the stream of the table's rows as they change; a deleted row has a null value.
func (t *Table[K, V]) ToStream() *Stream[K, V] {
	n := topology.AddProcessor(t.of().graph, "tostream", topology.Site(), []*topology.Node{t.node}, nil,
		func() topology.Processor[K, topology.Change[V], K, V] { return operator.ToStream[K, V]() })
	return &Stream[K, V]{b: t.b, node: n}
}

// ToStreamKey is the stream of the table's rows as they change, under other keys; a deleted row has a null value.
func ToStreamKey[KR, K, V any](t *Table[K, V], key func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	t.of().given(key != nil, "ToStreamKey: key")
	return selectKey(t.ToStream(), key)
}
