package streams

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// Topology is what [Builder.Build] makes: something to run, by [New], or by testkit in a test, to draw and to compare.
// Package topology has its lock files.
type Topology = topology.Topology

// What travels between the steps of a topology.
type (
	// Record is one record on its way. A null key or value is marked by its flag, never by a zero value: where the flag
	// is set the field holds the zero value and means nothing. Record[K, V]{Key: k, Value: v} therefore has neither null.
	//
	//	Key       K
	//	Value     V
	//	NullKey   bool
	//	NullValue bool
	//	Timestamp int64 // event time, milliseconds since the epoch
	//	Headers   []Header
	//
	// Records are passed by value. Headers are shared between the records that carry them: never change one in place.
	// Append is safe, the slice that a step gets has no room behind its last header.
	Record[K, V any] = graph.Record[K, V]
	// Header is one header of a record: Key string, Value []byte. Names may repeat, order counts.
	Header = graph.Header
	// Optional is a value that may be missing, such as the side of a join that found no partner, or a result that is
	// null: Value T, and OK bool, without which Value is the zero value. Some and None make it.
	Optional[T any] = graph.Optional[T]
	// Change is what a table tells: the row before and after, Old and New Optional[V]. Old is none for a new row, New for
	// a deleted one. Stale bool marks a change of a versioned table's past, which joins and groups pass over (KIP-914).
	Change[V any] = graph.Change[V]

	// TimestampExtractor is func(r Record[K, V], partitionTime int64) (int64, error), for Topic.Timestamp. It gives the
	// event time of a record in milliseconds. r.Timestamp holds the broker's or producer's time, partitionTime is the
	// highest timestamp taken so far from the partition, -1 if none. A negative result drops the record.
	TimestampExtractor[K, V any] = graph.TimestampExtractor[K, V]
	// Partitioner is func(r Record[K, V], partitions int32) []int32, for the Partitioner methods of topics. It gives the
	// partitions that a record goes to, each from 0 on and less than the number of partitions of the topic; one that is
	// named twice gets the record twice. A record with none goes nowhere: that is no error, and is not counted. The
	// result is read before the next call.
	Partitioner[K, V any] = graph.Partitioner[K, V]
)

// What the author of a processor needs. Processor and FixedKeyProcessor have one method, Process, which gets a context
// and a record; all else is optional, a method each, in an interface of its own. Build refuses a processor with a
// method of one of their names that nothing would call: its signature is another, or it belongs to a processor within.
type (
	// Processor is a step of the user's own. There is one for each task, and only one goroutine at a time calls it.
	//
	//	Process(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error
	//
	// takes one record, and passes results on with ctx.Forward. An error that Process, or a punctuation, returns, or a
	// panic in it, takes back whatever the record did: its outputs and its writes to stores. What happens then is
	// Config.OnError.
	Processor[KIn, VIn, KOut, VOut any] = graph.Processor[KIn, VIn, KOut, VOut]
	// Context is what a processor has of its task. It is the same one from Init to Close, and valid on the goroutine that
	// calls the processor. It has the methods of AnyContext, and
	//
	//	Forward(r Record[K, V]) error
	//
	// which hands a record to the steps downstream, depth first in the order in which they were declared, and returns
	// when they are done. A caller returns the error as it is. A negative timestamp is a TimestampError. The steps
	// downstream see the zero value where a flag says null, whatever the record has there.
	Context[K, V any] = graph.Context[K, V]
	// FixedKeyProcessor is a Processor that cannot change keys, by its types: what it forwards stays in its partition,
	// and no repartition is needed downstream. It may have the same further methods, with its own context.
	//
	//	Process(ctx *FixedKeyContext[K, VOut], r FixedKeyRecord[K, VIn]) error
	FixedKeyProcessor[K, VIn, VOut any] = graph.FixedKeyProcessor[K, VIn, VOut]
	// FixedKeyContext is the Context of a FixedKeyProcessor. Its method Forward takes a FixedKeyRecord: a record whose key
	// came from the input. A punctuation has no record, and so no key to forward under.
	FixedKeyContext[K, V any] = graph.FixedKeyContext[K, V]
	// FixedKeyRecord is a Record whose key stays: Record() is the whole record, WithTimestamp(timestamp int64) the same
	// at another event time. FixedKeyValue gives it another value.
	FixedKeyRecord[K, V any] = graph.FixedKeyRecord[K, V]
	// AnyContext is a Context or a FixedKeyContext, of any types, with what depends on none: for functions that serve
	// several processors.
	//
	//	Store(name string) state.Store // for the handles of package state: Counts.In(ctx); see MissingStoreError
	//	StreamTime() int64             // highest timestamp the task has taken, in milliseconds; -1 before the first
	//	WallClock() int64              // in milliseconds; in tests, that of the driver
	//	Source() (topic string, partition int32, offset int64, ok bool) // of the record; false in a punctuation
	//	Task() TaskID
	//	Commit()                       // asks for a commit soon after this record
	//	Drop(reason DropReason)        // counts a record that the step drops
	//	Logger() *slog.Logger          // carries task and step
	//	Schedule(every time.Duration, clock PunctuationType, fn func(now int64) error) (cancel func())
	//
	// Schedule calls fn every interval, whole milliseconds, of a clock, with that clock's time in milliseconds. fn may
	// forward and use stores. cancel ends it.
	AnyContext = graph.AnyContext

	// Initializing is a processor that has something to do before its first record, such as to open stores or to enter
	// punctuations: Init(ctx C) error. C is the context that its Process has. Init is called once, with the stores open
	// and restored, on steps downstream first. There is no record to leave out for an error here: it ends the
	// application, whatever the error policy.
	Initializing[C any] = graph.Initializing[C]
	// Closing is a processor that has something to give back: Close() error. It is called once, when the task ends,
	// unless Init has failed, and forwards nothing.
	Closing = graph.Closing
	// Remembering is a processor that keeps something in memory of its own from record to record: Mark() makes the present
	// memory the one that Undo() returns to, as the record has failed. Mark is called after Init, and before each record
	// and punctuation of the task, whether or not they get here. Stores need nothing of the kind.
	Remembering = graph.Remembering
	// Committing is a processor that has something to say before each commit: BeforeCommit(ctx C) error. It is called if
	// there is anything to commit, on steps upstream first; what it forwards is part of the commit, and its error ends
	// the application. Memory that it clears needs no care: if the commit fails, the task begins anew from the one
	// before.
	Committing[C any] = graph.Committing[C]
	// Advancing is a processor that acts as time moves on, whichever input moves it: Advance(ctx C, timestamp int64) error
	// is called before each record of the task, with the record's timestamp in milliseconds, on steps upstream first.
	// What it does is part of the record, and its error one of the record.
	Advancing[C any] = graph.Advancing[C]
	// Settling is a processor that holds back what it has to say of a record until that has been through all steps of the
	// task: Settle(ctx C) error. It is called after each record and punctuation, after what Init forwarded and after each
	// Advance and BeforeCommit, on steps upstream first. What it forwards is part of the record, and its error one of the
	// record.
	Settling[C any] = graph.Settling[C]

	// PunctuationType is the clock of Context.Schedule: StreamTime or WallClockTime.
	PunctuationType = graph.PunctuationType
	// DropReason says under what Context.Drop counts a record: each dropped record is counted under exactly one.
	DropReason = graph.DropReason
	// TaskID is a task: Sub int is its sub-topology, Partition int32 the partition of its inputs.
	TaskID = graph.TaskID
)

// The clocks of punctuations.
const (
	// StreamTime punctuations are looked at after each record of the task. The first record fires them; after that they
	// fire once when stream time has reached the next multiple of the interval, restarts of the task or not.
	StreamTime = graph.StreamTime
	// WallClockTime punctuations fire when the wall clock has reached the next multiple of the interval after the last
	// firing: once, however far the clock has moved.
	WallClockTime = graph.WallClockTime
)

// Why records are dropped. A processor gives one of the first three, or a reason of its own. An aggregation by windows
// counts a record as late once for each of its windows that is closed, as Kafka Streams does.
const (
	DropLate        = graph.DropLate        // what the record would change is closed, or newer
	DropNullKey     = graph.DropNullKey     // where records need a key
	DropNullValue   = graph.DropNullValue   // where records need a value
	DropDeserialize = graph.DropDeserialize // does not decode; policy skip or dead letter
	DropProcess     = graph.DropProcess     // a function failed; policy skip or dead letter
	DropTimestamp   = graph.DropTimestamp   // the extractor gave a negative timestamp
	DropTimeJump    = graph.DropTimeJump    // the time is too far ahead; policy skip or dead letter
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
	return graph.NewRecord(key, value, timestamp)
}

// WithKey is r with another key; everything else stays.
func WithKey[K2, K, V any](r Record[K, V], key K2) Record[K2, V] { return graph.WithKey(r, key) }

// WithValue is r with another value; everything else stays.
func WithValue[V2, K, V any](r Record[K, V], value V2) Record[K, V2] {
	return graph.WithValue(r, value)
}

// WithOptional is r with another value, or with a null one where value is none.
func WithOptional[V2, K, V any](r Record[K, V], value Optional[V2]) Record[K, V2] {
	return graph.WithOptional(r, value)
}

// Some is a value that is there.
func Some[T any](v T) Optional[T] { return graph.Some(v) }

// None is a value that is missing, or null.
func None[T any]() Optional[T] { return graph.None[T]() }

// FixedKeyValue is r with another value, or with a null one where value is none: what a FixedKeyProcessor forwards.
func FixedKeyValue[V2, K, V any](r FixedKeyRecord[K, V], value Optional[V2]) FixedKeyRecord[K, V2] {
	return graph.FixedKeyValue(r, value)
}
