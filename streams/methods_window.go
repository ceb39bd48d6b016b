//go:build go1.27

package streams

import (
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// Aggregate folds the records of each key and window into a row: the function [WindowedAggregate] as a method.
func (g *WindowedGroup[K, V]) Aggregate[A any](
	store state.Window[K, A], initial func() A, add func(key K, value V, row A) A,
) *WindowTable[K, A] {
	return WindowedAggregate(g, store, initial, add)
}

// AggregateRecord folds whole records into a row: the function [WindowedAggregateRecord] as a method.
func (g *WindowedGroup[K, V]) AggregateRecord[A any](
	store state.Window[K, A], initial func() A, add func(r Record[K, V], row A) (Optional[A], error),
) *WindowTable[K, A] {
	return WindowedAggregateRecord(g, store, initial, add)
}

// Aggregate folds the records of each key and session into a row: the function [SessionAggregate] as a method.
func (g *SessionGroup[K, V]) Aggregate[A any](
	store state.Session[K, A], initial func() A,
	add func(key K, value V, row A) A, merge func(key K, a, b A) A,
) *WindowTable[K, A] {
	return SessionAggregate(g, store, initial, add, merge)
}

// AggregateRecord folds whole records into a row: the function [SessionAggregateRecord] as a method.
func (g *SessionGroup[K, V]) AggregateRecord[A any](
	store state.Session[K, A], initial func() A,
	add func(r Record[K, V], row A) (Optional[A], error), merge func(key K, a, b A) (A, error),
) *WindowTable[K, A] {
	return SessionAggregateRecord(g, store, initial, add, merge)
}

// Late is the records that the aggregation drops, with values of the type that is grouped: the function [Late] as a
// method.
func (t *WindowTable[K, A]) Late[V any]() *Stream[K, V] {
	return Late[V](t)
}

// MapValues gives each row another value: the function [WindowedMapValues] as a method.
func (t *WindowTable[K, V]) MapValues[VR any](fn func(V) VR) *WindowTable[K, VR] {
	return WindowedMapValues(t, fn)
}

// MapValuesRecord gives each row another value, or none: the function [WindowedMapValuesRecord] as a method.
func (t *WindowTable[K, V]) MapValuesRecord[VR any](
	fn func(Record[window.Windowed[K], V]) (Optional[VR], error),
) *WindowTable[K, VR] {
	return WindowedMapValuesRecord(t, fn)
}

// By is a stream of the results under keys made of key and window: the function [ResultsBy] as a method. Where the key
// is that of the records, ByKey does without a repartition topic.
func (r *WindowResults[K, V]) By[KR any](key func(window.Windowed[K]) KR) *Stream[KR, V] {
	return ResultsBy(r, key)
}

// ByRecord is a stream of records made of whole results: the function [ResultsByRecord] as a method.
func (r *WindowResults[K, V]) ByRecord[KR, VR any](
	fn func(Record[window.Windowed[K], V]) (Record[KR, VR], error),
) *Stream[KR, VR] {
	return ResultsByRecord(r, fn)
}
