package graph

import "github.com/millstream-go/millstream/internal/storage"

// Header is one header of a record: Key string, Value []byte. Names may repeat; order counts.
type Header = storage.Header

// Record is one record on its way through a topology. A null key or value is marked by its flag, never by a zero value:
// where the flag is set the field holds the zero value and means nothing. The literal Record[K, V]{Key: k, Value: v}
// therefore has neither null.
//
// Records are passed by value. Headers are shared between the records that carry them: never change one in place.
// Append is safe, the slice that a step gets has no room behind its last header.
type Record[K, V any] struct {
	Key       K
	Value     V
	NullKey   bool
	NullValue bool
	Timestamp int64 // event time, milliseconds since the epoch
	Headers   []Header
}

// NewRecord is a record with neither null, at an event time in milliseconds since the epoch: what a processor emits
// where it has no record to make it from with WithKey or WithValue.
func NewRecord[K, V any](key K, value V, timestamp int64) Record[K, V] {
	return Record[K, V]{Key: key, Value: value, Timestamp: timestamp}
}

// WithKey is r with another key; everything else stays.
func WithKey[K2, K, V any](r Record[K, V], key K2) Record[K2, V] {
	return Record[K2, V]{
		Key: key, Value: r.Value, NullValue: r.NullValue, Timestamp: r.Timestamp, Headers: r.Headers,
	}
}

// WithValue is r with another value; everything else stays.
func WithValue[V2, K, V any](r Record[K, V], value V2) Record[K, V2] {
	return Record[K, V2]{
		Key: r.Key, NullKey: r.NullKey, Value: value, Timestamp: r.Timestamp, Headers: r.Headers,
	}
}

// WithOptional is r with another value, or with a null one where value is none.
func WithOptional[V2, K, V any](r Record[K, V], value Optional[V2]) Record[K, V2] {
	if !value.OK {
		value = None[V2]()
	}
	out := WithValue(r, value.Value)
	out.NullValue = !value.OK
	return out
}

// Optional is a value that may be missing: the side of a join that found no partner, a result that is null. Value is
// the zero value where OK is false; of one that a function of the user's returns, it is not read.
type Optional[T any] struct {
	Value T
	OK    bool
}

// Some is a value that is there.
func Some[T any](v T) Optional[T] { return Optional[T]{Value: v, OK: true} }

// None is a value that is missing.
func None[T any]() Optional[T] { return Optional[T]{} }

// Change is what a table tells the steps downstream: the row before and after. Old is none for a new row, New is none
// for a deleted one, and at least one of them is there: a table never announces the delete of a row that was not
// visible.
type Change[V any] struct {
	Old, New Optional[V]
	// Stale marks a change of a versioned table's past: New is not the newest version of its key. Joins and groups of
	// tables pass over it (KIP-914).
	Stale bool
}

// Raw is a record as it came from a topic. A nil Key or Value is null, an empty one is not.
type Raw struct {
	Key, Value []byte
	Headers    []Header
	Timestamp  int64
	Offset     int64
	Control    bool  // a transaction marker: moves the offset, is never processed
	Epoch      int32 // of the leader under which it was written; -1: not known
}

// Output is an encoded record on its way to a topic. Key and Value stay valid until the record has been acknowledged.
type Output struct {
	Topic     string
	Partition int32 // the partition, or ByKey
	// HashSuffix is the number of bytes at the end of Key that the partitioner leaves out: windowed keys are
	// partitioned by the key alone (Kafka's WindowedStreamPartitioner).
	HashSuffix int
	Key, Value []byte // nil is null
	Headers    []Header
	// HeadersShared is true if the same slice of headers, which never changes, is that of other outputs, too.
	HeadersShared bool
	Timestamp     int64
	// Ack, where set, is told the offset that the broker gave the record.
	Ack func(offset int64)
	// Node is the sink that made it, and From with FromOffset the record that it was made of; nil: none.
	Node       *Node
	From       *Origin
	FromOffset int64
}

// Origin is a partition that records come from.
type Origin struct {
	Topic     string
	Partition int32
}

// ByKey as an Output's partition leaves the choice to the partitioner of Kafka's Java client (murmur2 of the key).
const ByKey int32 = -1
