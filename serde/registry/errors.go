package registry

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotStarted means that a serde writes before it has the id of its schema. An application and the test driver see to
// that; whoever uses a serde by itself calls serde.Start, with a Use that writes, before.
var ErrNotStarted = errors.New("registry: the schema has no id yet: call serde.Start with the topic that is written")

// HeaderError says that bytes do not begin as a registry's serializers write them: another serializer wrote the topic.
type HeaderError struct {
	Begin []byte // of the bytes, at most 16 of them
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("registry: bytes do not begin with 0 and the id of a schema, or 1 and its GUID: % x: were they "+
		"written without a registry?", e.Begin)
}

// UnknownSchemaError says that the registry knows no schema of an id or GUID: the bytes are not of this registry's, or
// the schema was deleted for good.
type UnknownSchemaError struct {
	ID   int
	GUID string // empty: the bytes have an ID
	Err  error  // the answer
}

func (e *UnknownSchemaError) Error() string {
	return fmt.Sprintf("registry: %v is not known there: %v", schemaName{e.ID, e.GUID}, e.Err)
}

func (e *UnknownSchemaError) Unwrap() error { return e.Err }

// UnavailableError says that the registry did not answer for Config.Wait.
type UnavailableError struct {
	What   string // was asked for
	Waited time.Duration
	Err    error // of the last try
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("registry: no answer in %v about %s: %v", e.Waited, e.What, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// SchemaError says that the schema of a value cannot be read as the reader's type: Err tells the field and both types,
// as an avro.ResolveError or protobuf.ResolveError.
type SchemaError struct {
	ID   int
	GUID string // empty: the value has an ID
	Err  error
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("registry: %v: %v", schemaName{e.ID, e.GUID}, e.Err)
}

func (e *SchemaError) Unwrap() error { return e.Err }

// RefusedError says that the registry does not take a schema at the start: it is not compatible with those that the
// subject has, by the level that is set there, or MustExist does not find it.
type RefusedError struct {
	Subject string
	Reason  string
	Err     error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("registry: subject %s: the schema is refused: %s", e.Subject, e.Reason)
}

func (e *RefusedError) Unwrap() error { return e.Err }
