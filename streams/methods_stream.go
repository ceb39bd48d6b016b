//go:build go1.27

package streams

import (
	"context"
	"time"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/window"
)

// The steps of a stream that bring new types, as methods: from Go 1.27 on methods may have type parameters, and a
// topology reads in the order in which its data flows. Each does what the function does that its comment names.

// MapValues gives each record another value: the function [MapValues] as a method.
func (s *Stream[K, V]) MapValues[VR any](fn func(V) VR) *Stream[K, VR] { return MapValues(s, fn) }

// MapValuesRecord gives each record another value, or a null one: the function [MapValuesRecord] as a method.
func (s *Stream[K, V]) MapValuesRecord[VR any](fn func(Record[K, V]) (Optional[VR], error)) *Stream[K, VR] {
	return MapValuesRecord(s, fn)
}

// Map makes another record of each: the function [Map] as a method.
func (s *Stream[K, V]) Map[KR, VR any](fn func(Record[K, V]) (Record[KR, VR], error)) *Stream[KR, VR] {
	return Map(s, fn)
}

// FlatMap makes any number of records of each: the function [FlatMap] as a method.
func (s *Stream[K, V]) FlatMap[KR, VR any](
	fn func(r Record[K, V], emit func(Record[KR, VR]) error) error,
) *Stream[KR, VR] {
	return FlatMap(s, fn)
}

// FlatMapValues makes a record of each element that fn returns: the function [FlatMapValues] as a method.
func (s *Stream[K, V]) FlatMapValues[VR any](fn func(V) []VR) *Stream[K, VR] {
	return FlatMapValues(s, fn)
}

// FlatMapValuesRecord makes any number of values of each record: the function [FlatMapValuesRecord] as a method.
func (s *Stream[K, V]) FlatMapValuesRecord[VR any](
	fn func(r Record[K, V], emit func(Optional[VR]) error) error,
) *Stream[K, VR] {
	return FlatMapValuesRecord(s, fn)
}

// MapAsync gives each record the value that a slow function has for its value: the function [MapAsync] as a method.
func (s *Stream[K, V]) MapAsync[VR any](
	fn func(ctx context.Context, v V) (VR, error), calls Calls, flights state.InFlight[K, V],
) *Stream[K, VR] {
	return MapAsync(s, fn, calls, flights)
}

// MapAsyncRecord gives each record the value that a slow function has for it: the function [MapAsyncRecord] as a
// method.
func (s *Stream[K, V]) MapAsyncRecord[VR any](
	fn func(ctx context.Context, r Record[K, V]) (Optional[VR], error), calls Calls, flights state.InFlight[K, V],
) *Stream[K, VR] {
	return MapAsyncRecord(s, fn, calls, flights)
}

// SelectKey gives each record another key, made of its value: the function [SelectKey] as a method.
func (s *Stream[K, V]) SelectKey[KR any](fn func(V) KR) *Stream[KR, V] { return SelectKey(s, fn) }

// SelectKeyRecord gives each record another key, or a null one: the function [SelectKeyRecord] as a method.
func (s *Stream[K, V]) SelectKeyRecord[KR any](fn func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	return SelectKeyRecord(s, fn)
}

// GroupBy groups the records by another key, made of the value: the function [GroupBy] as a method.
func (s *Stream[K, V]) GroupBy[KR any](fn func(V) KR, topic Repartition[KR, V]) *Group[KR, V] {
	return GroupBy(s, fn, topic)
}

// GroupByRecord groups the records by another key: the function [GroupByRecord] as a method.
func (s *Stream[K, V]) GroupByRecord[KR any](
	fn func(Record[K, V]) (Optional[KR], error), topic Repartition[KR, V],
) *Group[KR, V] {
	return GroupByRecord(s, fn, topic)
}

// Process adds a processor of the user's: the function [Process] as a method.
func (s *Stream[K, V]) Process[KR, VR any](
	new func() Processor[K, V, KR, VR], stores ...state.Declaration,
) *Stream[KR, VR] {
	return Process(s, new, stores...)
}

// ProcessValues adds a processor of the user's that cannot change the key: the function [ProcessValues] as a method.
func (s *Stream[K, V]) ProcessValues[VR any](
	new func() FixedKeyProcessor[K, V, VR], stores ...state.Declaration,
) *Stream[K, VR] {
	return ProcessValues(s, new, stores...)
}

// SideOutput is the stream of what a processor forwards to an output: the function [SideOutput] as a method.
func (s *Stream[K, V]) SideOutput[KR, VR any](o Output[KR, VR]) *Stream[KR, VR] {
	return SideOutput(s, o)
}

// Deduplicate lets the first record of each id through: the function [Deduplicate] as a method.
func (s *Stream[K, V]) Deduplicate[ID any](
	id func(V) ID, within time.Duration, store state.Window[ID, bool],
) *Stream[K, V] {
	return Deduplicate(s, id, within, store)
}

// DeduplicateRecord lets the first record of each id through: the function [DeduplicateRecord] as a method.
func (s *Stream[K, V]) DeduplicateRecord[ID any](
	id func(Record[K, V]) (Optional[ID], error), within time.Duration, store state.Window[ID, bool],
) *Stream[K, V] {
	return DeduplicateRecord(s, id, within, store)
}

// Join joins each record with the row of its key in a table: the function [Join] as a method.
func (s *Stream[K, V]) Join[U, R any](t *Table[K, U], join func(value V, row U) R) *Stream[K, R] {
	return Join(s, t, join)
}

// JoinRecord is Join or LeftJoin with the whole record: the function [JoinRecord] as a method.
func (s *Stream[K, V]) JoinRecord[U, R any](
	t *Table[K, U], kind JoinKind, join func(r Record[K, V], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	return JoinRecord(s, t, kind, join)
}

// LeftJoin is Join with a result for each record: the function [LeftJoin] as a method.
func (s *Stream[K, V]) LeftJoin[U, R any](t *Table[K, U], join func(value V, row Optional[U]) R) *Stream[K, R] {
	return LeftJoin(s, t, join)
}

// JoinWithGrace joins each record with the version of the row at its time: the function [JoinWithGrace] as a method.
func (s *Stream[K, V]) JoinWithGrace[U, R any](
	t *Table[K, U], kind JoinKind, grace time.Duration, buffer state.Buffer[K, V],
	join func(r Record[K, V], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	return JoinWithGrace(s, t, kind, grace, buffer, join)
}

// JoinGlobal joins each record with a row of a global table: the function [JoinGlobal] as a method.
func (s *Stream[K, V]) JoinGlobal[GK, U, R any](
	t *GlobalTable[GK, U], name func(V) GK, join func(value V, row U) R,
) *Stream[K, R] {
	return JoinGlobal(s, t, name, join)
}

// LeftJoinGlobal is JoinGlobal with a result for each record: the function [LeftJoinGlobal] as a method.
func (s *Stream[K, V]) LeftJoinGlobal[GK, U, R any](
	t *GlobalTable[GK, U], name func(V) GK, join func(value V, row Optional[U]) R,
) *Stream[K, R] {
	return LeftJoinGlobal(s, t, name, join)
}

// JoinGlobalRecord is JoinGlobal with the whole record: the function [JoinGlobalRecord] as a method.
func (s *Stream[K, V]) JoinGlobalRecord[GK, U, R any](
	t *GlobalTable[GK, U], kind JoinKind, name func(Record[K, V]) (Optional[GK], error),
	join func(r Record[K, V], named Optional[GK], row Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	return JoinGlobalRecord(s, t, kind, name, join)
}

// JoinStreams joins records of two streams that are near each other in time: the function [JoinStreams] as a method.
func (s *Stream[K, V]) JoinStreams[U, R any](
	right *Stream[K, U], windows window.Join, stores state.Join[K, V, U], join func(left V, right U) R,
) *Stream[K, R] {
	return JoinStreams(s, right, windows, stores, join)
}

// LeftJoinStreams is JoinStreams with a result for each left record: the function [LeftJoinStreams] as a method.
func (s *Stream[K, V]) LeftJoinStreams[U, R any](
	right *Stream[K, U], windows window.Join, stores state.Join[K, V, U], join func(left V, right Optional[U]) R,
) *Stream[K, R] {
	return LeftJoinStreams(s, right, windows, stores, join)
}

// OuterJoinStreams is JoinStreams with a result for each record: the function [OuterJoinStreams] as a method.
func (s *Stream[K, V]) OuterJoinStreams[U, R any](
	right *Stream[K, U], windows window.Join, stores state.Join[K, V, U],
	join func(left Optional[V], right Optional[U]) R,
) *Stream[K, R] {
	return OuterJoinStreams(s, right, windows, stores, join)
}

// JoinStreamsRecord is JoinStreams with the key and any kind of join: the function [JoinStreamsRecord] as a method.
func (s *Stream[K, V]) JoinStreamsRecord[U, R any](
	right *Stream[K, U], kind JoinKind, windows window.Join, stores state.Join[K, V, U],
	join func(key Optional[K], left Optional[V], right Optional[U]) (Optional[R], error),
) *Stream[K, R] {
	return JoinStreamsRecord(s, right, kind, windows, stores, join)
}
