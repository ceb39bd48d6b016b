package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
)

// MapValues gives each record another value. The key stays; a null value stays null.
func MapValues[VR, K, V any](s *Stream[K, V], fn func(V) VR) *Stream[K, VR] {
	s.of().given(fn != nil, "MapValues: fn")
	return MapValuesRecord(s, func(r Record[K, V]) (Optional[VR], error) {
		if r.NullValue {
			return None[VR](), nil
		}
		return Some(fn(r.Value)), nil
	})
}

// MapValuesRecord gives each record another value, or a null one where fn returns none. The key stays.
func MapValuesRecord[VR, K, V any](s *Stream[K, V], fn func(Record[K, V]) (Optional[VR], error)) *Stream[K, VR] {
	s.of().given(fn != nil, "MapValuesRecord: fn")
	return mapped[K, VR](s, "mapvalues", graph.Site(), operator.ValueOf(operator.MapperOf(fn)))
}

// Map makes another record of each: key and value are those of the result, timestamp and headers stay.
func Map[KR, VR, K, V any](s *Stream[K, V], fn func(Record[K, V]) (Record[KR, VR], error)) *Stream[KR, VR] {
	s.of().given(fn != nil, "Map: fn")
	site := graph.Site()
	return rekeyed(mapped[KR, VR](s, "map", site, operator.MapOf(fn)), site)
}

// FlatMap makes any number of records of each: fn calls emit for each and returns the error of emit as it is. Timestamp
// and headers stay.
func FlatMap[KR, VR, K, V any](
	s *Stream[K, V], fn func(r Record[K, V], emit func(Record[KR, VR]) error) error,
) *Stream[KR, VR] {
	s.of().given(fn != nil, "FlatMap: fn")
	site := graph.Site()
	new := func() graph.Processor[K, V, KR, VR] { return operator.FlatMap(fn) }
	return rekeyed(process(s, "flatmap", site, nil, new), site)
}

// FlatMapValues makes a record of each element that fn returns, under the same key. A null value passes untouched.
func FlatMapValues[VR, K, V any](s *Stream[K, V], fn func(V) []VR) *Stream[K, VR] {
	s.of().given(fn != nil, "FlatMapValues: fn")
	return FlatMapValuesRecord(s, func(r Record[K, V], emit func(Optional[VR]) error) error {
		if r.NullValue {
			return emit(None[VR]())
		}
		for _, v := range fn(r.Value) {
			if err := emit(Some(v)); err != nil {
				return err
			}
		}
		return nil
	})
}

// FlatMapValuesRecord makes any number of values of each record, under the same key: fn calls emit for each and returns
// the error of emit as it is.
func FlatMapValuesRecord[VR, K, V any](
	s *Stream[K, V], fn func(r Record[K, V], emit func(Optional[VR]) error) error,
) *Stream[K, VR] {
	s.of().given(fn != nil, "FlatMapValuesRecord: fn")
	return process(s, "flatmapvalues", graph.Site(), nil, func() graph.Processor[K, V, K, VR] {
		return operator.FlatMapValues(fn)
	})
}

// SelectKey gives each record another key, made of its value. A null value gives a null key.
func SelectKey[KR, K, V any](s *Stream[K, V], fn func(V) KR) *Stream[KR, V] {
	s.of().given(fn != nil, "SelectKey: fn")
	return selectKey(s, keyOf[K](fn))
}

// SelectKeyRecord gives each record another key, or a null one where fn returns none.
func SelectKeyRecord[KR, K, V any](s *Stream[K, V], fn func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	s.of().given(fn != nil, "SelectKeyRecord: fn")
	return selectKey(s, fn)
}

func keyOf[K, KR, V any](fn func(V) KR) func(Record[K, V]) (Optional[KR], error) {
	return func(r Record[K, V]) (Optional[KR], error) {
		if r.NullValue {
			return None[KR](), nil
		}
		return Some(fn(r.Value)), nil
	}
}

func selectKey[KR, K, V any](s *Stream[K, V], fn func(Record[K, V]) (Optional[KR], error)) *Stream[KR, V] {
	site := graph.Site()
	return rekeyed(mapped[KR, V](s, "selectkey", site, operator.KeyOf(fn)), site)
}

// GroupBy groups the records by another key, made of the value: they travel through a repartition topic to the
// partition of that key. Records whose value, and so whose key, is null are dropped there and counted.
func GroupBy[KR, K, V any](s *Stream[K, V], fn func(V) KR, topic Repartition[KR, V]) *Group[KR, V] {
	s.of().given(fn != nil, "GroupBy: fn")
	return GroupByRecord(s, keyOf[K](fn), topic)
}

// GroupByRecord groups the records by another key; those for which fn returns none are dropped and counted.
func GroupByRecord[KR, K, V any](
	s *Stream[K, V], fn func(Record[K, V]) (Optional[KR], error), topic Repartition[KR, V],
) *Group[KR, V] {
	s.of().given(fn != nil, "GroupByRecord: fn")
	return &Group[KR, V]{b: s.b, node: s.b.repartition(selectKey(s, fn).node, topic.d.given(), graph.Site())}
}
