package streams

import (
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// What a user of the DSL meets of package topology, under shorter names. The types are the same: topology has their
// methods.
type (
	// Record is one record: Key K, Value V, NullKey and NullValue bool, Timestamp int64 (event time, milliseconds since
	// the epoch), Headers []Header. See [topology.Record].
	Record[K, V any] = topology.Record[K, V]
	// Header is one header of a record: Key string, Value []byte. Names may repeat. See [state.Header].
	Header = topology.Header
	// Optional is a value that may be missing: Value T, and OK bool, without which Value means nothing. Some and None
	// make it. See [topology.Optional].
	Optional[T any] = topology.Optional[T]
	// Change is a row before and after, Old and New Optional[V], with Stale bool. See [topology.Change].
	Change[V any] = topology.Change[V]

	// Processor is a step of the user's own, with Init, Process and Close. See [topology.Processor].
	Processor[KIn, VIn, KOut, VOut any] = topology.Processor[KIn, VIn, KOut, VOut]
	// Context is what a Processor has of its task: Forward, Store, Schedule, StreamTime, WallClock and more. See
	// [topology.Context].
	Context[K, V any] = topology.Context[K, V]
	// Contextual is embedded in a Processor: it keeps the Context as Ctx, and has an Init and a Close. See
	// [topology.Contextual].
	Contextual[K, V any] = topology.Contextual[K, V]
	// FixedKeyProcessor is a Processor that cannot change keys, for ProcessValues. See [topology.FixedKeyProcessor].
	FixedKeyProcessor[K, VIn, VOut any] = topology.FixedKeyProcessor[K, VIn, VOut]
	// FixedKeyContext is the Context of a FixedKeyProcessor. See [topology.FixedKeyContext].
	FixedKeyContext[K, V any] = topology.FixedKeyContext[K, V]
	// FixedKeyRecord is a Record with a key that stays. See [topology.FixedKeyRecord] and [topology.FixedKeyValue].
	FixedKeyRecord[K, V any] = topology.FixedKeyRecord[K, V]

	// TimestampExtractor gives the event time of a record, for Topic.Timestamp. See [topology.TimestampExtractor].
	TimestampExtractor[K, V any] = topology.TimestampExtractor[K, V]
	// Partitioner gives the partitions that a record goes to, for the Partitioner methods of topics. See
	// [topology.Partitioner].
	Partitioner[K, V any] = topology.Partitioner[K, V]
)

// ProcessError is the failure of one record: where it came from, the step that failed, and why. Of a call that a step
// gets without a record, such as Init and punctuations, Topic is empty.
//
// Its fields: Task is the id of the task; Node and Site are the step and the file:line that declared it; Topic,
// Partition and Offset are the record; Err is what the step returned, or a PanicError.
type ProcessError = task.ProcessError

// NewRecord is a record with neither null, at an event time in milliseconds since the epoch. A processor that emits
// what follows from the record it has uses WithKey or WithValue, so that time and headers stay.
func NewRecord[K, V any](key K, value V, timestamp int64) Record[K, V] {
	return topology.NewRecord(key, value, timestamp)
}

// WithKey is r with another key; everything else stays.
func WithKey[K2, K, V any](r Record[K, V], key K2) Record[K2, V] { return topology.WithKey(r, key) }

// WithValue is r with another value; everything else stays.
func WithValue[V2, K, V any](r Record[K, V], value V2) Record[K, V2] {
	return topology.WithValue(r, value)
}

// WithOptional is r with another value, or with a null one where value is none.
func WithOptional[V2, K, V any](r Record[K, V], value Optional[V2]) Record[K, V2] {
	return topology.WithOptional(r, value)
}

// Some is a value that is there.
func Some[T any](v T) Optional[T] { return topology.Some(v) }

// None is a value that is missing, or null.
func None[T any]() Optional[T] { return topology.None[T]() }
