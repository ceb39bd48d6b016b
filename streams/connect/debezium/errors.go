package debezium

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrEnvelope is the error of a value that is no change event: the text behind it says why. The topic is not one of
// changes, or the connector unwraps them (ExtractNewRecordState), which JSONRow reads.
var ErrEnvelope = errors.New("debezium: not a change event")

func envelopeError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrEnvelope, fmt.Sprintf(format, args...))
}

// OpError is the error of a change event with an operation that this package does not know. It is an ErrEnvelope.
type OpError struct{ Op Op }

func (e *OpError) Error() string {
	return fmt.Sprintf("%v: op is %q, which is none of c, u, d, r, t and m", ErrEnvelope, string(e.Op))
}

func (e *OpError) Unwrap() error { return ErrEnvelope }

// ColumnError is the error of a column that does not fit the field that takes it. Err says why, and what to change.
type ColumnError struct {
	Column string       // with the columns around it: address.street, tags[2]
	Field  reflect.Type // the Go type
	Err    error
}

func (e *ColumnError) Error() string {
	return fmt.Sprintf("debezium: column %q into %v: %v", e.Column, e.Field, e.Err)
}

func (e *ColumnError) Unwrap() error { return e.Err }

// What a ColumnError wraps.
var (
	// ErrNull: the column is null and the field cannot be. Make it a pointer.
	ErrNull = errors.New("it is null: the field must be a pointer")
	// ErrNoColumn: the row has no such column. Mend the tag, or give it the option optional.
	ErrNoColumn = errors.New("the row has no such column: the name in the tag is wrong, or the option optional missing")
	// ErrDecimalMode: the connector's decimal.handling.mode is another than the field is for.
	ErrDecimalMode = errors.New("decimal.handling.mode")
	// ErrUnit: a number is a time, and its unit is not known, or another than the tag says.
	ErrUnit = errors.New("the unit of the number")
)

// TruncateError is the error of a truncated table, unless Table was given EmptyOnTruncate. Read it there.
type TruncateError struct{ Table string }

func (e *TruncateError) Error() string {
	return fmt.Sprintf("debezium: table %s was truncated, which reaches one partition of the topic only: "+
		"with one partition give Table the option EmptyOnTruncate, else leave truncates out with "+
		"skipped.operations=t and delete rows instead", e.Table)
}

// UnavailableError is the error of a change that leaves a large value out where the table has no row to take it from.
// Either the key changed, so that the row was another's: with REPLICA IDENTITY FULL the value is sent. Or the topic was
// compacted, or its start is gone: a new snapshot brings the row.
type UnavailableError struct{ Columns []string }

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("debezium: the values of columns %q were not sent, as the change left them alone, and the table "+
		"does not have them: set REPLICA IDENTITY FULL if keys change, else take a new snapshot", e.Columns)
}
