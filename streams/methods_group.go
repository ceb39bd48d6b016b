//go:build go1.27

package streams

import "github.com/millstream-go/millstream/state"

// Aggregate folds the records of each key into a row: the function [Aggregate] as a method.
func (g *Group[K, V]) Aggregate[A any](
	store state.KeyValue[K, A], initial func() A, add func(key K, value V, row A) A,
) *Table[K, A] {
	return Aggregate(g, store, initial, add)
}

// AggregateRecord folds whole records into a row: the function [AggregateRecord] as a method.
func (g *Group[K, V]) AggregateRecord[A any](
	store state.KeyValue[K, A], initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *Table[K, A] {
	return AggregateRecord(g, store, initial, add)
}

// Cogroup begins a cogroup with this group: the function [NewCogroup] as a method.
func (g *Group[K, V]) Cogroup[A any](
	initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *Cogroup[K, A] {
	return NewCogroup(g, initial, add)
}

// Add is the same cogroup with one more group: the function [CogroupAdd] as a method.
func (c *Cogroup[K, A]) Add[V any](
	g *Group[K, V], add func(r Record[K, V], row A) (Optional[A], error),
) *Cogroup[K, A] {
	return CogroupAdd(c, g, add)
}

// Aggregate folds the rows of each key into one: the function [TableAggregate] as a method.
func (g *TableGroup[K, V]) Aggregate[A any](
	store state.KeyValue[K, A], initial func() A, add, subtract func(key K, value V, row A) A,
) *Table[K, A] {
	return TableAggregate(g, store, initial, add, subtract)
}

// AggregateRecord folds whole rows of each key into one: the function [TableAggregateRecord] as a method.
func (g *TableGroup[K, V]) AggregateRecord[A any](
	store state.KeyValue[K, A], initial func() A, add, subtract func(r Record[K, V], row A) (Optional[A], error),
) *Table[K, A] {
	return TableAggregateRecord(g, store, initial, add, subtract)
}
