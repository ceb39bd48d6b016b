package registry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/millstream-go/millstream/serde"
)

// Codec is a serde with a schema, such as *avro.Serde, *protobuf.Serde and *jsonschema.Serde.
type Codec[T any] interface {
	serde.Serde[T]
	// Schema is what Append writes by. Its Type is always set; without a Text the codec only reads.
	Schema() serde.Schema
	// Resolve gives the function that reads what another schema wrote.
	Resolve(writer serde.Schema) (decode func(src []byte) (T, error), err error)
}

// Serde writes values with the id of their schema in front, and reads them by the schema that wrote them. It is made by
// Of.
type Serde[T any] struct {
	registry *Registry
	codec    Codec[T]
	schema   serde.Schema
	subject  Subject
	exists   bool

	inHeaders bool

	header  atomic.Pointer[[]byte] // what is written in front of values; nil before Start
	readers atomic.Pointer[map[string]reader[T]]
	adding  sync.Mutex // guards a change of readers
	starts  starts
}

// reader reads the values behind one header.
type reader[T any] struct {
	decode func(src []byte) (T, error)
	err    error
}

// mostReaders bounds the headers that are remembered: the bytes of Protobuf's indexes could differ without end.
const mostReaders = 10_000

// Option is a setting of a serde.
type Option func(*settings)

type settings struct {
	subject   Subject
	exists    bool
	inHeaders bool
}

// By has the schema under the subjects that a strategy gives; the default is TopicName.
func By(subject Subject) Option { return func(s *settings) { s.subject = subject } }

// MustExist registers nothing: a schema that its subject does not have yet ends the start with a RefusedError. It is
// for registries where schemas are put by another way (auto.register.schemas=false).
func MustExist() Option { return func(s *settings) { s.exists = true } }

// InHeaders writes the GUID of the schema into a header of each record, __value_schema_id, in place of the id in front
// of the value, as Confluent's HeaderSchemaIdSerializer does. Rows of stores, which have no headers, have it in front.
// The registry must tell GUIDs. Reading needs no option: both are understood. It is for values only: keys are
// partitioned and looked up by all of their bytes.
func InHeaders() Option { return func(s *settings) { s.inHeaders = true } }

// Of is a codec with its schemas in a registry.
func Of[T any](r *Registry, codec Codec[T], options ...Option) *Serde[T] {
	set := settings{subject: TopicName}
	for _, o := range options {
		o(&set)
	}
	s := &Serde[T]{registry: r, codec: codec, subject: set.subject, exists: set.exists, inHeaders: set.inHeaders}
	if codec != nil {
		s.schema = codec.Schema()
	}
	return s
}

// Format names the format and the record, not the schema: that evolves.
func (s *Serde[T]) Format() string {
	parts := []string{strings.ToLower(s.schema.Type)}
	if s.schema.Name != "" {
		parts = append(parts, s.schema.Name)
	}
	if s.inHeaders {
		parts = append(parts, "guid") // rows that are compared have other bytes than with ids
	}
	return "registry(" + strings.Join(parts, ",") + ")"
}

// Parts is the codec, see serde.ShapesOf.
func (s *Serde[T]) Parts() []any { return []any{s.codec} }

// Err is what is wrong with the registry's settings or with the codec.
func (s *Serde[T]) Err() error {
	if s.registry == nil {
		return errors.New("registry: the registry is nil")
	}
	return errors.Join(s.registry.err, serde.ErrOf(s.codec))
}

// Append writes a value behind the id of its schema, which Start has found: before, it is an ErrNotStarted.
func (s *Serde[T]) Append(dst []byte, v T) ([]byte, error) {
	header := s.header.Load()
	switch {
	case header == nil && s.schema.Text == "": // it only reads, and says so
		return s.codec.Append(dst, v)
	case header == nil:
		return dst, fmt.Errorf("%w: %s", ErrNotStarted, s.Format())
	}
	return s.codec.Append(append(dst, *header...), v)
}

// Decode reads a value by the schema that wrote it, which it asks the registry for when it sees its id for the first
// time.
func (s *Serde[T]) Decode(src []byte) (v T, err error) {
	n := headerSize(src, s.schema.Type)
	if n == 0 {
		return v, &HeaderError{Begin: bytes.Clone(src[:min(len(src), 16)])}
	}
	var r reader[T]
	known := false
	if readers := s.readers.Load(); readers != nil {
		r, known = (*readers)[string(src[:n])]
	}
	if !known {
		if r, err = s.ask(string(src[:n])); err != nil {
			return v, err
		}
	}
	if r.err != nil {
		return v, r.err
	}
	return r.decode(src[n:])
}

// ask finds the reader of a header. An error is one of the registry, which may know more later.
func (s *Serde[T]) ask(header string) (reader[T], error) {
	if err := s.Err(); err != nil {
		return reader[T]{}, err
	}
	name := nameOf(header)
	writer, err := s.registry.schema(s.registry.life(), name)
	if err != nil {
		return reader[T]{}, err
	}
	writer.Message = indexesOf(header)
	var r reader[T]
	if r.decode, err = s.codec.Resolve(writer); err != nil {
		r.err = &SchemaError{ID: name.id, GUID: name.guid, Err: err}
	}
	s.add(header, r)
	return r, nil
}

func (s *Serde[T]) add(header string, r reader[T]) {
	s.adding.Lock()
	defer s.adding.Unlock()
	more := map[string]reader[T]{header: r}
	if readers := s.readers.Load(); readers != nil && len(*readers) < mostReaders {
		maps.Copy(more, *readers)
	}
	s.readers.Store(&more)
}

// FrameHeader is the header that Confluent's serializers put the GUID of a value's schema into.
func (s *Serde[T]) FrameHeader() string { return "__value_schema_id" }

// Frame is how many bytes of a value belong into the header: none without InHeaders.
func (s *Serde[T]) Frame(b []byte) int {
	if !s.inHeaders {
		return 0
	}
	return headerSize(b, s.schema.Type)
}

// write is the header of values whose schema has a name.
func (s *Serde[T]) write(name schemaName) ([]byte, error) {
	header := binary.BigEndian.AppendUint32([]byte{0}, uint32(name.id))
	if name.guid != "" {
		guid, err := guids.Decode([]byte(name.guid))
		if err != nil {
			return nil, err
		}
		header = append([]byte{1}, guid[:]...)
	}
	if s.schema.Type == serde.ProtobufSchema {
		header = appendIndexes(header, s.schema.Message)
	}
	return slices.Clip(header), nil
}
