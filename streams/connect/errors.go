package connect

import (
	"errors"
	"fmt"
)

// ErrFenced is the error of a Sink whose place another instance has taken. The Runner drops what it has in hand, joins
// its group anew, and goes on with the partitions that it is given then. If it comes again and again, two groups write
// under one name.
var ErrFenced = errors.New("connect: another instance writes these partitions")

// SetupError is the error of another system that is not fit for what is to be written: a table that is missing, or has
// other columns. Mend that, or the declaration, and start again.
type SetupError struct {
	What string // the table, the index
	Err  error
}

func (e *SetupError) Error() string {
	return fmt.Sprintf("connect: %s is not as it must be: %v", e.What, e.Err)
}

func (e *SetupError) Unwrap() error { return e.Err }

// RefusedError is the error of a Sink whose system refuses records for what they are, so that no repetition would help.
type RefusedError struct {
	// Records are those that were refused; all others of the call have been written. Empty: it is not known which, and
	// none has been written. The Runner writes smaller parts then, down to one record.
	Records []Refusal
	Err     error // where Records is empty
}

func (e *RefusedError) Error() string {
	if len(e.Records) == 0 {
		return fmt.Sprintf("connect: records are refused: %v", e.Err)
	}
	return fmt.Sprintf("connect: %d records are refused, the first of them in %v at offset %d: %v", len(e.Records),
		e.Records[0].Partition, e.Records[0].Offset, e.Records[0].Err)
}

// Unwrap is Err, or the reason of the first record.
func (e *RefusedError) Unwrap() error {
	if len(e.Records) > 0 {
		return e.Records[0].Err
	}
	return e.Err
}

// Refusal is a record that was refused, and why.
type Refusal struct {
	Partition Partition
	Offset    int64
	Err       error
}

// RecordError is what Run returns for a record that does not decode, or that the other system refuses, where OnError is
// Fail: the record is at Offset of Partition.
type RecordError struct {
	Partition Partition
	Offset    int64
	Err       error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("connect: record at offset %d of %v: %v", e.Offset, e.Partition, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// LostRecordsError is what Run returns when the records behind its place are gone, or are others: the topic's retention
// took what was not written yet, the log was cut, or the topic was created anew. Reset the group, and what the other
// system has of the place, to go on.
type LostRecordsError struct {
	Partition Partition
	Err       error
}

func (e *LostRecordsError) Error() string {
	return fmt.Sprintf("connect: %v does not have the records any more that were to be written next: %v", e.Partition,
		e.Err)
}

func (e *LostRecordsError) Unwrap() error { return e.Err }
