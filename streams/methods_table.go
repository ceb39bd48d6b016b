//go:build go1.27

package streams

import "github.com/millstream-go/millstream/state"

// MapValues gives each row another value: the function [TableMapValues] as a method.
func (t *Table[K, V]) MapValues[VR any](fn func(V) VR) *Table[K, VR] { return TableMapValues(t, fn) }

// MapValuesRecord gives each row another value, or none: the function [TableMapValuesRecord] as a method.
func (t *Table[K, V]) MapValuesRecord[VR any](fn func(Record[K, V]) (Optional[VR], error)) *Table[K, VR] {
	return TableMapValuesRecord(t, fn)
}

// ToStreamKey is the stream of the rows as they change, under other keys: the function [ToStreamKey] as a method.
func (t *Table[K, V]) ToStreamKey[KR any](key func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	return ToStreamKey(t, key)
}

// GroupBy groups the rows by another key, with another value: the function [TableGroupBy] as a method.
func (t *Table[K, V]) GroupBy[KR, VR any](
	fn func(key K, value V) (KR, VR), topic Repartition[KR, VR],
) *TableGroup[KR, VR] {
	return TableGroupBy(t, fn, topic)
}

// GroupByRecord groups the rows by another key, with another value: the function [TableGroupByRecord] as a method.
func (t *Table[K, V]) GroupByRecord[KR, VR any](
	fn func(Record[K, V]) (Record[KR, VR], error), topic Repartition[KR, VR],
) *TableGroup[KR, VR] {
	return TableGroupByRecord(t, fn, topic)
}

// Join is the rows that two tables have under one key, put together: the function [TableJoin] as a method.
func (t *Table[K, V]) Join[U, R any](right *Table[K, U], join func(left V, right U) R) *Table[K, R] {
	return TableJoin(t, right, join)
}

// LeftJoin is Join with a row for each of the left table: the function [TableLeftJoin] as a method.
func (t *Table[K, V]) LeftJoin[U, R any](right *Table[K, U], join func(left V, right Optional[U]) R) *Table[K, R] {
	return TableLeftJoin(t, right, join)
}

// OuterJoin is Join with a row for each of both tables: the function [TableOuterJoin] as a method.
func (t *Table[K, V]) OuterJoin[U, R any](
	right *Table[K, U], join func(left Optional[V], right Optional[U]) R,
) *Table[K, R] {
	return TableOuterJoin(t, right, join)
}

// JoinRecord is Join with the key and any kind of join: the function [TableJoinRecord] as a method.
func (t *Table[K, V]) JoinRecord[U, R any](
	right *Table[K, U], kind JoinKind, join func(key K, left Optional[V], right Optional[U]) (Optional[R], error),
) *Table[K, R] {
	return TableJoinRecord(t, right, kind, join)
}

// JoinForeignKey joins each row with the one that it points at: the function [JoinForeignKey] as a method.
func (t *Table[K, V]) JoinForeignKey[FK, U, R any](
	right *Table[FK, U], via ForeignKey[K, FK, V, U], store state.KeyValue[K, R],
	pointer func(key K, left V) Optional[FK], join func(left V, right U) R,
) *Table[K, R] {
	return JoinForeignKey(t, right, via, store, pointer, join)
}

// LeftJoinForeignKey is JoinForeignKey with a row for each left one: the function [LeftJoinForeignKey] as a method.
func (t *Table[K, V]) LeftJoinForeignKey[FK, U, R any](
	right *Table[FK, U], via ForeignKey[K, FK, V, U], store state.KeyValue[K, R],
	pointer func(key K, left V) Optional[FK], join func(left V, right Optional[U]) R,
) *Table[K, R] {
	return LeftJoinForeignKey(t, right, via, store, pointer, join)
}

// JoinForeignKeyRecord is JoinForeignKey with the key and any kind of join: the function [JoinForeignKeyRecord] as a
// method.
func (t *Table[K, V]) JoinForeignKeyRecord[FK, U, R any](
	right *Table[FK, U], via ForeignKey[K, FK, V, U], store state.KeyValue[K, R], kind JoinKind,
	pointer func(key K, left V) Optional[FK], join func(key K, left V, right Optional[U]) (Optional[R], error),
) *Table[K, R] {
	return JoinForeignKeyRecord(t, right, via, store, kind, pointer, join)
}
