package connect

import (
	"context"
	"fmt"

	"github.com/millstream-go/millstream/streams"
)

// Sink writes records to another system. A Runner opens it once, claims partitions as the group gives them, and writes
// their records; Claim may be called while Write is at work.
//
// An error of any method is taken for trouble that passes: it is logged, and the call is repeated, with back-off, until
// it succeeds or the context ends. Errors that say otherwise are a RefusedError, ErrFenced, a SetupError, and a
// LostRecordsError.
type Sink[K, V any] interface {
	// Open looks whether the other system is fit, before a record is read: whether tables are there, with the columns that
	// will be written. What an operator must mend is a SetupError, which ends the Runner.
	Open(ctx context.Context) error
	// Claim is told that this instance has got partitions; other instances must not be able to write them from now on. It
	// returns the offsets at which to read on, for those of which the other system knows. The others are read on where the
	// group has left off.
	Claim(ctx context.Context, partitions []Partition) (map[Partition]int64, error)
	// Write writes batches, each of another partition, and returns when they are durable. It must bear to be given the
	// same records again. The batches, and bytes in them, are valid until it returns.
	Write(ctx context.Context, batches []Batch[K, V]) error
	// Close is called once, when nothing will be written any more.
	Close() error
}

// Partition is a partition of a topic.
type Partition struct {
	Topic  string
	Number int32
}

// String is topic-number.
func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.Number) }

// Batch is records of one partition that follow each other. It may have none: then only its place has moved on.
type Batch[K, V any] struct {
	Partition Partition
	Records   []Record[K, V]
	First     int64 // the offset at which the batch begins: that of its first record, or below
	Next      int64 // the offset behind it, where reading goes on
	// TopicID is the id that Kafka gave the topic when it was created; zero: the brokers are older than 2.8, which know
	// none. A sink that keeps its place keeps this with it, and returns a LostRecordsError where the place is of another
	// one: offsets of a topic that was created anew mean other records.
	TopicID [16]byte
}

// Record is a record of a topic, with its offset and the bytes that it was decoded from.
type Record[K, V any] struct {
	streams.Record[K, V]
	Offset   int64
	RawKey   []byte // nil is null
	RawValue []byte // nil is null
}
