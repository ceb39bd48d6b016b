package streams

import (
	"errors"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/worker"
)

// The errors of New and Run that a program may want to tell apart, with errors.Is and errors.As. Each one's text says
// what to do.
var (
	// ErrStateLocked means that another process uses the state directory. Give each process its own.
	ErrStateLocked = store.ErrLocked
	// ErrFenced means that another process has the identity that is kept in the state directory, as after copying one.
	ErrFenced = worker.ErrFenced
	// ErrDeserialize is in the error of a record whose key or value its serde does not decode: mend the record, or the
	// declaration of the topic. Config.OnError says whether to go on without it.
	ErrDeserialize = graph.ErrDeserialize
	// ErrTimestamp is in the error of a record whose own timestamp is negative, or whose extractor failed: give the topic
	// an extractor that finds the time elsewhere.
	ErrTimestamp = graph.ErrTimestamp
	// ErrTimeJump is in the error of a record whose time is further ahead than Config.MaxTimeJump allows. If its time is
	// right, raise that bound.
	ErrTimeJump = graph.ErrTimeJump
	// ErrRunning means that Run was called a second time. Make a new App.
	ErrRunning = errors.New("streams: an App runs once: make a new one")
)

// Errors with fields are for errors.As: var e *streams.ProduceError; errors.As(err, &e).
type (
	// MissingSourceError lists input topics that do not exist, in Topics []string.
	MissingSourceError = graph.MissingSourceError
	// MissingSinkError lists output topics that do not exist, in Topics []string.
	MissingSinkError = cluster.MissingSinkError
	// NoOffsetError tells of a topic that is read FromCommitted, and has no committed offset, or none that is still
	// there: Topic string, Partitions []int32.
	NoOffsetError = cluster.NoOffsetError
	// AmbiguousTopicError tells of a topic that is read by two patterns, or by a pattern and by name: Topic string, and
	// what reads it, First and Second string, with file:line.
	AmbiguousTopicError = graph.AmbiguousTopicError
	// CopartitionError tells of topics that are joined, or kept in one store, and have different numbers of partitions:
	// Counts map[string]int32 by topic, and Site string, the call that needs them together.
	CopartitionError = graph.CopartitionError
	// DeletedSourceError tells of an input topic that was deleted while the application ran, or deleted and created
	// anew: Topic string and Anew bool.
	DeletedSourceError = cluster.DeletedSourceError
	// InternalTopicError tells of an internal topic that is not as the topology needs it: Topic string, what it is and
	// should be, Have and Want string, and what to do, Cure string.
	InternalTopicError = cluster.InternalTopicError
	// ChangelogError tells of a record in a changelog that the store cannot have written: Topic string, Partition int32,
	// Offset int64, Err error.
	ChangelogError = task.ChangelogError
	// GrownTopicError means that an input topic has got more partitions since the application started: Topic string, Had
	// and Has int32.
	GrownTopicError = cluster.GrownTopicError
	// LostOffsetsError means that the group's offset of an input is gone, or was set by hand, and that the state has
	// counted records that would come again: Topic string, Partition int32; Committed int64 is the group's offset, Stored
	// int64 that of the local state, -1 for none. Only a Committed below Stored can be set to that.
	LostOffsetsError = task.LostOffsetsError
	// LostInputError means that an input has lost records that were read: Topic string, Partition int32, Offset int64 up
	// to which it was read, End int64 up to which that is still there; Anew bool: the topic was created anew.
	LostInputError = task.LostInputError
	// LostStateError means that a store has lost rows: Store string, Topic string (its changelog, if it has one),
	// Partition int32, Reason string.
	LostStateError = task.LostStateError
	// UnreachableError means that no broker answered within Config.StartTimeout: Waited time.Duration, and the last
	// failure, Err error.
	UnreachableError = cluster.UnreachableError
	// SecurityError means that a broker was reached, and that the two do not agree on encryption, or on who the
	// application is: Reason string, what is probably wrong and what to change, and Err error.
	SecurityError = cluster.SecurityError
	// RightsError means that Kafka does not let the application's user do something: Operation string and Resource
	// string, as kafka-acls names them, Name string of the resource, Prefixed bool (it is the beginning of the names of
	// several), and Err error.
	RightsError = cluster.RightsError
	// StateFormatError means that the state directory, or the changelog, holds a store of the same name in another format:
	// the state of another topology. Store string is its name, Have and Want string are the formats, Changelog string is
	// the topic; empty: the state directory.
	StateFormatError = task.ErrStateFormat
	// ProduceError is a record that Kafka did not take, because it is too large for its topic, for example: Topic string,
	// Partition int32, Bytes int (of key and value), Key []byte, Err error; Node and Site string, the step that made it
	// and where that was declared; Source string, SourcePartition int32 and SourceOffset int64, the input record that it
	// was made of. Of a changelog, step and record are not known.
	ProduceError = worker.ProduceError
	// ShutdownError means that the application stopped without a last commit: Err error says why.
	ShutdownError = worker.ShutdownError
	// BusyError means that a step was still at work when Config.ShutdownTimeout was over: Task string, and Time
	// time.Duration, which is that. The worker has left Kafka; its state directory stays locked until the step returns.
	BusyError = worker.BusyError
	// MissingStoreError means that a processor uses a store that Process was not given: Store, Node (the step) and Site
	// (file:line of the call that declared it), all string.
	MissingStoreError = graph.MissingStoreError
	// MissingOutputError means that a processor forwards to an output that nobody asked of its step with SideOutput, or
	// has with other types: Output, Record (its type), Node and Site string.
	MissingOutputError = graph.MissingOutputError
	// TimestampError is the error of a record that a step forwards at a negative time, Timestamp int64: no topic takes
	// it, and no window holds it.
	TimestampError = graph.TimestampError
	// PanicError is a panic in the user's code, as the Err of a ProcessError: Value any is what it panicked with, Stack
	// []byte where, and Site string the file:line of that, the first one outside of the library; empty if there is none.
	PanicError = task.PanicError
)
