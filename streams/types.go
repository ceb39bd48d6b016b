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

	// TimestampExtractor gives the event time of a record, for Topic.Timestamp. See [topology.TimestampExtractor].
	TimestampExtractor[K, V any] = topology.TimestampExtractor[K, V]
	// Partitioner gives the partitions that a record goes to, for the Partitioner methods of topics. See
	// [topology.Partitioner].
	Partitioner[K, V any] = topology.Partitioner[K, V]
)

// What the author of a processor needs. Processor and FixedKeyProcessor have one method, Process, which gets a context
// and a record; all else is optional, a method each.
type (
	// Processor is a step of the user's own: Process(ctx, r). See [topology.Processor].
	Processor[KIn, VIn, KOut, VOut any] = topology.Processor[KIn, VIn, KOut, VOut]
	// Context is what a Processor has of its task: Forward, Store, Schedule, StreamTime, WallClock and more. See
	// [topology.Context].
	Context[K, V any] = topology.Context[K, V]
	// FixedKeyProcessor is a Processor that cannot change keys, for ProcessValues. See [topology.FixedKeyProcessor].
	FixedKeyProcessor[K, VIn, VOut any] = topology.FixedKeyProcessor[K, VIn, VOut]
	// FixedKeyContext is the Context of a FixedKeyProcessor. See [topology.FixedKeyContext].
	FixedKeyContext[K, V any] = topology.FixedKeyContext[K, V]
	// FixedKeyRecord is a Record with a key that stays; FixedKeyValue gives it another value. See
	// [topology.FixedKeyRecord].
	FixedKeyRecord[K, V any] = topology.FixedKeyRecord[K, V]
	// AnyContext is a Context or a FixedKeyContext, of any types: for functions that serve several processors. See
	// [topology.AnyContext].
	AnyContext = topology.AnyContext

	// Initializing is a processor with Init(ctx), before its first record; C is its context. See
	// [topology.Initializing].
	Initializing[C any] = topology.Initializing[C]
	// Closing is a processor with Close(), when its task ends. See [topology.Closing].
	Closing = topology.Closing
	// Remembering is a processor with memory of its own, which a record that fails takes back. See
	// [topology.Remembering].
	Remembering = topology.Remembering
	// Committing is a processor that is called before each commit. See [topology.Committing].
	Committing[C any] = topology.Committing[C]
	// Advancing is a processor that is told the time of each record of its task. See [topology.Advancing].
	Advancing[C any] = topology.Advancing[C]
	// Settling is a processor that is called behind each record of its task. See [topology.Settling].
	Settling[C any] = topology.Settling[C]

	// PunctuationType is the clock of Context.Schedule: StreamTime or WallClockTime. See [topology.PunctuationType].
	PunctuationType = topology.PunctuationType
	// DropReason says under what Context.Drop counts a record. See [topology.DropReason].
	DropReason = topology.DropReason
	// TaskID is a task: Sub int, Partition int32. See [topology.TaskID].
	TaskID = topology.TaskID
)

// The clocks of punctuations.
const (
	// StreamTime punctuations are looked at after each record of the task, see [topology.StreamTime].
	StreamTime = topology.StreamTime
	// WallClockTime punctuations go by the wall clock, see [topology.WallClockTime].
	WallClockTime = topology.WallClockTime
)

// Why records are dropped. A processor gives one of the first three, or a reason of its own.
const (
	DropLate        = topology.DropLate        // what the record would change is closed, or newer
	DropNullKey     = topology.DropNullKey     // where records need a key
	DropNullValue   = topology.DropNullValue   // where records need a value
	DropDeserialize = topology.DropDeserialize // does not decode; policy skip or dead letter
	DropProcess     = topology.DropProcess     // a function failed; policy skip or dead letter
	DropTimestamp   = topology.DropTimestamp   // the extractor gave a negative timestamp
	DropTimeJump    = topology.DropTimeJump    // the time is too far ahead; policy skip or dead letter
)

// ProcessError is the failure of one record: where it came from, the step that failed, and why. Of a call that a step
// gets without a record, such as Init and punctuations, Topic is empty.
//
// Its fields: Task is the id of the task; Node and Site are the step and the file:line that declared it; Topic,
// Partition and Offset are the record, and Timestamp, Key and Value what it has, as it was read; Cause is in which part
// of its way it failed; Err is what the step returned, or a PanicError, or a ProduceError if Kafka refused its result.
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

// FixedKeyValue is r with another value, or with a null one where value is none: what a FixedKeyProcessor forwards.
func FixedKeyValue[V2, K, V any](r FixedKeyRecord[K, V], value Optional[V2]) FixedKeyRecord[K, V2] {
	return topology.FixedKeyValue(r, value)
}
