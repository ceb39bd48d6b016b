package streams

import (
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// The types of package topology that a user of the DSL meets, under shorter names.
type (
	Record[K, V any]                    = topology.Record[K, V]
	Header                              = topology.Header
	Optional[T any]                     = topology.Optional[T]
	Change[V any]                       = topology.Change[V]
	Processor[KIn, VIn, KOut, VOut any] = topology.Processor[KIn, VIn, KOut, VOut]
	Context[K, V any]                   = topology.Context[K, V]
	Contextual[K, V any]                = topology.Contextual[K, V]
	FixedKeyProcessor[K, VIn, VOut any] = topology.FixedKeyProcessor[K, VIn, VOut]
	FixedKeyContext[K, V any]           = topology.FixedKeyContext[K, V]
	FixedKeyRecord[K, V any]            = topology.FixedKeyRecord[K, V]
	TimestampExtractor[K, V any]        = topology.TimestampExtractor[K, V]
	Partitioner[K, V any]               = topology.Partitioner[K, V]
)

// ProcessError is the failure of one record: where it came from, the step that failed, and why. Of a call that a step
// gets without a record, such as Init and punctuations, Topic is empty.
type ProcessError = task.ProcessError

// Some is a value that is there.
func Some[T any](v T) Optional[T] { return topology.Some(v) }

// None is a value that is missing, or null.
func None[T any]() Optional[T] { return topology.None[T]() }
