package streams

import (
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// Deduplicate passes the first record of each id: one whose id was passed already, at a timestamp no further than
// within from its own, is left out. The ids are kept in a window store for twice that time; a record that is later
// than within cannot be judged any more and is dropped and counted as late. Records of one id must be in one
// partition, as they are if their key follows from the id, or the id is unique within a key. Records with a null value
// pass untouched.
//
// Kafka Streams has no such step (KIP-655).
func Deduplicate[ID, K, V any](
	s *Stream[K, V], id func(V) ID, within time.Duration, store state.Window[ID, bool],
) *Stream[K, V] {
	s.of().given(id != nil, "Deduplicate: id")
	return deduplicate(s, keyOf[K](id), within, store)
}

// DeduplicateRecord is Deduplicate with the whole record; those for which id returns none pass untouched.
func DeduplicateRecord[ID, K, V any](
	s *Stream[K, V], id func(Record[K, V]) (Optional[ID], error), within time.Duration, store state.Window[ID, bool],
) *Stream[K, V] {
	s.of().given(id != nil, "DeduplicateRecord: id")
	return deduplicate(s, id, within, store)
}

func deduplicate[ID, K, V any](
	s *Stream[K, V], id func(Record[K, V]) (Optional[ID], error), within time.Duration, store state.Window[ID, bool],
) *Stream[K, V] {
	site := graph.Site()
	if within < time.Millisecond || within%time.Millisecond != 0 || within > math.MaxInt64/2 {
		s.b.graph.Fail(site, "deduplicate within %v: must be whole milliseconds, 1 or more, and below 146 years", within)
		within = time.Millisecond
	}
	s.of().keyedHere(s.rekeyed, site, "Deduplicate")
	s.b.own(storage.Of(store), site)
	s.b.kept(storage.Of(store), site)
	store = store.Retain(eventtime.Duration(2 * within.Milliseconds())).ByKey()
	return process(s, "deduplicate", site, []storage.Spec{storage.Of(store)}, func() graph.Processor[K, V, K, V] {
		return operator.Deduplicate(store, within.Milliseconds(), id)
	})
}
